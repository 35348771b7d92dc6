//! Parquet files as tables, as pandas, polars and PyArrow write them.
//!
//! Numbers and truth values become numbers; texts, dates and times become texts, in the form in
//! which pandas prints them. Columns of lists and structures are refused.
//! It must not know what columns are used for.
//! Source: <https://parquet.apache.org/docs/file-format/>.

use std::fs::File;
use std::path::Path;
use std::thread::Builder;

use ibex_nn::ConfigError;
use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::{Column, Table, check_names};
use crate::error::{Error, Result};

mod values;

use values::{Cell, Meaning, Raw};

/// The name of the threads that read Parquet files: a panic there is an error of the file, and is
/// returned as one.
pub const PARQUET_THREAD: &str = "ibex-parquet";
/// Values that are read at once.
const AT_ONCE: usize = 8192;
/// Bytes of a table in memory: one that unpacks to more does not fit there anyway.
const MOST: u64 = 1 << 32;

/// Reads a Parquet file.
///
/// The index of a data frame that has no name is left out.
///
/// # Errors
/// If the file cannot be read, is broken, encrypted or packed in a way that is not known, or has
/// columns of lists, structures or bytes.
pub fn read_parquet(path: &Path) -> Result<Table> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_path_buf(),
        source,
    })?;
    let columns = guarded(|| columns(file)).map_err(|reason| Error::Data(reason.tell(&name)))?;
    let (names, columns): (Vec<String>, Vec<Column>) = columns.into_iter().unzip();
    check_names(&names, &name)?;
    if columns.first().is_none_or(Column::is_empty) {
        let error = ConfigError::new(format!("`{name}`: the table is empty"));
        let received = format!("{} columns without rows", names.len());
        return Err(Error::Data(error.expected("a row for each sample").received(received)));
    }
    Ok(Table { names, columns, source: name })
}

/// Runs a reader on a thread of its own: numbers that contradict each other make `parquet` panic.
fn guarded<T: Send>(read: impl FnOnce() -> Result<T, Reason> + Send) -> Result<T, Reason> {
    std::thread::scope(|scope| {
        let thread = Builder::new().name(PARQUET_THREAD.into());
        let failed = |error: std::io::Error| Reason::Broken(error.to_string());
        let contradicts = |_| Reason::Broken("numbers that contradict each other".into());
        thread.spawn_scoped(scope, read).map_err(failed)?.join().map_err(contradicts)?
    })
}

/// The columns of a file with their names.
fn columns(file: File) -> Result<Vec<(String, Column)>, Reason> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut building = Vec::new();
    for (place, column) in schema.columns().iter().enumerate() {
        if !numbers_rows(column) {
            building.push((place, Building::of(column)?));
        }
    }
    let mut size = 0;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        for (place, column) in &mut building {
            column.read(&*group, *place, &mut size)?;
        }
    }
    Ok(building.into_iter().map(|(_, column)| (column.name, column.values)).collect())
}

/// Whether a column is the index of a data frame, which pandas names so if it has no name.
fn numbers_rows(column: &ColumnDescriptor) -> bool {
    column.name().starts_with("__index_level_") && column.name().ends_with("__")
}

/// Why a file cannot be read.
enum Reason {
    /// It is broken, or of another kind.
    Broken(String),
    /// Its pages are packed in this way.
    Packed(&'static str),
    /// A column holds this.
    Column(String, &'static str),
}

impl Reason {
    fn tell(self, source: &str) -> ConfigError {
        match self {
            Reason::Broken(received) => {
                ConfigError::new(format!("`{source}` is no Parquet file that can be used"))
                    .expected("a whole file as pandas, polars or PyArrow write it")
                    .received(received)
            }
            Reason::Packed(received) => {
                ConfigError::new(format!("`{source}` is packed in a way that is not known"))
                    .expected("snappy, zstd, gzip, lz4 or nothing")
                    .received(received)
                    .help("write the table with another compression")
            }
            Reason::Column(name, received) => {
                ConfigError::new(format!("`{source}`: the column `{name}` cannot be used"))
                    .expected("numbers, truth values, texts, dates or times")
                    .received(received)
                    .help("write the table without the column")
            }
        }
    }
}

impl From<ParquetError> for Reason {
    fn from(error: ParquetError) -> Reason {
        let text = match error {
            ParquetError::General(text) | ParquetError::EOF(text) | ParquetError::NYI(text) => text,
            other => other.to_string(),
        };
        match text.contains("encrypted") {
            true => Reason::Broken("an encrypted file".into()),
            false => Reason::Broken(text),
        }
    }
}

/// A column as far as it is read.
struct Building {
    name: String,
    meaning: Meaning,
    /// The level of a value that is there; 0 if none can be missing.
    there: i16,
    values: Column,
}

impl Building {
    fn of(column: &ColumnDescriptor) -> Result<Building, Reason> {
        let parts = column.path().parts();
        let name = parts.first().cloned().unwrap_or_default();
        let nested = parts.len() > 1 || column.max_rep_level() > 0;
        let meaning = match nested {
            true => Err("lists or structures"),
            false => Meaning::of(column),
        };
        let meaning = meaning.map_err(|received| Reason::Column(name.clone(), received))?;
        let values = match meaning.is_text() {
            true => Column::Texts(Vec::new()),
            false => Column::Numbers(Vec::new()),
        };
        Ok(Building { name, meaning, there: column.max_def_level(), values })
    }

    /// Reads on, in the column at this place of a group of rows; `size` counts the bytes so far.
    fn read(
        &mut self,
        group: &dyn RowGroupReader,
        place: usize,
        size: &mut u64,
    ) -> Result<(), Reason> {
        match group.metadata().column(place).compression() {
            Compression::BROTLI(_) => return Err(Reason::Packed("brotli")),
            Compression::LZO => return Err(Reason::Packed("lzo")),
            _ => {}
        }
        let before = self.values.len();
        match group.get_column_reader(place)? {
            ColumnReader::BoolColumnReader(reader) => self.chunk(reader, size),
            ColumnReader::Int32ColumnReader(reader) => self.chunk(reader, size),
            ColumnReader::Int64ColumnReader(reader) => self.chunk(reader, size),
            ColumnReader::Int96ColumnReader(reader) => self.chunk(reader, size),
            ColumnReader::FloatColumnReader(reader) => self.chunk(reader, size),
            ColumnReader::DoubleColumnReader(reader) => self.chunk(reader, size),
            ColumnReader::ByteArrayColumnReader(reader) => self.chunk(reader, size),
            ColumnReader::FixedLenByteArrayColumnReader(reader) => self.chunk(reader, size),
        }?;
        let (rows, read) = (group.metadata().num_rows(), self.values.len() - before);
        match usize::try_from(rows) == Ok(read) {
            true => Ok(()),
            false => {
                Err(Reason::Broken(format!("{read} values in `{}` for {rows} rows", self.name)))
            }
        }
    }

    fn chunk<T>(&mut self, mut reader: ColumnReaderImpl<T>, size: &mut u64) -> Result<(), Reason>
    where
        T: DataType,
        T::T: Raw,
    {
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        loop {
            levels.clear();
            values.clear();
            let read = reader.read_records(AT_ONCE, Some(&mut levels), None, &mut values)?.0;
            if read == 0 {
                return Ok(());
            }
            let mut values = values.iter();
            for row in 0..read {
                let missing = self.there > 0 && levels.get(row) != Some(&self.there);
                let value = if missing { None } else { values.next() };
                let cell = value.map(|value| value.cell(self.meaning)).transpose();
                let cell = cell.map_err(|received| Reason::Column(self.name.clone(), received))?;
                *size += self.push(cell);
            }
            if *size > MOST {
                return Err(Reason::Broken(format!("a table of more than {} GiB", MOST >> 30)));
            }
        }
    }

    /// Appends a value, and says how many bytes it takes.
    fn push(&mut self, cell: Option<Cell>) -> u64 {
        match (&mut self.values, cell) {
            (Column::Numbers(all), Some(Cell::Number(number))) => all.push(number),
            (Column::Numbers(all), _) => all.push(f64::NAN),
            (Column::Texts(all), Some(Cell::Text(text))) => {
                let bytes = text.len() + size_of::<Option<String>>();
                all.push(Some(text));
                return bytes as u64;
            }
            (Column::Texts(all), _) => {
                all.push(None);
                return size_of::<Option<String>>() as u64;
            }
        }
        size_of::<f64>() as u64
    }
}
