//! The operations, one file each; see [`crate::op`] for what a file holds.
//!
//! Scalar functions that differ only in their formula share a file and are rows of its table:
//! [`unary`], [`binary`] and [`compare`].

pub mod along_axis;
pub mod arg_reduce;
pub mod binary;
pub mod broadcast;
pub mod cast;
pub mod compare;
pub mod composed;
pub mod concatenate;
pub mod cumulative;
pub mod einsum;
pub mod gather;
pub mod hash_bins;
pub mod image;
pub mod iota;
pub mod leaf;
pub mod matmul;
pub mod max_pool_gradient;
pub mod pad;
pub mod reduce;
pub mod reshape;
pub mod reverse;
pub mod sample_pixels;
pub mod select;
pub mod slice;
pub mod softplus;
pub mod sort;
pub mod stop_gradient;
mod subscripts;
pub mod transpose;
pub mod unary;

pub mod attention;
pub mod conv;
pub mod conv_transpose;
pub mod cross_entropy;
pub mod linalg;
pub mod moments;
pub mod normalize;
pub mod pooling;
pub mod random;
pub mod recurrent;
pub mod softmax;
pub mod window;
