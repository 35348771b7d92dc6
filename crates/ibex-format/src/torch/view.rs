//! Views of storages as arrays of their own: offsets, strides, expansions.

use super::build::MAX_RANK;
use super::value::{Values, View};
use crate::array::{RawArray, RawDType, byte_count};
use crate::bytes::ByteSource;
use crate::error::{FormatError, Problem, Result, shape_text};
use crate::strided::{gather, row_major};

/// Where the elements of a view lie in its storage, in elements.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dtype: RawDType,
    pub(super) shape: Vec<usize>,
    strides: Vec<usize>,
    first: usize,
    /// The number of elements from the first to the last, both included; 0 for an empty view.
    span: usize,
}

impl Place {
    /// The place of a view, held against the size that its storage claims.
    ///
    /// # Errors
    /// When it reaches past the end of the storage, or past any memory.
    pub(super) fn new(values: &Values, view: &View) -> Result<Self> {
        let counts = |id| values.counts(id, MAX_RANK).unwrap_or_default();
        let shape: Option<Vec<usize>> =
            counts(view.shape).into_iter().map(|n| usize::try_from(n).ok()).collect();
        let strides: Option<Vec<usize>> =
            counts(view.strides).into_iter().map(|n| usize::try_from(n).ok()).collect();
        let first = view.storage.offset.checked_add(view.offset);
        let first = first.and_then(|first| usize::try_from(first).ok());
        let (Some(shape), Some(strides), Some(first)) = (shape, strides, first) else {
            return Err(outside(&[], view.storage.count));
        };
        byte_count(view.dtype, &shape)?;
        let last = shape.iter().zip(&strides).try_fold(0usize, |last, (&extent, &stride)| {
            last.checked_add(extent.saturating_sub(1).checked_mul(stride)?)
        });
        let span = if shape.contains(&0) { Some(0) } else { last.and_then(|n| n.checked_add(1)) };
        let end = span.and_then(|span| first.checked_add(span));
        match (span, end) {
            (Some(span), Some(end)) if span == 0 || end as u64 <= view.storage.count => {
                Ok(Self { dtype: view.dtype, shape, strides, first, span })
            }
            _ => Err(outside(&shape, view.storage.count)),
        }
    }

    /// The number of bytes of the array.
    pub(super) fn bytes(&self) -> u64 {
        byte_count(self.dtype, &self.shape).map_or(u64::MAX, |bytes| bytes as u64)
    }

    /// Copies the elements out of a storage.
    pub(super) fn read(&self, storage: &ByteSource) -> Result<RawArray> {
        let size = self.dtype.size();
        let short = || {
            Problem::new("the storage is shorter than its tensor")
                .expected(format!("{} elements of {}", self.first + self.span, self.dtype))
                .received(format!("{} bytes", storage.len()))
                .damaged()
        };
        let start = self.first.checked_mul(size).ok_or_else(short)?;
        let length = self.span.checked_mul(size).ok_or_else(short)?;
        if self.span > 0 && storage.section(start as u64, length as u64).is_none() {
            return Err(short());
        }
        if self.span == 0 {
            return RawArray::new(self.dtype, self.shape.clone(), Vec::new());
        }
        let bytes =
            storage.read_vec_at(start as u64, length as u64).map_err(FormatError::reading(""))?;
        if self.strides == row_major(&self.shape) {
            return RawArray::new(self.dtype, self.shape.clone(), bytes);
        }
        let rows = gather(&bytes, &self.shape, &self.strides, size);
        RawArray::new(self.dtype, self.shape.clone(), rows)
    }
}

fn outside(shape: &[usize], count: u64) -> FormatError {
    Problem::new("the tensor reaches past the end of its storage")
        .expected(format!("elements among the {count} of the storage"))
        .received(format!("a view of shape {}", shape_text(shape)))
        .damaged()
}
