//! Any bytes as a `safetensors` file: an error at worst.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ibex_format::safetensors::from_bytes(bytes.to_vec());
});
