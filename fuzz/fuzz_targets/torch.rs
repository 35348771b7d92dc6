//! Any bytes as a file of PyTorch: an error at worst.
#![no_main]

use ibex_format::torch::{Extent, from_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = from_bytes(bytes.to_vec(), Extent::Everything);
});
