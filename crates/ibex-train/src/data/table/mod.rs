//! Tables: columns of numbers and of texts, read from CSV or Parquet, and how they become arrays.
//!
//! [`Table`] is what a file holds; an [`Encoder`] turns columns into numbers as it learned from
//! the rows to train on, and from no others.
//! It must not know models.

mod encoder;
mod features;
mod parquet;

pub use self::parquet::{PARQUET_THREAD, read_parquet};
pub use encoder::{Encoder, Target, Task};
pub use features::{Choices, Feature};

use std::path::Path;

use ibex_nn::ConfigError;
use ibex_nn::object::nearest;

use crate::error::{Error, Result};

/// What stands for a value that is missing, beside nothing at all.
const MISSING: &[&str] = &["?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "#N/A"];
/// Bytes of a field that may be the name of a column.
const LONGEST_NAME: usize = 64;
/// Characters of a field that errors show.
const SHOWN: usize = 20;

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers; NaN where a value is missing.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<Option<String>>),
}

impl Column {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Column::Numbers(values) => values.len(),
            Column::Texts(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of missing values.
    pub fn missing(&self) -> usize {
        match self {
            Column::Numbers(values) => values.iter().filter(|value| value.is_nan()).count(),
            Column::Texts(values) => values.iter().filter(|value| value.is_none()).count(),
        }
    }

    /// The value as text; `None` where it is missing.
    pub(super) fn text(&self, row: usize) -> Option<String> {
        match self {
            Column::Numbers(values) => {
                values.get(row).filter(|value| !value.is_nan()).map(f64::to_string)
            }
            Column::Texts(values) => values.get(row).cloned().flatten(),
        }
    }

    fn at(&self, rows: &[u32]) -> Column {
        match self {
            Column::Numbers(values) => {
                Column::Numbers(rows.iter().map(|&row| values[row as usize]).collect())
            }
            Column::Texts(values) => {
                Column::Texts(rows.iter().map(|&row| values[row as usize].clone()).collect())
            }
        }
    }
}

/// Columns of the same length, with their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
    source: String,
}

/// How a CSV file is written, where that cannot be seen from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Csv {
    /// Whether the first line names the columns; by default, if none of its fields is a number.
    pub header: Option<bool>,
    /// What is between fields; by default, which of `,`, `;`, tab and `|` the first line has most
    /// of, or else blanks.
    pub delimiter: Option<u8>,
}

impl Csv {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is no text, or its lines have different numbers of fields.
    pub fn read(&self, path: &Path) -> Result<Table> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            action: "read",
            path: path.to_path_buf(),
            source,
        })?;
        let bytes = match path.extension().is_some_and(|ending| ending == "gz") {
            true => unpacked(&bytes, path)?,
            false => bytes,
        };
        self.parse(&bytes, &path.display().to_string())
    }

    /// Reads the bytes of a file; `source` names it in errors.
    ///
    /// # Errors
    /// As [`Csv::read`].
    pub fn parse(&self, bytes: &[u8], source: &str) -> Result<Table> {
        let wrong = |what: String| ConfigError::new(format!("`{source}`: {what}"));
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
            let help = "save the file as UTF-8";
            let expected = wrong("the table is no text".into()).expected("UTF-8").help(help);
            Error::Data(expected.received(format!("other bytes in line {line}")))
        })?;
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if first.is_empty() {
            let error = wrong("the table is empty".into()).expected("a line for each sample");
            return Err(Error::Data(error.received(format!("{} bytes", bytes.len()))));
        }
        let delimiter = self.delimiter.or_else(|| delimiter_of(first));
        let spaced;
        let text = match delimiter {
            Some(_) => text,
            None => {
                spaced = by_blanks(text);
                &spaced
            }
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(delimiter.unwrap_or(b'\t'))
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut rows: Vec<csv::StringRecord> = Vec::new();
        for record in reader.records() {
            rows.push(record.map_err(|error| Error::Data(ragged(&error, source)))?);
        }
        self.table(rows, source)
    }

    fn table(&self, mut rows: Vec<csv::StringRecord>, source: &str) -> Result<Table> {
        let width = rows.first().map_or(0, csv::StringRecord::len);
        let has_header = self.header.unwrap_or_else(|| {
            let named = |field: &str| !field.is_empty() && field.parse::<f64>().is_err();
            rows[0].iter().all(|field| named(field) && field.len() <= LONGEST_NAME)
        });
        let names: Vec<String> = match has_header {
            true => rows.remove(0).iter().map(str::to_string).collect(),
            false => (0..width).map(|i| i.to_string()).collect(),
        };
        check_names(&names, source)?;
        if rows.is_empty() {
            let what = format!("`{source}`: the table has names but no rows");
            let none = ConfigError::new(what).expected("a line for each sample");
            return Err(Error::Data(none.received("the header alone")));
        }
        let columns = (0..width).map(|i| column(rows.iter().map(|row| &row[i]))).collect();
        Ok(Table { names, columns, source: source.to_string() })
    }
}

fn unpacked(bytes: &[u8], path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    // A table that unpacks to more than 4 GiB is not one that fits into memory anyway.
    let unpacked = flate2::read::MultiGzDecoder::new(bytes).take(1 << 32).read_to_end(&mut text);
    unpacked.map_err(|source| Error::Io { action: "unpack", path: path.to_path_buf(), source })?;
    Ok(text)
}

fn repeated(names: &[String]) -> Option<&String> {
    names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)).map(|(_, name)| name)
}

/// Refuses a file that names two columns alike.
fn check_names(names: &[String], source: &str) -> Result<()> {
    let Some(name) = repeated(names) else { return Ok(()) };
    let twice = ConfigError::new(format!("`{source}`: two columns have the same name"));
    let received = format!("`{name}` twice");
    Err(Error::Data(twice.expected("names that differ").received(received)))
}

fn delimiter_of(line: &str) -> Option<u8> {
    let count = |&mark: &u8| line.bytes().filter(|&byte| byte == mark).count();
    // Of those that are equally frequent, the last one of the list.
    let best = [b'|', b'\t', b';', b','].into_iter().max_by_key(count)?;
    (count(&best) > 0).then_some(best)
}

fn by_blanks(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join("\t");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What a reader of CSV says about a line, in the words of this crate.
fn ragged(error: &csv::Error, source: &str) -> ConfigError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            ConfigError::new(format!("`{source}`, line {line}: the table is ragged"))
                .expected(format!("{expected_len} fields, as in the first line"))
                .received(len.to_string())
                .help("a comma within a field needs quotes around the field")
        }
        _ => ConfigError::new(format!("`{source}`, line {line}: {error}")),
    }
}

/// The values of a column: numbers if every value that is there is one.
fn column<'a>(fields: impl Iterator<Item = &'a str> + Clone) -> Column {
    let there = |field: &str| !field.is_empty() && !MISSING.contains(&field);
    let mut numbers = Vec::new();
    for field in fields.clone() {
        match field.parse::<f64>() {
            Ok(number) if there(field) => numbers.push(number),
            _ if !there(field) => numbers.push(f64::NAN),
            _ => {
                let text = |field: &str| there(field).then(|| field.to_string());
                return Column::Texts(fields.map(text).collect());
            }
        }
    }
    Column::Numbers(numbers)
}

impl Table {
    /// Reads a file: Parquet if its name ends in `.parquet` or `.pq`, and else CSV, written so.
    ///
    /// # Errors
    /// As [`Csv::read`] and [`read_parquet`].
    pub fn read(path: &Path, csv: &Csv) -> Result<Table> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        match ending == "parquet" || ending == "pq" {
            true => read_parquet(path),
            false => csv.read(path),
        }
    }

    /// A table of these columns.
    ///
    /// # Errors
    /// If two have the same name, or other lengths.
    pub fn new(columns: impl IntoIterator<Item = (String, Column)>) -> Result<Table> {
        let (names, columns): (Vec<String>, Vec<Column>) = columns.into_iter().unzip();
        let lengths = columns.iter().map(Column::len);
        if let Some((name, _)) =
            names.iter().zip(lengths).find(|(_, length)| *length != columns[0].len())
        {
            return Err(Error::Data(
                ConfigError::new("columns have different lengths")
                    .expected(format!("{} values", columns[0].len()))
                    .received(format!("another number in `{name}`")),
            ));
        }
        if let Some(name) = repeated(&names) {
            return Err(Error::Data(ConfigError::new(format!("two columns are named `{name}`"))));
        }
        Ok(Table { names, columns, source: "table".to_string() })
    }

    /// The names of the columns; their numbers from 0 where the file has no names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows.
    pub fn count(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    /// The columns with their names.
    pub fn columns(&self) -> impl Iterator<Item = (&String, &Column)> {
        self.names.iter().zip(&self.columns)
    }

    /// The column of a name; of its number if no name is the same, counted from the end if it is
    /// negative.
    ///
    /// # Errors
    /// If there is none; the nearest name is suggested.
    pub fn column(&self, name: &str) -> Result<(&String, &Column)> {
        let count = self.names.len();
        let numbered = || {
            let number: i64 = name.parse().ok()?;
            let at = if number < 0 { number + count as i64 } else { number };
            usize::try_from(at).ok().filter(|at| *at < count)
        };
        let place = self.names.iter().position(|own| own == name).or_else(numbered);
        match place {
            Some(place) => Ok((&self.names[place], &self.columns[place])),
            None => {
                let names = self.names.iter().map(String::as_str);
                let error = ConfigError::new(format!("`{}` has no column `{name}`", self.source))
                    .expected(self.names.join(", "));
                Err(Error::Data(match nearest(name, names) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error,
                }))
            }
        }
    }

    /// The rows at these places.
    ///
    /// A place must be below [`Table::count`].
    pub fn at(&self, rows: &[u32]) -> Table {
        let columns = self.columns.iter().map(|column| column.at(rows)).collect();
        Table { names: self.names.clone(), columns, source: self.source.clone() }
    }

    /// What the table was read from.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// The beginning of a field, for an error.
pub(super) fn shown(field: &str) -> String {
    let mut text: String = field.chars().take(SHOWN).collect();
    if text.len() < field.len() {
        text.push('…');
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests;
