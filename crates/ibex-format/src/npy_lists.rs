//! Lists of integers in `.npy` files: arrays of Python lists, as Keras's data sets of texts are
//! kept in.
//!
//! Such an array is a pickle. Nothing of it is run: instructions beyond those that NumPy writes
//! for lists of integers are an error, and so are integers of more than 32 bits.
//! Source: <https://docs.python.org/3/library/pickletools.html>.

use std::collections::HashSet;

use crate::error::{Problem, Result};
use crate::npy;

/// How many values may lie on the stack.
const MAX_STACK: usize = 1 << 20;

/// What lies on the stack.
enum Item {
    Mark,
    Integer(i32),
    List(Vec<i32>),
    /// A list of lists.
    Lists(Vec<Vec<i32>>),
    /// Names, texts, dtypes: what the array is made with.
    Other,
}

/// The lists of an array of lists of integers.
///
/// # Errors
/// If the bytes are no such array, are cut short, or hold anything else.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Vec<i32>>> {
    let (count, start) = npy::objects(bytes)?;
    let machine =
        Machine { bytes, at: start, stack: Vec::new(), found: None, lists: HashSet::new() };
    let lists = machine.run()?;
    match lists.len() == count {
        true => Ok(lists),
        false => Err(Problem::new("the array of lists is damaged")
            .expected(format!("{count} lists"))
            .received(format!("{} lists", lists.len()))
            .damaged()),
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Item>,
    found: Option<Vec<Vec<i32>>>,
    /// The places of the memo that hold lists: what refers to one of them is refused.
    lists: HashSet<u64>,
}

impl Machine<'_> {
    fn run(mut self) -> Result<Vec<Vec<i32>>> {
        let mut next = 0;
        loop {
            let code = self.take(1)?[0];
            match code {
                b'.' => break,
                // The protocol's version, and the lengths of frames.
                0x80 => _ = self.take(1)?,
                0x95 => _ = self.take(8)?,
                b'(' => self.push(Item::Mark)?,
                b'K' => self.integer(1)?,
                b'M' => self.integer(2)?,
                b'J' => self.integer(4)?,
                b']' => self.push(Item::List(Vec::new()))?,
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.marked()?;
                    self.append(items)?;
                }
                b'q' => self.remember(1)?,
                b'r' => self.remember(4)?,
                0x94 => {
                    self.note(next);
                    next += 1;
                }
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                _ => self.dressing(code)?,
            }
        }
        self.found.ok_or_else(|| damaged("no list"))
    }

    /// What the array is wrapped in: names, texts and tuples.
    fn dressing(&mut self, code: u8) -> Result<()> {
        match code {
            b'N' | 0x88 | 0x89 | b')' => self.push(Item::Other),
            b'c' => {
                for _ in 0..2 {
                    let rest = &self.bytes[self.at..];
                    let end = rest.iter().position(|&byte| byte == b'\n');
                    self.take(end.ok_or_else(|| damaged("a name without an end"))? + 1)?;
                }
                self.push(Item::Other)
            }
            b'U' | b'C' | 0x8c => self.skip(1),
            b'X' | b'T' | b'B' => self.skip(4),
            0x93 => {
                self.pop()?;
                self.pop()?;
                self.push(Item::Other)
            }
            b't' => {
                let items = self.marked()?;
                self.wrap(items)
            }
            0x85..=0x87 => {
                let count = usize::from(code - 0x84);
                let items = (0..count).map(|_| self.pop()).collect::<Result<Vec<Item>>>()?;
                self.wrap(items)
            }
            b'R' | b'b' => {
                let argument = self.pop()?;
                let function = self.pop()?;
                self.wrap(vec![argument, function])
            }
            code => Err(Problem::new("the array holds something else than lists of integers")
                .expected("what NumPy writes for an array of lists of integers")
                .received(format!("instruction 0x{code:02x} at byte {}", self.at - 1))
                .help("nothing in a pickle is run; save plain numbers instead")
                .unsupported()),
        }
    }

    /// Lists in a wrapping are what the array is about.
    fn wrap(&mut self, items: Vec<Item>) -> Result<()> {
        for item in items {
            let lists = match item {
                Item::Lists(lists) => lists,
                // An array without an element, or a list in the place of the list of lists.
                Item::List(list) if list.is_empty() => Vec::new(),
                Item::List(_) => return Err(damaged("integers where lists are expected")),
                _ => continue,
            };
            if self.found.replace(lists).is_some() {
                return Err(damaged("several arrays"));
            }
        }
        self.push(Item::Other)
    }

    fn append(&mut self, items: Vec<Item>) -> Result<()> {
        let target = self.pop()?;
        let grown = match (target, items.first()) {
            (target, None) => target,
            (Item::List(mut list), Some(Item::Integer(_))) => {
                for item in items {
                    let Item::Integer(number) = item else { return Err(damaged("a mixed list")) };
                    list.push(number);
                }
                Item::List(list)
            }
            (Item::List(list), Some(Item::List(_))) if list.is_empty() => {
                Item::Lists(lists_of(items, Vec::new())?)
            }
            (Item::Lists(lists), Some(Item::List(_))) => Item::Lists(lists_of(items, lists)?),
            _ => return Err(damaged("a list of something else")),
        };
        self.push(grown)
    }

    fn marked(&mut self) -> Result<Vec<Item>> {
        let mark = self.stack.iter().rposition(|item| matches!(item, Item::Mark));
        let mark = mark.ok_or_else(|| damaged("an end without a beginning"))?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn note(&mut self, place: u64) {
        if matches!(self.stack.last(), Some(Item::List(_) | Item::Lists(_))) {
            self.lists.insert(place);
        }
    }

    fn remember(&mut self, bytes: usize) -> Result<()> {
        let place = self.number(bytes)?;
        self.note(place);
        Ok(())
    }

    fn recall(&mut self, bytes: usize) -> Result<()> {
        let place = self.number(bytes)?;
        match self.lists.contains(&place) {
            true => Err(damaged("a list that is there twice")),
            false => self.push(Item::Other),
        }
    }

    fn integer(&mut self, bytes: usize) -> Result<()> {
        let number = self.number(bytes)? as u32 as i32;
        self.push(Item::Integer(number))
    }

    fn skip(&mut self, bytes: usize) -> Result<()> {
        let length = self.number(bytes)?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        self.push(Item::Other)
    }

    fn number(&mut self, bytes: usize) -> Result<u64> {
        let taken = self.take(bytes)?;
        Ok(taken.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| damaged("the end of the file"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn push(&mut self, item: Item) -> Result<()> {
        if self.stack.len() >= MAX_STACK {
            return Err(damaged("too many values"));
        }
        self.stack.push(item);
        Ok(())
    }

    fn pop(&mut self) -> Result<Item> {
        self.stack.pop().ok_or_else(|| damaged("an instruction without a value"))
    }
}

fn lists_of(items: Vec<Item>, mut lists: Vec<Vec<i32>>) -> Result<Vec<Vec<i32>>> {
    for item in items {
        let Item::List(list) = item else { return Err(damaged("a mixed list")) };
        lists.push(list);
    }
    Ok(lists)
}

fn damaged(received: &str) -> crate::error::FormatError {
    Problem::new("the array of lists is damaged")
        .expected("what NumPy writes for an array of lists of integers")
        .received(received)
        .damaged()
}
