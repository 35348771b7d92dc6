//! Any bytes as bounded JSON: an error at worst.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ibex_format::json::parse(bytes);
});
