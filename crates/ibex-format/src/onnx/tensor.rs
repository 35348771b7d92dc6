//! Arrays as ONNX files hold them: little-endian bytes, or lists of numbers by their kind.
//!
//! Arrays in other files are refused: a path in a file is not followed.

use super::read::Budget;
use crate::array::{RawArray, RawDType};
use crate::error::{Problem, Result, excerpt, shape_text};
use crate::wire::{Field, Message, damaged, for_each};

/// The numbers of the element types in files.
const CODES: [(RawDType, i64); 13] = [
    (RawDType::F32, 1),
    (RawDType::U8, 2),
    (RawDType::I8, 3),
    (RawDType::U16, 4),
    (RawDType::I16, 5),
    (RawDType::I32, 6),
    (RawDType::I64, 7),
    (RawDType::Bool, 9),
    (RawDType::F16, 10),
    (RawDType::F64, 11),
    (RawDType::U32, 12),
    (RawDType::U64, 13),
    (RawDType::BF16, 16),
];

/// The most integers that are read from a list, where each may take one byte of the file and
/// eight of memory.
const MAX_LISTED: usize = 1 << 24;

/// The number of an element type in files.
pub(super) fn code_of(dtype: RawDType) -> i64 {
    CODES.iter().find(|(known, _)| *known == dtype).map_or(0, |(_, code)| *code)
}

/// The element type of a number in files.
pub(super) fn dtype_of(code: i64) -> Option<RawDType> {
    CODES.iter().find(|(_, known)| *known == code).map(|(dtype, _)| *dtype)
}

/// The parts of a `TensorProto` that say what it holds.
#[derive(Default)]
struct Parts<'a> {
    dims: Vec<i64>,
    code: i64,
    name: String,
    raw: Option<&'a [u8]>,
    lists: Vec<(u64, Field<'a>)>,
    elsewhere: bool,
}

/// An array and its name.
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Result<(String, RawArray)> {
    let mut parts = Parts::default();
    for_each(bytes, |number, field| {
        match number {
            1 => field.each_int(|extent| {
                budget.take()?;
                parts.dims.push(extent);
                Ok(())
            })?,
            2 => parts.code = field.int()?,
            4 | 5 | 7 | 10 | 11 => {
                budget.take()?;
                parts.lists.push((number, field));
            }
            8 => parts.name = field.text()?,
            9 => parts.raw = Some(field.bytes()?),
            13 => parts.elsewhere = true,
            14 => parts.elsewhere |= field.int()? == 1,
            _ => {}
        }
        Ok(())
    })?;
    let name = parts.name.clone();
    let array = array(parts).map_err(|error| error.in_member(excerpt(&name)))?;
    Ok((name, array))
}

fn array(parts: Parts<'_>) -> Result<RawArray> {
    if parts.elsewhere {
        return Err(Problem::new("the values of the tensor are in another file")
            .help("save the model with its weights in one file (`save_as_external_data=False`)")
            .unsupported());
    }
    let Some(dtype) = dtype_of(parts.code) else {
        let names = CODES.map(|(dtype, _)| dtype.name());
        return Err(Problem::new("the tensor has elements of a type that is not read")
            .expected(names.join(", "))
            .received(match parts.code {
                8 => "texts".to_string(),
                code => format!("type number {code}"),
            })
            .unsupported());
    };
    let extents = parts.dims.iter().map(|&extent| usize::try_from(extent).ok());
    let Some(shape) = extents.collect::<Option<Vec<usize>>>() else {
        return Err(damaged("a negative extent"));
    };
    let data = match parts.raw {
        Some(raw) => raw.to_vec(),
        None => listed(dtype, &parts.lists)?,
    };
    let count = shape.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
    if count.and_then(|count| count.checked_mul(dtype.size())) != Some(data.len()) {
        return Err(Problem::new("the tensor does not fit its bytes")
            .expected(format!("the bytes of {dtype} {}", shape_text(&shape)))
            .received(format!("{} bytes", data.len()))
            .damaged());
    }
    RawArray::new(dtype, shape, data)
}

/// The bytes of an array that is given as numbers; which list holds them follows from the type.
fn listed(dtype: RawDType, lists: &[(u64, Field<'_>)]) -> Result<Vec<u8>> {
    let wanted = match dtype {
        RawDType::F32 => 4,
        RawDType::F64 => 10,
        RawDType::I64 => 7,
        RawDType::U32 | RawDType::U64 => 11,
        _ => 5,
    };
    let mut data = Vec::new();
    for &(number, field) in lists {
        match (number == wanted, wanted) {
            (false, _) => {}
            (true, 4) => field.each_fixed(|bytes: [u8; 4]| {
                data.extend(bytes);
                Ok(())
            })?,
            (true, 10) => field.each_fixed(|bytes: [u8; 8]| {
                data.extend(bytes);
                Ok(())
            })?,
            // Half precision stands here by its bits.
            (true, _) => field.each_int(|value| {
                if data.len() >= MAX_LISTED * dtype.size() {
                    return Err(Problem::new("the tensor has too many elements for a list")
                        .help("save its values as raw data")
                        .refused());
                }
                data.extend_from_slice(&value.to_le_bytes()[..dtype.size()]);
                Ok(())
            })?,
        }
    }
    if dtype == RawDType::Bool {
        data.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
    Ok(data)
}

/// An array as a message.
pub(super) fn write(name: &str, array: &RawArray) -> Message {
    let mut message = Message::default();
    for &extent in array.shape() {
        message.int(1, extent as i64);
    }
    message.int(2, code_of(array.dtype()));
    message.text(8, name);
    message.bytes(9, array.data());
    message
}
