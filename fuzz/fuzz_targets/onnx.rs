//! Any bytes as an ONNX file: an error at worst.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = ibex_format::onnx::OnnxModel::from_bytes(bytes);
});
