//! The order of the elements along an axis; sorting and the largest elements, made of it.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::arg_reduce::{expect_axis, for_each_lane};
use crate::{DType, OpError, Tensor, Type};

/// The positions of the elements in sorted order along `axis`, as `int32`.
///
/// Equal elements keep their order, zeros of either sign are equal, and NaN comes last whether
/// ascending or descending (JAX puts it first when descending: it would win every top-k).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ArgSort {
    /// The axis.
    pub axis: usize,
    /// Whether the largest element comes first.
    pub descending: bool,
}

impl Tensor {
    /// The positions (`int32`) that would sort this tensor along `axis`; [`ArgSort`] says how.
    ///
    /// `keras.ops.argsort` when ascending.
    #[track_caller]
    pub fn arg_sort(&self, axis: isize, descending: bool) -> Tensor {
        match self.shape().axis(axis) {
            Some(axis) => Tensor::apply(ArgSort { axis, descending }, &[self]),
            None => self.bad_axis("arg_sort", axis),
        }
    }

    /// The elements in sorted order along `axis`; [`ArgSort`] says how.
    ///
    /// `keras.ops.sort` when ascending.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([3], &[2f32, 3., 1.])?);
    /// assert_eq!(evaluate(&x.sort(0, false))?.to_f64_vec(), [1., 2., 3.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> Tensor {
        let order = self.arg_sort(axis, descending);
        match order.is_poisoned() {
            true => order,
            false => self.take_along_axis(&order, axis),
        }
    }

    /// The `k` largest elements along the last axis, largest first, and their positions (`int32`).
    ///
    /// Of equal elements the first comes first; NaN counts as smallest. `keras.ops.top_k`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([4], &[2f32, 3., 1., 3.])?);
    /// let (values, indices) = x.top_k(3);
    /// assert_eq!(evaluate(&values)?.to_f64_vec(), [3., 3., 2.]);
    /// assert_eq!(evaluate(&indices)?.to_f64_vec(), [1., 3., 0.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn top_k(&self, k: usize) -> (Tensor, Tensor) {
        if !self.is_poisoned() && self.rank() > 0 && k > self.dim(-1) {
            let wrong = Tensor::poisoned(OpError::new(
                format!("`top_k` cannot find {k} elements in {}", self.shape()),
                format!("at most {}, the last axis", self.dim(-1)),
                k.to_string(),
            ));
            return (wrong.clone(), wrong);
        }
        let order = self.arg_sort(-1, true);
        if order.is_poisoned() {
            return (order.clone(), order);
        }
        let first = order.slice_axis(-1, ..k as isize);
        (self.take_along_axis(&first, -1), first)
    }
}

impl Rule for ArgSort {
    fn name(&self) -> &'static str {
        "arg_sort"
    }

    fn attributes(&self) -> String {
        format!("{}{}", self.axis, if self.descending { ", descending" } else { "" })
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x] = expect_inputs("arg_sort", inputs)?;
        expect_axis("arg_sort", x, self.axis)?;
        Ok(vec![Type::new(DType::I32, &x.shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let x = &inputs[0].data;
        let mut data = vec![0.0; x.len()];
        for_each_lane(inputs[0].shape(), self.axis, |_, positions| {
            let mut order: Vec<usize> = (0..positions.len()).collect();
            let value = |i: usize| x[positions[i]];
            order.sort_by(|&i, &j| {
                let (a, b) =
                    if self.descending { (value(j), value(i)) } else { (value(i), value(j)) };
                let last = value(i).is_nan().cmp(&value(j).is_nan());
                last.then(a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
            });
            for (&to, from) in positions.iter().zip(order) {
                data[to] = from as f64;
            }
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::ZeroAlmostEverywhere
    }
}

impl Described for ArgSort {
    const INFO: Info = Info {
        name: "arg_sort",
        kind: Kind::Primitive,
        summary: "the order of the elements along an axis",
        samples: || [false, true].into_iter().flat_map(samples).collect(),
        errors: || {
            let op = ArgSort { axis: 1, descending: false };
            vec![
                BadSample::new(
                    op,
                    &[Type::new(DType::F32, [3])],
                    "`arg_sort` has no axis 1 in (3,)\n  expected  an axis below 1\n  received  1",
                ),
                BadSample::new(
                    op,
                    &[Type::new(DType::U8, [1, 1 << 31])],
                    "`arg_sort` counts elements in int32\n  expected  an axis of at most \
                     2147483647\n  received  2147483648",
                ),
            ]
        },
    };
}

fn samples(descending: bool) -> Vec<Sample> {
    let case = |label: &str, axis, x: Values| {
        let label = if descending { format!("{label}, descending") } else { label.to_string() };
        Sample::new(label, ArgSort { axis, descending }, vec![x])
    };
    let edges = [1.0, f64::NAN, -0.0, f64::INFINITY, 0.0, f64::NEG_INFINITY, f64::NAN, 1.0];
    let ties = Values::integers(DType::I32, [3, 9], 0, 4, 1);
    vec![
        case("last axis", 1, Values::distinct([3, 7], 1)),
        case("first axis", 0, Values::distinct([5, 2], 2)),
        case("middle axis", 1, Values::distinct([2, 4, 3], 3)),
        case("one element", 1, Values::distinct([3, 1], 4)),
        case("nothing", 0, Values::distinct([0, 2], 5)),
        case("no lanes", 1, Values::distinct([0, 2], 5)),
        case("longer than a block", 0, Values::distinct([300], 6)),
        case("edges", 0, Values::of([8], &edges)).without_gradient(),
        case("ties of integers", 1, ties).without_gradient(),
    ]
}
