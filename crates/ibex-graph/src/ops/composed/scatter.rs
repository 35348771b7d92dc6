//! Composed scattering: elements of a tensor replaced by, or combined with, others by position.

use crate::ops::binary::Binary;
use crate::ops::gather::ScatterAdd;
use crate::{DType, OpError, Shape, Tensor};

/// What happens where an update meets an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combining {
    /// The update takes its place; of several the last one.
    Replace,
    /// Their sum.
    Add,
    /// Their product.
    Multiply,
    /// The larger one.
    Maximum,
    /// The smaller one.
    Minimum,
}

impl Tensor {
    /// The rows of this tensor added to zeros, `count` of them, each at the place that `ids` names.
    ///
    /// Rows whose place does not exist are left out. `keras.ops.segment_sum`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([3], &[1f32, 2., 4.])?);
    /// let ids = Tensor::constant(Array::from_slice([3], &[0i32, 0, 1])?);
    /// assert_eq!(evaluate(&x.scatter_add_rows(&ids, 2))?.to_f64_vec(), [3., 4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn scatter_add_rows(&self, ids: &Tensor, count: usize) -> Tensor {
        // One more row takes what belongs nowhere.
        let inside = ids
            .greater_equal(&ids.zeros_like())
            .logical_and(&ids.less(&Tensor::scalar(ids.dtype(), count as f64)));
        let nowhere = Tensor::full(ids.dtype(), ids.shape(), count as f64);
        let ids = inside.select(ids, &nowhere);
        let all = Tensor::apply(ScatterAdd { axis: 0, size: count + 1 }, &[self, &ids]);
        all.slice_axis(0, ..count as isize)
    }

    /// This tensor with `updates` at the places that `indices` name along its first axes.
    ///
    /// `indices` is `(*places, depth)` and `updates` `(*places, *rest)`, where `rest` are the axes
    /// after the first `depth`. `keras.ops.scatter_update`.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// # use ibex_graph::ops::composed::scatter::Combining;
    /// let x = Tensor::constant(Array::from_slice([2, 2], &[1f32, 2., 3., 4.])?);
    /// let at = Tensor::constant(Array::from_slice([1, 2], &[1i32, 0])?);
    /// let nine = Tensor::constant(Array::from_slice([1], &[9f32])?);
    /// let y = evaluate(&x.scatter(&at, &nine, Combining::Replace))?;
    /// assert_eq!(y.to_f64_vec(), [1., 2., 9., 4.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn scatter(&self, indices: &Tensor, updates: &Tensor, how: Combining) -> Tensor {
        if let Some(poisoned) = [self, indices, updates].into_iter().find(|t| t.is_poisoned()) {
            return poisoned.clone();
        }
        let places = &indices.shape()[..indices.rank().max(1) - 1];
        let depth = indices.dim(-1);
        let rest = self.shape().get(depth..).map(<[usize]>::to_vec);
        let expected = rest.as_ref().map(|rest| Shape::from([places, rest].concat()));
        let (Some(rest), true) = (rest, expected.as_ref() == Some(updates.shape())) else {
            return Tensor::poisoned(OpError::new(
                format!("`scatter` cannot put {} into {}", updates.shape(), self.shape()),
                expected.map_or("indices of fewer parts".to_string(), |shape| shape.to_string()),
                format!("indices {} and updates {}", indices.shape(), updates.shape()),
            ));
        };
        let (rows, inner) = (self.shape()[..depth].iter().product(), Shape::from(rest).size());
        let ids = flat_ids(indices, &self.shape()[..depth]);
        let table = self.reshape([rows, inner]);
        let updates = updates.reshape([ids.shape().size(), inner]);
        combined(&table, &ids, &updates, how).reshape(self.shape())
    }
}

/// The row that each index names; a negative part counts from the end.
fn flat_ids(indices: &Tensor, extents: &[usize]) -> Tensor {
    let count = indices.shape().size() / extents.len().max(1);
    let parts = indices.cast(DType::I32).reshape([count, extents.len()]);
    let mut ids = Tensor::full(DType::I32, [count], 0.0);
    for (axis, &extent) in extents.iter().enumerate() {
        let axis = axis as isize;
        let part = parts.slice_axis(1, axis..axis + 1).squeeze(1);
        let wrapped = &part + extent as f64;
        let part = part.less(&part.zeros_like()).select(&wrapped, &part);
        ids = ids * extent as f64 + part;
    }
    ids
}

fn combined(table: &Tensor, ids: &Tensor, updates: &Tensor, how: Combining) -> Tensor {
    let (rows, dtype) = (table.dim(0), table.dtype());
    if how == Combining::Add {
        return table + updates.scatter_add_rows(ids, rows);
    }
    if how == Combining::Replace {
        // Of several updates of a row only the last one counts.
        let count = ids.dim(0);
        let order = Tensor::iota(DType::I32, [count], 0);
        let same = ids.expand_dims(0).equal(&ids.expand_dims(1));
        let later = order.expand_dims(0).greater(&order.expand_dims(1));
        let last = same.logical_and(&later).any(&[1], false).logical_not();
        let ids = last.select(ids, &Tensor::full(DType::I32, ids.shape(), -1.0));
        let touched = ids.ones_like().scatter_add_rows(&ids, rows);
        let touched = touched.greater(&touched.zeros_like()).expand_dims(1);
        let touched = touched.broadcast_to(table.shape());
        return touched.select(&updates.scatter_add_rows(&ids, rows), table);
    }
    // Rows × updates × elements: which updates belong to which row.
    let row = Tensor::iota(DType::I32, [rows], 0).expand_dims(1);
    let hits = row.equal(&ids.expand_dims(0)).expand_dims(2);
    let shape = [rows, ids.dim(0), table.dim(1)];
    let neutral = match (how, dtype.is_float()) {
        (Combining::Maximum, true) => f64::NEG_INFINITY,
        (Combining::Minimum, true) => f64::INFINITY,
        (Combining::Maximum, false) => f64::from(i32::MIN),
        (Combining::Minimum, false) => f64::from(i32::MAX),
        _ => 1.0,
    };
    let spread = updates.expand_dims(0).broadcast_to(shape);
    let chosen = hits.broadcast_to(shape).select(&spread, &Tensor::full(dtype, shape, neutral));
    let (found, function) = match how {
        Combining::Maximum => (chosen.max(&[1], false), Binary::Maximum),
        Combining::Minimum => (chosen.min(&[1], false), Binary::Minimum),
        _ => (chosen.product(&[1], false), Binary::Multiply),
    };
    Tensor::apply(function, &[table, &found])
}
