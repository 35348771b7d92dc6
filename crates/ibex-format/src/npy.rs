//! The `.npy` format of numpy, versions 1 to 3.
//!
//! Fortran order and big-endian numbers are converted while reading.
//! Text, objects and records are refused: nothing in a file is ever executed.
//! Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::io::Write;

use crate::array::{RawArray, RawDType, byte_count};
use crate::error::{FormatError, Problem, Result, excerpt, shape_text};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// numpy's own limit on the length of a header it did not write.
const MAX_HEADER: usize = 10_000;

/// numpy's limit on the number of axes.
const MAX_RANK: usize = 64;

/// Reads an array from the bytes of a `.npy` file.
///
/// # Errors
/// `Damaged` when it is no such file or is cut short; `Unsupported` for strings, objects, records,
/// complex numbers and dates.
pub fn parse(mut bytes: Vec<u8>) -> Result<RawArray> {
    let header = Header::parse(&bytes)?;
    let needed = byte_count(header.dtype, &header.shape)?;
    let available = bytes.len() - header.length;
    if needed > available {
        return Err(Problem::new("the file is shorter than its array")
            .expected(format!(
                "{needed} bytes for {} of shape {}",
                header.dtype,
                shape_text(&header.shape)
            ))
            .received(format!("{available} bytes"))
            .help("the file was cut short; copy or write it again")
            .damaged());
    }
    bytes.truncate(header.length + needed);
    bytes.drain(..header.length);
    if header.big_endian {
        swap_bytes(&mut bytes, header.dtype.size());
    }
    if header.fortran_order && header.shape.len() > 1 {
        bytes = to_row_major(&bytes, &header.shape, header.dtype.size());
    }
    RawArray::new(header.dtype, header.shape, bytes)
}

/// Reads a `.npy` file of Python lists of integers, as Keras's data sets of texts are kept in.
///
/// Nothing in its pickle is run.
///
/// # Errors
/// If the bytes are no such array, are cut short, or hold anything else.
pub fn parse_lists(bytes: &[u8]) -> Result<Vec<Vec<i32>>> {
    crate::npy_lists::parse(bytes)
}

/// The number of objects in an array of Python objects of one axis, and where their pickle begins.
pub(crate) fn objects(bytes: &[u8]) -> Result<(usize, usize)> {
    let (text, length) = header_text(bytes)?;
    match (Literal { rest: text }).header() {
        Some((descr, _, shape)) if descr == "|O" && shape.len() == 1 => Ok((shape[0], length)),
        _ => Err(Problem::new("the array holds no lists")
            .expected("objects ('|O') along one axis")
            .received(excerpt(text.trim_end()))
            .damaged()),
    }
}

/// Writes an array as a `.npy` file of version 1.
///
/// # Errors
/// For bfloat16, which numpy does not have, and when `out` fails.
pub fn write(array: &RawArray, out: &mut dyn Write) -> Result<()> {
    let header = header_bytes(array)?;
    out.write_all(&header).map_err(FormatError::writing(""))?;
    out.write_all(array.data()).map_err(FormatError::writing(""))
}

/// The number of bytes that [`write`] gives, up to the padding of the header.
pub(crate) fn written_size(array: &RawArray) -> u64 {
    array.data().len() as u64 + MAX_HEADER as u64
}

fn header_bytes(array: &RawArray) -> Result<Vec<u8>> {
    let descr = match array.dtype() {
        RawDType::F16 => "<f2",
        RawDType::F32 => "<f4",
        RawDType::F64 => "<f8",
        RawDType::I8 => "|i1",
        RawDType::I16 => "<i2",
        RawDType::I32 => "<i4",
        RawDType::I64 => "<i8",
        RawDType::U8 => "|u1",
        RawDType::U16 => "<u2",
        RawDType::U32 => "<u4",
        RawDType::U64 => "<u8",
        RawDType::Bool => "|b1",
        RawDType::BF16 => {
            return Err(Problem::new("numpy files cannot hold bfloat16")
                .expected("an element type of numpy")
                .received(format!("bfloat16 of shape {}", shape_text(array.shape())))
                .help("convert the array to float32 first")
                .invalid());
        }
    };
    let shape = shape_text(array.shape());
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // The array starts at a multiple of 64, as numpy has it, for readers that map the file.
    let unpadded = MAGIC.len() + 4 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    text.push('\n');
    let length = u16::try_from(text.len()).map_err(|_| {
        Problem::new("an array of so many axes cannot be written as a numpy file")
            .expected(format!("at most {MAX_RANK} axes"))
            .received(format!("{} axes", array.shape().len()))
            .invalid()
    })?;
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + text.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    Ok(bytes)
}

/// What the text before the numbers says.
#[derive(Debug)]
struct Header {
    dtype: RawDType,
    big_endian: bool,
    fortran_order: bool,
    shape: Vec<usize>,
    /// Bytes before the first number.
    length: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let (text, length) = header_text(bytes)?;
        let mut fields = Literal { rest: text };
        let header = fields.header().ok_or_else(|| {
            Problem::new("the header of the numpy file cannot be understood")
                .expected("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }")
                .received(excerpt(text.trim_end()))
                .damaged()
        })?;
        let (descr, fortran_order, shape) = header;
        let (dtype, big_endian) = element_type(&descr)?;
        Ok(Self { dtype, big_endian, fortran_order, shape, length })
    }
}

/// The header's text, and the number of bytes up to its end.
fn header_text(bytes: &[u8]) -> Result<(&str, usize)> {
    let damaged = |received: &str| {
        Problem::new("the file is no numpy array")
            .expected("the bytes \\x93NUMPY, a version from 1 to 3, and a header")
            .received(received)
            .damaged()
    };
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("other bytes at its start"))?;
    let (before, length) = match rest {
        [1, _, low, high, ..] => (4, usize::from(u16::from_le_bytes([*low, *high]))),
        [2 | 3, _, a, b, c, d, ..] => {
            (6, u32::from_le_bytes([*a, *b, *c, *d]).try_into().unwrap_or(usize::MAX))
        }
        [version, _, ..] => return Err(damaged(&format!("version {version}"))),
        _ => return Err(damaged("a file that ends within its header")),
    };
    if length > MAX_HEADER {
        return Err(damaged(&format!("a header of {length} bytes")));
    }
    let header = rest
        .get(before..before + length)
        .ok_or_else(|| damaged("a file that ends within its header"))?;
    let text = std::str::from_utf8(header).map_err(|_| damaged("a header that is not text"))?;
    Ok((text, MAGIC.len() + before + length))
}

/// The element type that numpy's `descr` stands for, and whether it is big-endian.
fn element_type(descr: &str) -> Result<(RawDType, bool)> {
    let (order, code) = match descr.split_at_checked(1) {
        Some((order @ ("<" | ">" | "|" | "="), code)) => (order, code),
        _ => ("=", descr),
    };
    let dtype = match code {
        "f2" => RawDType::F16,
        "f4" => RawDType::F32,
        "f8" => RawDType::F64,
        "i1" => RawDType::I8,
        "i2" => RawDType::I16,
        "i4" => RawDType::I32,
        "i8" => RawDType::I64,
        "u1" => RawDType::U8,
        "u2" => RawDType::U16,
        "u4" => RawDType::U32,
        "u8" => RawDType::U64,
        "b1" => RawDType::Bool,
        _ => return Err(unsupported_type(descr, code)),
    };
    Ok((dtype, order == ">" && dtype.size() > 1))
}

fn unsupported_type(descr: &str, code: &str) -> FormatError {
    let (what, help) = match code.chars().next() {
        Some('O') => ("Python objects", "such a file can run code; save plain numbers instead"),
        Some('U' | 'S' | 'a') => ("text", "turn the words into numbers before saving them"),
        Some('c') => ("complex numbers", "save the real and imaginary parts as two arrays"),
        Some('M' | 'm') => ("dates or times", "save them as numbers, for example as seconds"),
        Some('V') => ("raw records", "for bfloat16, convert to float32 before saving"),
        _ if descr.starts_with('[') => ("records", "save one array per field"),
        _ => ("elements of an unknown type", "save float32 or int32 instead"),
    };
    Problem::new(format!("the array holds {what}"))
        .expected("float16/32/64, int8/16/32/64, uint8/16/32/64 or bool")
        .received(format!("'{}'", excerpt(descr)))
        .help(help)
        .unsupported()
}

/// A reader of the small part of Python's literals that a header consists of.
struct Literal<'a> {
    rest: &'a str,
}

impl Literal<'_> {
    /// `{'descr': …, 'fortran_order': …, 'shape': …}`, in any order.
    fn header(&mut self) -> Option<(String, bool, Vec<usize>)> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.token("{")?;
        while self.token("}").is_none() {
            let key = self.text()?;
            self.token(":")?;
            match key.as_str() {
                "descr" => descr = Some(self.descr()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                _ => return None,
            }
            if self.token(",").is_none() {
                self.token("}")?;
                break;
            }
        }
        Some((descr?, fortran_order?, shape?))
    }

    fn token(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn text(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, after) = rest[1..].split_once(quote)?;
        self.rest = after;
        Some(text.to_string())
    }

    /// A type's text; the list that describes a record is taken whole, to be refused by name.
    fn descr(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        if !rest.starts_with('[') {
            return self.text();
        }
        let end = rest.find(", 'fortran_order'").or_else(|| rest.rfind(']').map(|at| at + 1))?;
        self.rest = &rest[end..];
        Some(rest[..end].to_string())
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.token("True").is_some() {
            return Some(true);
        }
        self.token("False").map(|()| false)
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        let mut shape = Vec::new();
        self.token("(")?;
        while self.token(")").is_none() {
            let rest = self.rest.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            shape.push(rest[..end].parse().ok()?);
            // Python 2 wrote long integers with a trailing L.
            self.rest = rest[end..].strip_prefix('L').unwrap_or(&rest[end..]);
            if shape.len() > MAX_RANK {
                return None;
            }
            if self.token(",").is_none() {
                self.token(")")?;
                break;
            }
        }
        Some(shape)
    }
}

/// Reverses the bytes of every element.
pub(crate) fn swap_bytes(bytes: &mut [u8], element: usize) {
    bytes.chunks_exact_mut(element).for_each(<[u8]>::reverse);
}

/// Copies a column-major array into row-major order.
fn to_row_major(bytes: &[u8], shape: &[usize], element: usize) -> Vec<u8> {
    let mut strides = vec![element; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut rows = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    while rows.len() < bytes.len() {
        let from: usize = index.iter().zip(&strides).map(|(i, stride)| i * stride).sum();
        rows.extend_from_slice(&bytes[from..from + element]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&[version, 0]);
        match version {
            1 => bytes.extend_from_slice(&(header.len() as u16).to_le_bytes()),
            _ => bytes.extend_from_slice(&(header.len() as u32).to_le_bytes()),
        }
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn error_of(descr: &str) -> String {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n");
        parse(file(1, &header, &[0; 64])).unwrap_err().to_string()
    }

    #[test]
    fn every_element_type_comes_back() {
        for dtype in RawDType::ALL.into_iter().filter(|&dtype| dtype != RawDType::BF16) {
            for shape in [vec![], vec![0, 3], vec![3], vec![2, 3]] {
                let count: usize = shape.iter().product::<usize>() * dtype.size();
                let data: Vec<u8> = (0..count).map(|i| (i % 2) as u8).collect();
                let array = RawArray::new(dtype, shape, data).unwrap();
                let mut bytes = Vec::new();
                write(&array, &mut bytes).unwrap();
                assert_eq!((bytes.len() - array.data().len()) % 64, 0);
                assert_eq!(parse(bytes).unwrap(), array);
            }
        }
    }

    #[test]
    fn versions_orders_and_spacing() {
        let header = "{\"shape\":(2L,3L),'fortran_order':True,'descr':'>i2'}";
        let data: Vec<u8> = (0..6u16).flat_map(u16::to_be_bytes).collect();
        for version in 1..=3 {
            let array = parse(file(version, header, &data)).unwrap();
            assert_eq!(array.shape(), [2, 3]);
            assert_eq!(&*array.as_slice::<i16>().unwrap(), [0, 2, 4, 1, 3, 5]);
        }
        assert!(parse(file(4, header, &data)).is_err());
    }

    #[test]
    fn what_is_no_number_is_refused_by_name() {
        expect![[r#"
            the array holds Python objects
              expected  float16/32/64, int8/16/32/64, uint8/16/32/64 or bool
              received  '|O'
              help: such a file can run code; save plain numbers instead"#]]
        .assert_eq(&error_of("'|O'"));
        assert!(error_of("'<U5'").starts_with("the array holds text"));
        assert!(error_of("'<c8'").starts_with("the array holds complex numbers"));
        assert!(error_of("'<M8[ns]'").starts_with("the array holds dates"));
        assert!(error_of("[('a', '<f4'), ('b', '<i4')]").starts_with("the array holds records"));
    }

    #[test]
    fn a_shape_beyond_the_bytes_is_refused_before_allocation() {
        let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (1000000, 1000000), }";
        let error = parse(file(1, header, &[0; 12])).unwrap_err();
        expect![[r#"
            the file is shorter than its array
              expected  4000000000000 bytes for float32 of shape (1000000, 1000000)
              received  12 bytes
              help: the file was cut short; copy or write it again"#]]
        .assert_eq(&error.to_string());
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999)}";
        assert!(parse(file(1, header, &[])).is_err());
    }

    #[test]
    fn nonsense_is_an_error() {
        for header in ["", "{", "{}", "{'descr': '<f4'}", "{'shape': (1, 'a')}", "{'x': 1}"] {
            assert!(parse(file(1, header, &[])).is_err(), "{header}");
        }
        assert!(parse(b"PK\x03\x04".to_vec()).is_err());
        assert!(parse(b"\x93NUMPY\x01".to_vec()).is_err());
        assert!(parse(b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec()).is_err());
    }
}
