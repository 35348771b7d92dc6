//! A right operand packed once, for products with many left ones.
//!
//! The bits of the product are those that it has without: only the copying is saved.
//! Must not know: why an operand stays the same.

use super::blocked::Plan;
use super::{Product, Route};
use crate::pool::ThreadPool;
use crate::scratch::Buffer;

/// All panels of B.
#[derive(Debug)]
pub struct Packed {
    floats: Buffer,
    /// What the panels are cut by; a product that is cut otherwise does not use them.
    cut: Cut,
}

/// The sizes that decide where a packed element lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) width: usize,
    pub(super) block: usize,
}

impl Packed {
    /// Packs B of a product; `None` if the product reads B where it lies, or in parts.
    ///
    /// # Safety
    /// B is valid for its size.
    pub unsafe fn new(pool: &ThreadPool, product: &Product) -> Option<Packed> {
        if product.route() != Route::Blocked {
            return None;
        }
        let plan = Plan::new(product, 0, None);
        let mut floats = Buffer::EMPTY;
        floats.grow(plan.packed_floats().saturating_mul(size_of::<f32>()));
        // SAFETY: the buffer has room for every panel, and the caller promises B.
        unsafe { plan.pack_all(pool, floats.data()) };
        Some(Packed { floats, cut: plan.cut() })
    }

    /// The panels, if a product is cut as they are.
    pub(super) fn fitting(&self, cut: Cut) -> Option<*const f32> {
        (self.cut == cut).then(|| self.floats.data().cast_const())
    }
}
