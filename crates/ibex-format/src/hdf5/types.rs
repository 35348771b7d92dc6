//! Element types of HDF5 and ours.
//!
//! It must not know files or trees.

use hdf5_pure::{
    Datatype, DatatypeByteOrder, EnumTypeBuilder, FixedPointLayout, FloatingPointLayout,
};

use crate::array::RawDType;
use crate::error::Result;
use crate::error::{FormatError, Problem, excerpt};

/// The attribute by which Keras tells bfloat16 from other opaque pairs of bytes.
pub(super) const DTYPE_ATTRIBUTE: &str = "dtype";

/// The value of that attribute.
pub(super) const BFLOAT16: &str = "bfloat16";

const HALF: FloatingPointLayout = FloatingPointLayout {
    bit_offset: 0,
    bit_precision: 16,
    exponent_location: 10,
    exponent_size: 5,
    mantissa_location: 0,
    mantissa_size: 10,
    exponent_bias: 15,
};

const BRAIN: FloatingPointLayout = FloatingPointLayout {
    bit_offset: 0,
    bit_precision: 16,
    exponent_location: 7,
    exponent_size: 8,
    mantissa_location: 0,
    mantissa_size: 7,
    exponent_bias: 127,
};

/// The type under which h5py stores such elements.
pub(super) fn to_hdf5(dtype: RawDType) -> Result<Datatype> {
    let integer = |signed| {
        let size = dtype.size() as u32;
        let layout = FixedPointLayout { signed, bit_offset: 0, bit_precision: size as u16 * 8 };
        Datatype::FixedPoint { size, byte_order: DatatypeByteOrder::LittleEndian, layout }
    };
    let float = |layout| Datatype::FloatingPoint {
        size: dtype.size() as u32,
        byte_order: DatatypeByteOrder::LittleEndian,
        layout,
    };
    Ok(match dtype {
        RawDType::F16 => float(HALF),
        RawDType::F32 => float(FloatingPointLayout::IEEE754_BINARY32),
        RawDType::F64 => float(FloatingPointLayout::IEEE754_BINARY64),
        RawDType::I8 | RawDType::I16 | RawDType::I32 | RawDType::I64 => integer(true),
        RawDType::U8 | RawDType::U16 | RawDType::U32 | RawDType::U64 => integer(false),
        RawDType::BF16 => Datatype::Opaque { size: 2, tag: Vec::new() },
        RawDType::Bool => EnumTypeBuilder::with_base(hdf5_pure::make_i8_type())
            .raw_value("FALSE", &[0])
            .raw_value("TRUE", &[1])
            .build()
            .map_err(|error| {
                Problem::new("bool cannot be stored").received(error.to_string()).invalid()
            })?,
    })
}

/// Our element type for one of HDF5, and whether its numbers are big-endian.
///
/// `says_bfloat16` is whether the attribute of Keras stands beside the array.
pub(super) fn from_hdf5(datatype: &Datatype, says_bfloat16: bool) -> Result<(RawDType, bool)> {
    match datatype {
        Datatype::FixedPoint { size, byte_order, layout } => {
            let dtype = integer_type(*size, *layout).ok_or_else(|| unsupported(datatype))?;
            Ok((dtype, is_big_endian(*byte_order, datatype)?))
        }
        Datatype::FloatingPoint { size, byte_order, layout } => {
            let dtype = match (size, *layout) {
                (2, HALF) => RawDType::F16,
                (2, BRAIN) => RawDType::BF16,
                (4, FloatingPointLayout::IEEE754_BINARY32) => RawDType::F32,
                (8, FloatingPointLayout::IEEE754_BINARY64) => RawDType::F64,
                _ => return Err(unsupported(datatype)),
            };
            Ok((dtype, is_big_endian(*byte_order, datatype)?))
        }
        Datatype::Enumeration { base_type, members, .. } => {
            let (base, big_endian) = from_hdf5(base_type, false)?;
            let is_bool = base.size() == 1
                && members.len() == 2
                && members.iter().any(|m| m.name == "FALSE" && m.value == [0])
                && members.iter().any(|m| m.name == "TRUE" && m.value == [1]);
            Ok((if is_bool { RawDType::Bool } else { base }, big_endian))
        }
        Datatype::Opaque { size: 2, .. } if says_bfloat16 => Ok((RawDType::BF16, false)),
        _ => Err(unsupported(datatype)),
    }
}

/// Whether a type holds text.
pub(super) fn is_text(datatype: &Datatype) -> bool {
    match datatype {
        Datatype::String { .. } => true,
        Datatype::VariableLength { is_string, .. } => *is_string,
        _ => false,
    }
}

fn integer_type(size: u32, layout: FixedPointLayout) -> Option<RawDType> {
    if layout.bit_offset != 0 || u32::from(layout.bit_precision) != size.checked_mul(8)? {
        return None;
    }
    Some(match (size, layout.signed) {
        (1, true) => RawDType::I8,
        (2, true) => RawDType::I16,
        (4, true) => RawDType::I32,
        (8, true) => RawDType::I64,
        (1, false) => RawDType::U8,
        (2, false) => RawDType::U16,
        (4, false) => RawDType::U32,
        (8, false) => RawDType::U64,
        _ => return None,
    })
}

fn is_big_endian(order: DatatypeByteOrder, datatype: &Datatype) -> Result<bool> {
    match order {
        DatatypeByteOrder::LittleEndian => Ok(false),
        DatatypeByteOrder::BigEndian => Ok(true),
        DatatypeByteOrder::Vax => Err(unsupported(datatype)),
    }
}

fn unsupported(datatype: &Datatype) -> FormatError {
    let received = match datatype {
        Datatype::FixedPoint { size, .. } => format!("an unusual integer of {size} bytes"),
        Datatype::FloatingPoint { size, .. } => format!("an unusual float of {size} bytes"),
        Datatype::String { .. } | Datatype::VariableLength { is_string: true, .. } => {
            "text".to_string()
        }
        Datatype::VariableLength { .. } => "sequences of variable length".to_string(),
        Datatype::Compound { .. } => "records or complex numbers".to_string(),
        Datatype::Opaque { size, tag } => {
            format!("opaque elements of {size} bytes, `{}`", excerpt(&String::from_utf8_lossy(tag)))
        }
        _ => "elements that are no numbers".to_string(),
    };
    Problem::new("the array holds elements of a type that is not read here")
        .expected("float16/32/64, bfloat16, int8/16/32/64, uint8/16/32/64 or bool")
        .received(received)
        .unsupported()
}
