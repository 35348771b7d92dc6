//! Element-wise loops.
/// One operand.
pub type UnaryFn = unsafe fn(x: *const f32, out: *mut f32, count: usize);
