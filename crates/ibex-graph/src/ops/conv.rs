//! Convolution along one to three spatial axes, channels last, and its two gradients.
//!
//! The three are linear in both inputs and each is a gradient of the others, so derivatives of
//! every order stay among them.
//! The gradient by the input is also the transposed convolution.

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp, expect_inputs};
use crate::ops::window::{Padding, Window, for_each_tap, positions};
use crate::{DType, OpError, Shape, Tensor, Type};

/// Input `(N, *spatial, C)` and kernel `(*k, C / groups, F)` give `(N, *out, F)`.
///
/// As everywhere in deep learning the kernel is not mirrored.
/// Filters `F / groups · i ..` see the channels `C / groups · i ..` only.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Convolution {
    /// Distance between two windows along each spatial axis.
    pub strides: Vec<usize>,
    /// Zeros before and after each spatial axis.
    pub padding: Vec<(usize, usize)>,
    /// Distance between two elements under the kernel along each spatial axis.
    pub dilation: Vec<usize>,
    /// Into how many independent parts channels and filters are divided.
    pub groups: usize,
}

/// The gradient of a convolution by its input: output gradient `(N, *out, F)` and kernel
/// `(*k, C / groups, F)` give `(N, *spatial, C)`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ConvolutionInputGradient {
    /// The convolution that is differentiated.
    pub convolution: Convolution,
    /// The shape of its input, which output and kernel leave open when a stride skips elements.
    pub input_shape: Shape,
}

/// The gradient of a convolution by its kernel: input `(N, *spatial, C)` and output gradient
/// `(N, *out, F)` give `(*k, C / groups, F)`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ConvolutionKernelGradient {
    /// The convolution that is differentiated.
    pub convolution: Convolution,
    /// The shape of its kernel.
    pub kernel_shape: Shape,
}

impl Tensor {
    /// The convolution of this tensor `(N, *spatial, C)` with `kernel` `(*k, C / groups, F)`:
    /// `(N, *out, F)`.
    ///
    /// `strides` and `dilation` have one entry for each of the one to three spatial axes.
    /// `keras.ops.conv`.
    #[track_caller]
    pub fn convolution(
        &self,
        kernel: &Tensor,
        strides: &[usize],
        padding: Padding,
        dilation: &[usize],
        groups: usize,
    ) -> Tensor {
        let extents = self.shape().get(1..).unwrap_or(&[]);
        let padding = padding.along(extents, kernel.shape(), strides, dilation);
        let (strides, dilation) = (strides.to_vec(), dilation.to_vec());
        Tensor::apply(Convolution { strides, padding, dilation, groups }, &[self, kernel])
    }
}

impl Convolution {
    /// The windows along the spatial axes, for a kernel of the given shape.
    pub fn windows(&self, kernel: &Shape) -> Vec<Window> {
        let window = |axis: usize| Window {
            size: kernel[axis],
            stride: self.strides[axis],
            dilation: self.dilation[axis],
            low: self.padding[axis].0,
            high: self.padding[axis].1,
        };
        (0..self.strides.len()).map(window).collect()
    }

    fn text(&self) -> String {
        let padding: Vec<String> = self.padding.iter().map(|(l, h)| format!("{l}..{h}")).collect();
        let mut text = format!("strides {:?}, padding [{}]", self.strides, padding.join(", "));
        if self.dilation.iter().any(|&d| d != 1) {
            text.push_str(&format!(", dilation {:?}", self.dilation));
        }
        if self.groups != 1 {
            text.push_str(&format!(", groups {}", self.groups));
        }
        text
    }

    /// Checks the attributes by themselves and gives the number of spatial axes.
    fn spatial(&self, name: &str) -> Result<usize, OpError> {
        let (strides, padding, dilation) =
            (self.strides.len(), self.padding.len(), self.dilation.len());
        let alike = strides == padding && strides == dilation && (1..=3).contains(&strides);
        let positive = !self.strides.contains(&0) && !self.dilation.contains(&0);
        if alike && positive && self.groups > 0 {
            return Ok(strides);
        }
        Err(OpError::new(
            format!("`{name}` has attributes that do not fit"),
            "strides, padding and dilation for the same 1, 2 or 3 spatial axes; strides, dilation \
             and groups of at least 1",
            format!(
                "strides {:?}, padding {:?}, dilation {:?}, groups {}",
                self.strides, self.padding, self.dilation, self.groups
            ),
        ))
    }

    /// The output shape for the given input and kernel; `name` is the operation that asks.
    fn output(&self, name: &str, input: &Shape, kernel: &Shape) -> Result<Shape, OpError> {
        let rank = self.spatial(name)? + 2;
        if input.rank() != rank || kernel.rank() != rank {
            return Err(OpError::new(
                format!("`{name}` along {} spatial axes cannot join input and kernel", rank - 2),
                format!(
                    "{rank} axes each: (batch, *spatial, channels), (*window, channels, filters)"
                ),
                format!("input {input}, kernel {kernel}"),
            ));
        }
        let (channels, filters) = (kernel[rank - 2], kernel[rank - 1]);
        if channels.checked_mul(self.groups) != Some(input[rank - 1]) {
            return Err(OpError::new(
                format!("`{name}` cannot apply the kernel {kernel} to {input}"),
                match self.groups {
                    1 => format!("last axis of the input = {channels}, the kernel's channels"),
                    g => format!("last axis of the input = {g} groups · {channels} channels"),
                },
                format!("last axis = {}", input[rank - 1]),
            ));
        }
        if filters % self.groups != 0 {
            return Err(OpError::new(
                format!("`{name}` cannot divide its filters into groups"),
                format!("a multiple of {} filters", self.groups),
                format!("{filters} filters"),
            ));
        }
        let mut dims = vec![input[0]];
        dims.extend(positions(name, &self.windows(kernel), &input[1..rank - 1])?);
        dims.push(filters);
        Ok(dims.into())
    }

    /// Calls `f` with the flat indices of each product of the convolution: input, kernel, output.
    fn for_each_product(
        &self,
        input: &Shape,
        kernel: &Shape,
        output: &Shape,
        mut f: impl FnMut(usize, usize, usize),
    ) {
        let rank = input.rank();
        let extents = &input[1..rank - 1];
        let volume: usize = extents.iter().product();
        let places: usize = output[1..rank - 1].iter().product();
        let (depth, filters) = (kernel[rank - 2], kernel[rank - 1]);
        let per_group = filters / self.groups;
        for batch in 0..input[0] {
            for_each_tap(&self.windows(kernel), extents, |place, tap, source| {
                let x = (batch * volume + source) * input[rank - 1];
                let y = (batch * places + place) * filters;
                for filter in 0..filters {
                    let group = filter / per_group;
                    for channel in 0..depth {
                        let k = (tap * depth + channel) * filters + filter;
                        f(x + group * depth + channel, k, y + filter);
                    }
                }
            });
        }
    }

    fn by_input(&self, grad: &Tensor, kernel: &Tensor, input: &Shape) -> Tensor {
        let op = ConvolutionInputGradient { convolution: self.clone(), input_shape: input.clone() };
        Tensor::apply(op, &[grad, kernel])
    }

    fn by_kernel(&self, input: &Tensor, grad: &Tensor, kernel: &Shape) -> Tensor {
        let op =
            ConvolutionKernelGradient { convolution: self.clone(), kernel_shape: kernel.clone() };
        Tensor::apply(op, &[input, grad])
    }
}

/// The common dtype of two inputs, which must be floating-point.
fn float_pair(name: &str, a: &Type, b: &Type) -> Result<DType, OpError> {
    match a.dtype == b.dtype && a.dtype.is_float() {
        true => Ok(a.dtype),
        false => Err(OpError::new(
            format!("`{name}` needs two inputs of one floating-point dtype"),
            "the same dtype twice, such as float32",
            format!("{} and {}", a.dtype, b.dtype),
        )
        .help("cast one of them")),
    }
}

/// Checks that an output gradient has the shape of the output.
fn expect_gradient(name: &str, expected: &Shape, grad: &Type) -> Result<(), OpError> {
    match grad.shape == *expected {
        true => Ok(()),
        false => Err(OpError::new(
            format!("the output gradient of `{name}` does not fit"),
            expected.to_string(),
            grad.shape.to_string(),
        )),
    }
}

impl Rule for Convolution {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn attributes(&self) -> String {
        self.text()
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x, kernel] = expect_inputs(self.name(), inputs)?;
        let dtype = float_pair(self.name(), x, kernel)?;
        Ok(vec![Type::new(dtype, self.output(self.name(), &x.shape, &kernel.shape)?)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let (x, kernel, shape) = (inputs[0], inputs[1], &outputs[0].shape);
        let mut data = vec![0.0; shape.size()];
        self.for_each_product(x.shape(), kernel.shape(), shape, |i, k, o| {
            data[o] += x.data[i] * kernel.data[k];
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (x, kernel, g) = (&node.inputs[0], &node.inputs[1], node.grad(0));
        let dx = self.by_input(&g, kernel, x.shape());
        let dk = self.by_kernel(x, &g, kernel.shape());
        Vjp::Rule(vec![Some(dx), Some(dk)])
    }
}

impl Rule for ConvolutionInputGradient {
    fn name(&self) -> &'static str {
        "convolution_input_gradient"
    }

    fn attributes(&self) -> String {
        format!("input {}, {}", self.input_shape, self.convolution.text())
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [grad, kernel] = expect_inputs(self.name(), inputs)?;
        let dtype = float_pair(self.name(), grad, kernel)?;
        let output = self.convolution.output(self.name(), &self.input_shape, &kernel.shape)?;
        expect_gradient(self.name(), &output, grad)?;
        Ok(vec![Type::new(dtype, &self.input_shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let (g, kernel, shape) = (inputs[0], inputs[1], &outputs[0].shape);
        let mut data = vec![0.0; shape.size()];
        self.convolution.for_each_product(shape, kernel.shape(), g.shape(), |i, k, o| {
            data[i] += g.data[o] * kernel.data[k];
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (grad, kernel, cotangent) = (&node.inputs[0], &node.inputs[1], node.grad(0));
        let dgrad = Tensor::apply(self.convolution.clone(), &[&cotangent, kernel]);
        let dkernel = self.convolution.by_kernel(&cotangent, grad, kernel.shape());
        Vjp::Rule(vec![Some(dgrad), Some(dkernel)])
    }
}

impl Rule for ConvolutionKernelGradient {
    fn name(&self) -> &'static str {
        "convolution_kernel_gradient"
    }

    fn attributes(&self) -> String {
        format!("kernel {}, {}", self.kernel_shape, self.convolution.text())
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let [x, grad] = expect_inputs(self.name(), inputs)?;
        let dtype = float_pair(self.name(), x, grad)?;
        let output = self.convolution.output(self.name(), &x.shape, &self.kernel_shape)?;
        expect_gradient(self.name(), &output, grad)?;
        Ok(vec![Type::new(dtype, &self.kernel_shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let (x, g, shape) = (inputs[0], inputs[1], &outputs[0].shape);
        let mut data = vec![0.0; shape.size()];
        self.convolution.for_each_product(x.shape(), shape, g.shape(), |i, k, o| {
            data[k] += x.data[i] * g.data[o];
        });
        vec![Values::new(outputs[0].clone(), data)]
    }

    fn vjp(&self, node: &Forward<'_>) -> Vjp {
        let (x, grad, cotangent) = (&node.inputs[0], &node.inputs[1], node.grad(0));
        let dx = self.convolution.by_input(grad, &cotangent, x.shape());
        let dgrad = Tensor::apply(self.convolution.clone(), &[x, &cotangent]);
        Vjp::Rule(vec![Some(dx), Some(dgrad)])
    }
}

/// One shape of convolution that all three operations are tested with.
struct Case {
    label: &'static str,
    convolution: Convolution,
    input: Shape,
    kernel: Shape,
    output: Shape,
}

fn cases() -> Vec<Case> {
    let case = |label, input: &[usize], kernel: &[usize], stride, padding, dilation, groups| {
        let (input, kernel) = (Shape::from(input), Shape::from(kernel));
        let (strides, dilations) =
            (vec![stride; input.rank() - 2], vec![dilation; input.rank() - 2]);
        let padding = Padding::along(padding, &input[1..], &kernel, &strides, &dilations);
        let convolution = Convolution { strides, padding, dilation: dilations, groups };
        let output = convolution.output("convolution", &input, &kernel).unwrap_or_default();
        Case { label, convolution, input, kernel, output }
    };
    use Padding::{Causal, Same, Valid};
    let mut all = vec![
        case("line, valid", &[2, 7, 3], &[3, 3, 4], 1, Valid, 1, 1),
        case("line, causal and dilated", &[1, 8, 2], &[3, 2, 2], 1, Causal, 2, 1),
        case("image, same", &[2, 4, 5, 2], &[3, 3, 2, 3], 1, Same, 1, 1),
        case("image, same, stride 2", &[1, 5, 6, 2], &[3, 3, 2, 3], 2, Same, 1, 1),
        case("image, stride leaves elements out", &[1, 6, 8, 1], &[3, 2, 1, 2], 3, Valid, 1, 1),
        case("image, stride beyond the window", &[1, 5, 5, 2], &[1, 1, 2, 3], 2, Valid, 1, 1),
        case("image, pointwise", &[2, 3, 3, 4], &[1, 1, 4, 3], 1, Valid, 1, 1),
        case("image, two groups", &[1, 4, 4, 4], &[3, 3, 2, 6], 1, Same, 1, 2),
        case("image, depthwise", &[2, 5, 5, 3], &[3, 3, 1, 6], 2, Same, 1, 3),
        case("image, dilated", &[1, 7, 7, 2], &[3, 3, 2, 2], 1, Same, 2, 1),
        case("volume", &[1, 3, 4, 3, 2], &[2, 2, 2, 2, 3], 1, Same, 1, 1),
        case("volume, stride 2", &[1, 4, 5, 4, 1], &[2, 3, 2, 1, 2], 2, Valid, 1, 1),
        case("no images", &[0, 4, 4, 2], &[3, 3, 2, 3], 1, Same, 1, 1),
        case("no channels", &[1, 4, 4, 0], &[3, 3, 0, 3], 1, Same, 1, 1),
        case("wider than a tile", &[1, 4, 4, 17], &[3, 3, 17, 19], 1, Same, 1, 1),
    ];
    let strides = vec![1, 2];
    let padding = vec![(2, 0), (0, 3)];
    let convolution = Convolution { strides, padding, dilation: vec![2, 1], groups: 1 };
    let (input, kernel) = (Shape::from([2, 4, 5, 2]), Shape::from([2, 3, 2, 3]));
    let output = convolution.output("convolution", &input, &kernel).unwrap_or_default();
    all.push(Case { label: "image, every axis another", convolution, input, kernel, output });
    all
}

fn random(shape: &Shape, salt: u64) -> Values {
    Values::uniform(shape, -1.0, 1.0, salt)
}

fn plain(stride: usize, groups: usize) -> Convolution {
    Convolution { strides: vec![stride], padding: vec![(0, 0)], dilation: vec![1], groups }
}

fn floats(shapes: [&[usize]; 2]) -> [Type; 2] {
    shapes.map(|shape| Type::new(DType::F32, shape))
}

impl Described for Convolution {
    const INFO: Info = Info {
        name: "convolution",
        kind: Kind::Primitive,
        summary: "sums of products under a sliding window, channels last",
        samples: || {
            let sample = |c: Case| {
                let inputs = vec![random(&c.input, 1), random(&c.kernel, 2)];
                Sample::new(c.label, c.convolution, inputs)
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            let float = |shape: &[usize]| Type::new(DType::F32, shape);
            let dilated = Convolution { dilation: vec![2], ..plain(1, 1) };
            vec![
                BadSample::new(
                    plain(1, 1),
                    &floats([&[2, 8, 3], &[3, 4, 5]]),
                    "`convolution` cannot apply the kernel (3, 4, 5) to (2, 8, 3)\n  expected  \
                     last axis of the input = 4, the kernel's channels\n  received  last axis = 3",
                ),
                BadSample::new(
                    plain(1, 2),
                    &floats([&[2, 8, 3], &[3, 1, 4]]),
                    "`convolution` cannot apply the kernel (3, 1, 4) to (2, 8, 3)\n  expected  \
                     last axis of the input = 2 groups · 1 channels\n  received  last axis = 3",
                ),
                BadSample::new(
                    plain(1, 2),
                    &floats([&[2, 8, 4], &[3, 2, 5]]),
                    "`convolution` cannot divide its filters into groups\n  expected  a multiple \
                     of 2 filters\n  received  5 filters",
                ),
                BadSample::new(
                    dilated,
                    &floats([&[2, 4, 3], &[3, 3, 5]]),
                    "`convolution` finds no place for a window of 3 dilated by 2 along spatial \
                     axis 0\n  expected  at least 5 elements with the padding\n  received  4 \
                     elements padded by 0 and 0\n  help: pad with `same`, or use a smaller window \
                     or fewer layers that shrink the input",
                ),
                BadSample::new(
                    plain(1, 1),
                    &floats([&[2, 8, 8, 3], &[3, 3, 5]]),
                    "`convolution` along 1 spatial axes cannot join input and kernel\n  expected  \
                     3 axes each: (batch, *spatial, channels), (*window, channels, filters)\n  \
                     received  input (2, 8, 8, 3), kernel (3, 3, 5)",
                ),
                BadSample::new(
                    plain(0, 1),
                    &floats([&[2, 8, 3], &[3, 3, 5]]),
                    "`convolution` has attributes that do not fit\n  expected  strides, padding \
                     and dilation for the same 1, 2 or 3 spatial axes; strides, dilation and \
                     groups of at least 1\n  received  strides [0], padding [(0, 0)], dilation \
                     [1], groups 1",
                ),
                BadSample::new(
                    plain(1, 1),
                    &[Type::new(DType::I32, [2, 8, 3]), float(&[3, 3, 5])],
                    "`convolution` needs two inputs of one floating-point dtype\n  expected  the \
                     same dtype twice, such as float32\n  received  int32 and float32\n  help: \
                     cast one of them",
                ),
            ]
        },
    };
}

impl Described for ConvolutionInputGradient {
    const INFO: Info = Info {
        name: "convolution_input_gradient",
        kind: Kind::Primitive,
        summary: "the gradient of a convolution by its input; a transposed convolution",
        samples: || {
            let sample = |c: Case| {
                let inputs = vec![random(&c.output, 3), random(&c.kernel, 2)];
                let (convolution, input_shape) = (c.convolution, c.input);
                Sample::new(c.label, ConvolutionInputGradient { convolution, input_shape }, inputs)
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            let input_shape = Shape::from([2, 8, 3]);
            vec![BadSample::new(
                ConvolutionInputGradient { convolution: plain(1, 1), input_shape },
                &floats([&[2, 7, 5], &[3, 3, 5]]),
                "the output gradient of `convolution_input_gradient` does not fit\n  expected  \
                 (2, 6, 5)\n  received  (2, 7, 5)",
            )]
        },
    };
}

impl Described for ConvolutionKernelGradient {
    const INFO: Info = Info {
        name: "convolution_kernel_gradient",
        kind: Kind::Primitive,
        summary: "the gradient of a convolution by its kernel",
        samples: || {
            let sample = |c: Case| {
                let inputs = vec![random(&c.input, 1), random(&c.output, 3)];
                let (convolution, kernel_shape) = (c.convolution, c.kernel);
                let op = ConvolutionKernelGradient { convolution, kernel_shape };
                Sample::new(c.label, op, inputs)
            };
            cases().into_iter().map(sample).collect()
        },
        errors: || {
            let kernel_shape = Shape::from([3, 3, 5]);
            vec![BadSample::new(
                ConvolutionKernelGradient { convolution: plain(1, 1), kernel_shape },
                &floats([&[2, 8, 3], &[2, 6, 4]]),
                "the output gradient of `convolution_kernel_gradient` does not fit\n  expected  \
                 (2, 6, 5)\n  received  (2, 6, 4)",
            )]
        },
    };
}
