//! Writing state dictionaries that `torch.load` reads, also with `weights_only=True`.

use std::fs::File;
use std::io::{BufWriter, Cursor, Seek, Write};
use std::path::Path;

use zip::CompressionMethod;

use super::globals::storage_of;
use crate::array::RawArray;
use crate::atomic::write_atomically;
use crate::error::{FormatError, Problem, Result, excerpt};
use crate::named::NamedArrays;
use crate::strided::row_major;
use crate::zip_archive::ZipBuilder;

/// The folder within the archive; PyTorch takes the name of the file, which need not be.
const FOLDER: &str = "archive";

/// Writes arrays as a state dictionary, whole or not at all; equal arrays give equal bytes.
///
/// # Errors
/// When an array is of unsigned integers that PyTorch has no storage for, and when the disk
/// refuses.
pub fn write(path: impl AsRef<Path>, content: &NamedArrays) -> Result<()> {
    write_atomically(path, |file: &mut File| {
        let mut out = write_to(BufWriter::new(file), content)?;
        out.flush().map_err(FormatError::writing(""))
    })
}

/// The bytes of a file.
///
/// # Errors
/// As [`write()`].
pub fn to_bytes(content: &NamedArrays) -> Result<Vec<u8>> {
    write_to(Cursor::new(Vec::new()), content).map(Cursor::into_inner)
}

fn write_to<W: Write + Seek>(out: W, content: &NamedArrays) -> Result<W> {
    let mut archive = ZipBuilder::new(out);
    let mut add = |name: &str, bytes: &[u8]| {
        let name = format!("{FOLDER}/{name}");
        archive.add(&name, CompressionMethod::Stored, bytes.len() as u64, |out| {
            out.write_all(bytes).map_err(FormatError::writing(""))
        })
    };
    add("data.pkl", &pickle(content)?)?;
    add("byteorder", b"little")?;
    for (index, (_, array)) in content.arrays.iter().enumerate() {
        add(&format!("data/{index}"), array.data())?;
    }
    add("version", b"3\n")?;
    archive.finish()
}

fn pickle(content: &NamedArrays) -> Result<Vec<u8>> {
    let mut out = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (index, (name, array)) in content.arrays.iter().enumerate() {
        text(&mut out, name);
        tensor(&mut out, index, array).map_err(|error| error.in_member(excerpt(name)))?;
    }
    out.extend(b"u.");
    Ok(out)
}

fn tensor(out: &mut Vec<u8>, index: usize, array: &RawArray) -> Result<()> {
    let storage = storage_of(array.dtype()).ok_or_else(|| {
        Problem::new("PyTorch has no storage for these elements")
            .expected("float16/32/64, bfloat16, int8/16/32/64, uint8 or bool")
            .received(array.dtype().name())
            .help("convert the array to int64 first")
            .invalid()
    })?;
    out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(out, "storage");
    out.extend(format!("ctorch\n{storage}\n").as_bytes());
    text(out, &index.to_string());
    text(out, "cpu");
    integer(out, array.len());
    out.extend(b"tQK\x00");
    tuple(out, array.shape());
    tuple(out, &row_major(array.shape()));
    out.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    Ok(())
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn integer(out: &mut Vec<u8>, number: usize) {
    match i32::try_from(number) {
        Ok(small) => {
            out.push(b'J');
            out.extend(small.to_le_bytes());
        }
        Err(_) => {
            out.extend([0x8a, 8]);
            out.extend((number as u64).to_le_bytes());
        }
    }
}

fn tuple(out: &mut Vec<u8>, numbers: &[usize]) {
    out.push(b'(');
    numbers.iter().for_each(|&number| integer(out, number));
    out.push(b't');
}
