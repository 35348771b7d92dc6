//! A reader of the part of Python's pickle format that state dictionaries are written in.
//!
//! It runs nothing: names are looked up in a table, and what they would make is described.
//! Every instruction is at least one byte and makes at most one value, so that memory is held to
//! a multiple of the pickle.
//! Source: <https://docs.python.org/3/library/pickletools.html>

use std::collections::HashMap;

use super::build;
use super::globals;
use super::value::{Id, Value, Values};
use crate::error::{FormatError, Problem, Result, excerpt};

/// A state dictionary takes about twenty values for a tensor.
const MAX_VALUES: usize = 1 << 21;

/// How deep containers may have been begun within one another.
const MAX_MARKS: usize = 1000;

/// Reads one pickle from the start of `bytes`; gives also the number of bytes that it takes.
pub(super) fn parse(bytes: &[u8]) -> Result<(Values, usize)> {
    let mut machine = Machine {
        bytes,
        at: 0,
        values: Values { values: Vec::new(), root: 0 },
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    machine.run()?;
    Ok((machine.values, machine.at))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Values,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<()> {
        loop {
            let code = self.take(1)?[0];
            if code == b'.' {
                self.values.root = self.pop()?;
                return Ok(());
            }
            let done = self.plain(code)? || self.container(code)? || self.special(code)?;
            if !done {
                return Err(Problem::new("the pickle uses an instruction that is not read here")
                    .expected("what `torch.save` writes for a state dictionary")
                    .received(format!("instruction 0x{code:02x} at byte {}", self.at - 1))
                    .help("nothing in a pickle is run; save `model.state_dict()` in PyTorch")
                    .unsupported());
            }
        }
    }

    /// Numbers, texts and constants; whether the instruction is one of them.
    fn plain(&mut self, code: u8) -> Result<bool> {
        let value = match code {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Integer(self.number(1)? as i64),
            b'M' => Value::Integer(self.number(2)? as i64),
            b'J' => Value::Integer(i64::from(self.number(4)? as u32 as i32)),
            0x8a => {
                let length = self.number(1)?;
                long(self.take(length)?)
            }
            b'G' => {
                let bits = self.number(8)?.swap_bytes();
                Value::Float(f64::from_bits(bits))
            }
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            b'U' => self.byte_string(1)?,
            b'T' => self.byte_string(4)?,
            b'C' => self.skip_bytes(1)?,
            b'B' => self.skip_bytes(4)?,
            _ => return Ok(false),
        };
        self.push(value)?;
        Ok(true)
    }

    /// Tuples, lists and dictionaries.
    fn container(&mut self, code: u8) -> Result<bool> {
        match code {
            b'(' => {
                if self.marks.len() >= MAX_MARKS {
                    return Err(Problem::new("the pickle is nested too deep")
                        .expected(format!("at most {MAX_MARKS} levels"))
                        .refused());
                }
                self.marks.push(self.stack.len());
            }
            b')' => self.push(Value::Tuple(Vec::new()))?,
            b']' => self.push(Value::List(Vec::new()))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items))?;
            }
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(code - 0x84));
                let from = from.ok_or_else(|| self.damaged("too few values for a tuple"))?;
                let items = self.stack.split_off(from);
                self.push(Value::Tuple(items))?;
            }
            b'a' => {
                let item = self.pop()?;
                self.extend_list(&[item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.extend_list(&items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.extend_dict(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.extend_dict(&items)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The memo, names, and what is made of them.
    fn special(&mut self, code: u8) -> Result<bool> {
        match code {
            // The version of the format, and frames, which only help reading from a stream.
            0x80 => _ = self.take(1)?,
            0x95 => _ = self.take(8)?,
            b'q' => self.remember(1)?,
            b'r' => self.remember(4)?,
            0x94 => {
                let top = self.top()?;
                self.memo.insert(self.memo.len() as u64, top);
            }
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'0' => _ = self.pop()?,
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.global(&module, &name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let texts = self.values.text(module).zip(self.values.text(name));
                let (module, name) = match texts {
                    Some((module, name)) => (module.to_string(), name.to_string()),
                    None => return Err(self.damaged("a name that is no text")),
                };
                self.global(&module, &name)?;
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let value = build::called(&mut self.values, callee, arguments)?;
                self.push(value)?;
            }
            b'b' => {
                // The state of a dictionary is its `_metadata`, which holds no weights.
                self.pop()?;
                self.top()?;
            }
            b'Q' => {
                let reference = self.pop()?;
                let value = build::storage(&self.values, reference)?;
                self.push(value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
        let Some(global) = globals::find(module, name) else {
            let full = format!("{}.{}", excerpt(module), excerpt(name));
            return Err(Problem::new(format!("the pickle names `{full}`, which is not read here"))
                .expected("tensors, numbers, texts, and dictionaries, lists and tuples of them")
                .received(format!("`{full}`"))
                .help(
                    "such a file can run code, so nothing in it is run; in PyTorch, save \
                     `model.state_dict()` without other objects",
                )
                .refused());
        };
        self.push(Value::Global(global))
    }

    fn extend_list(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        match self.values.values.get_mut(top as usize) {
            Some(Value::List(list)) => list.extend(items),
            Some(Value::Opaque) => {}
            _ => return Err(self.damaged("items for something that is no list")),
        }
        Ok(())
    }

    fn extend_dict(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        match self.values.values.get_mut(top as usize) {
            Some(Value::Dict(dict)) if items.len().is_multiple_of(2) => {
                dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            Some(Value::Opaque) => {}
            _ => return Err(self.damaged("items for something that is no dictionary")),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if self.values.values.len() >= MAX_VALUES {
            return Err(Problem::new("the pickle has too many values")
                .expected(format!("at most {MAX_VALUES}"))
                .refused());
        }
        self.stack.push(self.values.values.len() as Id);
        self.values.values.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err(self.damaged("an instruction without its values"));
        }
        self.stack.pop().ok_or_else(|| self.damaged("an instruction without its values"))
    }

    fn top(&self) -> Result<Id> {
        self.stack.last().copied().ok_or_else(|| self.damaged("an instruction without its values"))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.damaged("an end without a beginning")),
        }
    }

    fn remember(&mut self, width: usize) -> Result<()> {
        let (key, top) = (self.number(width)?, self.top()?);
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, width: usize) -> Result<()> {
        let key = self.number(width)?;
        let id = self.memo.get(&key).copied();
        self.stack.push(id.ok_or_else(|| self.damaged("a value that was not remembered"))?);
        // Room for references, which make no value.
        if self.stack.len() > MAX_VALUES {
            return Err(self.damaged("more references than values"));
        }
        Ok(())
    }

    fn take(&mut self, count: impl TryInto<usize>) -> Result<&[u8]> {
        let end = count.try_into().ok().and_then(|count| self.at.checked_add(count));
        let range = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = range.ok_or_else(|| self.damaged("an end within an instruction"))?;
        self.at += bytes.len();
        Ok(bytes)
    }

    /// An unsigned little-endian number of at most eight bytes.
    fn number(&mut self, width: usize) -> Result<u64> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn text(&mut self, width: usize) -> Result<Value> {
        let length = self.number(width)?;
        let text = std::str::from_utf8(self.take(length)?).map(str::to_string);
        text.map(Value::Text).map_err(|_| self.damaged("a text that is not UTF-8"))
    }

    /// A string of Python 2: text where it can be one.
    fn byte_string(&mut self, width: usize) -> Result<Value> {
        let length = self.number(width)?;
        let text = std::str::from_utf8(self.take(length)?);
        Ok(text.map_or(Value::Opaque, |text| Value::Text(text.to_string())))
    }

    fn skip_bytes(&mut self, width: usize) -> Result<Value> {
        let length = self.number(width)?;
        self.take(length)?;
        Ok(Value::Opaque)
    }

    fn line(&mut self) -> Result<String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or_else(|| self.damaged("an end within an instruction"))?;
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn damaged(&self, reason: &str) -> FormatError {
        Problem::new("the pickle is damaged")
            .received(format!("{reason}, before byte {}", self.at))
            .damaged()
    }
}

/// A little-endian integer in two's complement.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Long(bytes.to_vec());
    }
    let fill = if bytes.last().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
    let mut wide = [fill; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Integer(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn text(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn numbers_texts_and_containers() {
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x07X\x01\x00\x00\x00bJ\xfe\xff\xff\xff\
                      X\x01\x00\x00\x00cG\x3f\xe0\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00d\
                      \x8a\x02\x00\xffu.rest";
        let (values, length) = parse(bytes).unwrap();
        assert_eq!(&bytes[length..], b"rest");
        let Value::Dict(pairs) = values.get(values.root) else { panic!() };
        let found: Vec<&Value> = pairs.iter().map(|(_, value)| values.get(*value)).collect();
        let expected =
            [Value::Integer(7), Value::Integer(-2), Value::Float(0.5), Value::Integer(-256)];
        assert_eq!(found, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_name_that_could_run_code_is_named() {
        expect![[r#"
            the pickle names `posix.system`, which is not read here
              expected  tensors, numbers, texts, and dictionaries, lists and tuples of them
              received  `posix.system`
              help: such a file can run code, so nothing in it is run; in PyTorch, save `model.state_dict()` without other objects"#]]
        .assert_eq(&text(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R."));
        let stacked = b"\x80\x04\x8c\x08builtins\x94\x8c\x04eval\x94\x93\x8c\x01x\x85R.";
        assert!(text(stacked).contains("builtins.eval"));
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let cases: &[&[u8]] = &[
            b"",
            b"\x80",
            b".",
            b"t.",
            b"(",
            b"K",
            b"X\xff\xff\xff\xffa.",
            b"h\x00.",
            b"a.",
            b"R.",
            b"NNR.",
            b"Ns.",
            b"N(s.",
            b"}K\x01u.",
            b"]K\x01s.",
            b"NQ.",
            b"cos\n",
            b"i.",
        ];
        for case in cases {
            assert!(parse(case).is_err(), "{case:?}");
        }
        assert!(text(&[b'('; 100_000]).contains("nested too deep"));
        assert!(text(&[b'N'; MAX_VALUES + 2]).contains("too many values"));
        let mut references = b"Nq\x00".to_vec();
        references.extend(b"h\x00".repeat(MAX_VALUES + 2));
        assert!(text(&references).contains("more references"));
    }
}
