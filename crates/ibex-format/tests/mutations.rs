//! Damaged files give errors: no panic, no endless loop, no memory by what a file claims.
//!
//! The damage is pseudo-random but the same in every run, so that a failure can be repeated.

mod damage;

use std::path::Path;
use std::time::{Duration, Instant};

use damage::{Random, damage};
use ibex_format::onnx::OnnxModel;
use ibex_format::torch::{self, Extent};
use ibex_format::{FormatError, KerasArchive, hdf5, npy, npz, safetensors};

/// The most address space this process has ever held, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

type Reader = fn(Vec<u8>) -> Result<(), FormatError>;

// One test for all formats: the memory is that of the whole process.
#[test]
fn damaged_files_give_errors_within_bounds() {
    let read_npy: Reader = |bytes| npy::parse(bytes).map(drop);
    let read_npz: Reader = |bytes| npz::from_bytes(bytes).map(drop);
    let read_hdf5: Reader = |bytes| hdf5::from_bytes(bytes).map(drop);
    let read_keras: Reader = |bytes| KerasArchive::from_bytes(bytes).map(drop);
    let read_safetensors: Reader = |bytes| safetensors::from_bytes(bytes).map(drop);
    let read_torch: Reader = |bytes| torch::from_bytes(bytes, Extent::Everything).map(drop);
    let read_lists: Reader = |bytes| npy::parse_lists(&bytes).map(drop);
    let read_onnx: Reader = |bytes| OnnxModel::from_bytes(&bytes).map(drop);
    let files: [(&str, Reader, usize); 23] = [
        ("version1.npy", read_npy, 2000),
        ("version3.npy", read_npy, 1000),
        ("types.npz", read_npz, 2000),
        ("layouts.npz", read_npz, 2000),
        ("types.h5", read_hdf5, 2000),
        ("layouts.h5", read_hdf5, 3000),
        ("newer_format.h5", read_hdf5, 2000),
        ("attributes.h5", read_hdf5, 1000),
        ("cycle.h5", read_hdf5, 500),
        ("lattice.h5", read_hdf5, 500),
        ("keras2.h5", read_hdf5, 1000),
        ("model.weights.h5", read_hdf5, 2000),
        ("model.keras", read_keras, 2000),
        ("nested.keras", read_keras, 1000),
        ("types.safetensors", read_safetensors, 4000),
        ("torch_types.pt", read_torch, 2000),
        ("torch_views.pt", read_torch, 2000),
        ("torch_checkpoint.pt", read_torch, 1000),
        ("torch_legacy.pt", read_torch, 3000),
        ("torch_legacy_views.pt", read_torch, 3000),
        ("../../../../tests/goldens/datasets/lists.npy", read_lists, 3000),
        ("../../../../tests/goldens/onnx/shapes.onnx", read_onnx, 3000),
        ("../../../../tests/goldens/onnx/recurrent.onnx", read_onnx, 3000),
    ];
    let before = peak_memory();
    let mut random = Random(0x1be5);
    let mut failed = 0;
    for (name, read, count) in files {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("goldens");
        let bytes = std::fs::read(folder.join(name)).unwrap();
        for index in 0..count {
            let damaged = damage(&bytes, &mut random);
            let start = Instant::now();
            if let Err(error) = read(damaged) {
                failed += 1;
                let text = error.to_string();
                assert!(!text.is_empty() && text.len() < 2000, "{name} {index}: {text}");
            }
            // A sound file of this size takes a millisecond; the rest is room for busy machines.
            assert!(start.elapsed() < Duration::from_secs(5), "{name}, damage {index}");
        }
    }
    assert!(failed > 5000, "only {failed} errors: the damage does not reach the readers");
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        // The goldens unfold to less than a megabyte; the rest is room for the allocator.
        let grown = after.saturating_sub(before) >> 20;
        assert!(grown < 32, "memory grew by {grown} MiB over files of a few kilobytes");
    }
}
