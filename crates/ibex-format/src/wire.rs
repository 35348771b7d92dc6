//! The protobuf encoding: numbered fields of varints, fixed-width numbers and byte strings.
//!
//! ONNX and the events of TensorBoard are written in it; it must not know any of their messages.
//! Reading borrows from the bytes; nothing is allocated by a length that they claim.

use crate::error::{FormatError, Problem, Result};

/// The value of one field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// A field that does not have the form that its message gives it, or bytes that end in it.
pub(crate) fn damaged(what: &str) -> FormatError {
    Problem::new(format!("the protobuf message is damaged: {what}"))
        .help("export the model again, or check the download")
        .damaged()
}

/// The fields of a message, in order.
pub(crate) fn for_each<'a>(
    bytes: &'a [u8],
    mut f: impl FnMut(u64, Field<'a>) -> Result<()>,
) -> Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut rest)?),
            1 => Field::Fixed64(u64::from_le_bytes(fixed(&mut rest)?)),
            2 => {
                let length = varint(&mut rest)?;
                Field::Bytes(take(&mut rest, length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(fixed(&mut rest)?)),
            _ => return Err(damaged("a field of unknown form")),
        };
        f(tag >> 3, field)?;
    }
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8]> {
    let parts = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (taken, after) = parts.ok_or_else(|| damaged("a field longer than the file"))?;
    *rest = after;
    Ok(taken)
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    bytes.copy_from_slice(take(rest, N as u64)?);
    Ok(bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or_else(|| damaged("it ends in a number"))?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        value |= bits.checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(damaged("a number of more than 64 bits"))
}

impl<'a> Field<'a> {
    /// An integer.
    pub(crate) fn int(self) -> Result<i64> {
        match self {
            Field::Varint(value) => Ok(value as i64),
            _ => Err(damaged("an integer of another form")),
        }
    }

    /// A number of 32 bits.
    pub(crate) fn float(self) -> Result<f32> {
        match self {
            Field::Fixed32(bits) => Ok(f32::from_bits(bits)),
            _ => Err(damaged("a number of another form")),
        }
    }

    /// A message or a byte string.
    pub(crate) fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Field::Bytes(bytes) => Ok(bytes),
            _ => Err(damaged("a message of another form")),
        }
    }

    /// A text.
    pub(crate) fn text(self) -> Result<String> {
        let text =
            std::str::from_utf8(self.bytes()?).map_err(|_| damaged("a name not in UTF-8"))?;
        Ok(text.to_string())
    }

    /// Each of the integers of a repeated field, packed or not.
    pub(crate) fn each_int(self, mut f: impl FnMut(i64) -> Result<()>) -> Result<()> {
        let Field::Bytes(mut rest) = self else { return f(self.int()?) };
        while !rest.is_empty() {
            f(varint(&mut rest)? as i64)?;
        }
        Ok(())
    }

    /// The numbers of `N` bytes of a repeated field, packed or not.
    pub(crate) fn each_fixed<const N: usize>(
        self,
        mut f: impl FnMut([u8; N]) -> Result<()>,
    ) -> Result<()> {
        let single = |bytes: &[u8]| match bytes.try_into() {
            Ok(bytes) => Ok(bytes),
            Err(_) => Err(damaged("a number of another width")),
        };
        match self {
            Field::Bytes(bytes) => bytes.chunks(N).try_for_each(|chunk| f(single(chunk)?)),
            Field::Fixed32(bits) => f(single(&bits.to_le_bytes())?),
            Field::Fixed64(bits) => f(single(&bits.to_le_bytes())?),
            Field::Varint(_) => Err(damaged("a number of another form")),
        }
    }
}

/// A message that is being written.
#[derive(Debug, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// Adds an integer.
    pub(crate) fn int(&mut self, number: u64, value: i64) {
        self.varint(number << 3);
        self.varint(value as u64);
    }

    /// Adds a number of 32 bits.
    pub(crate) fn float(&mut self, number: u64, value: f32) {
        self.varint(number << 3 | 5);
        self.0.extend(value.to_le_bytes());
    }

    /// Adds a number of 64 bits.
    pub(crate) fn double(&mut self, number: u64, value: f64) {
        self.varint(number << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }

    /// Adds a byte string.
    pub(crate) fn bytes(&mut self, number: u64, value: &[u8]) {
        self.varint(number << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Adds a text, unless it is empty.
    pub(crate) fn text(&mut self, number: u64, value: &str) {
        if !value.is_empty() {
            self.bytes(number, value.as_bytes());
        }
    }

    /// Adds a message.
    pub(crate) fn message(&mut self, number: u64, value: Message) {
        self.bytes(number, &value.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back() {
        let mut message = Message::default();
        message.int(1, -1);
        message.int(15, 300);
        message.float(2, 1.5);
        message.text(200, "ibex");
        let mut found = Vec::new();
        for_each(&message.0, |number, field| {
            found.push(match field {
                Field::Bytes(_) => format!("{number} {}", field.text()?),
                Field::Fixed32(_) => format!("{number} {}", field.float()?),
                _ => format!("{number} {}", field.int()?),
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(found, ["1 -1", "15 300", "2 1.5", "200 ibex"]);
    }

    #[test]
    fn bytes_that_end_too_early_are_damaged() {
        for bytes in [&[0x08][..], &[0x0a, 5, 1], &[0x0d, 0, 0], &[0x0b], &[0x80; 11]] {
            assert!(for_each(bytes, |_, _| Ok(())).is_err(), "{bytes:?}");
        }
    }
}
