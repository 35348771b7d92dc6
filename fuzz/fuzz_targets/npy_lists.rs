//! Any bytes as an `.npy` file of lists of integers: an error at worst.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ibex_format::npy::parse_lists(bytes);
});
