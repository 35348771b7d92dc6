//! The CPU device: kernels, packing, thread pool and the choice of instruction set.
//!
//! Kernels take pointers, sizes and strides; they know no graph, no layer and no file.
//! Order to read: `isa`, `pool`, `scratch`, `simd`, then the kernels: `gemm`, `elementwise`, ….

pub mod attention;
pub mod conv;
pub mod device;
pub mod elementwise;
mod executable;
mod gather;
pub mod gemm;
pub mod isa;
pub mod pool;
pub mod pooling;
mod random;
pub mod recurrent;
pub mod reduce;
pub mod sampling;
mod scratch;
pub mod simd;
#[cfg(test)]
mod testing;

pub use device::device;
