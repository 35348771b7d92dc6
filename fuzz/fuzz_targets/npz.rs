//! Any bytes as an `.npz` archive: an error at worst.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ibex_format::npz::from_bytes(bytes.to_vec());
});
