//! [`Meaning`]: what the raw values of a Parquet column stand for.
//!
//! It must not know files.
//! Source: <https://parquet.apache.org/docs/file-format/types/logicaltypes/>.

use half::f16;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::schema::types::ColumnDescriptor;

/// Seconds in a day.
const DAY: i64 = 86_400;
/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;
/// The day from which dates count, as `INT96` counts days.
const EPOCH: i64 = 2_440_588;

/// What values stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// A number, or 0 and 1 for false and true.
    Number,
    /// A whole number without sign.
    Unsigned,
    /// A whole number to be divided by this.
    Decimal(f64),
    /// A number of 16 bits.
    Half,
    /// A text.
    Text,
    /// Days from 1970 on.
    Date,
    /// The time of a day; so many units make a second.
    Time(i64),
    /// A date with its time; so many units make a second.
    Moment {
        per_second: i64,
        /// Whether it is the time of Greenwich, not that of a clock somewhere.
        utc: bool,
    },
}

/// A value of a table.
#[derive(Debug, PartialEq)]
pub(super) enum Cell {
    Number(f64),
    Text(String),
}

impl Meaning {
    /// What a column's values stand for; what they are in words, if they are of no use.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Meaning, &'static str> {
        use ConvertedType as C;
        use LogicalType as L;
        match column.logical_type_ref() {
            Some(L::Timestamp(kind)) => {
                let (per_second, utc) = (per_second(&kind.unit), kind.is_adjusted_to_u_t_c);
                return Ok(Meaning::Moment { per_second, utc });
            }
            Some(L::Time(kind)) => return Ok(Meaning::Time(per_second(&kind.unit))),
            Some(L::Float16) => return Ok(Meaning::Half),
            _ => {}
        }
        // What has a logical type has the converted one that belongs to it.
        Ok(match (column.converted_type(), column.physical_type()) {
            (C::TIMESTAMP_MILLIS, _) => Meaning::Moment { per_second: 1000, utc: true },
            (C::TIMESTAMP_MICROS, _) => Meaning::Moment { per_second: 1_000_000, utc: true },
            (C::TIME_MILLIS, _) => Meaning::Time(1000),
            (C::TIME_MICROS, _) => Meaning::Time(1_000_000),
            (C::DATE, _) => Meaning::Date,
            (C::DECIMAL, _) => Meaning::Decimal(10f64.powi(column.type_scale())),
            (C::UINT_8 | C::UINT_16 | C::UINT_32 | C::UINT_64, _) => Meaning::Unsigned,
            (C::BSON, _) | (_, Type::FIXED_LEN_BYTE_ARRAY) => return Err("bytes"),
            (_, Type::INT96) => Meaning::Moment { per_second: NANOS, utc: false },
            (_, Type::BYTE_ARRAY) => Meaning::Text,
            _ => Meaning::Number,
        })
    }

    pub(super) fn is_text(self) -> bool {
        use Meaning::{Date, Moment, Text, Time};
        matches!(self, Text | Date | Time(_) | Moment { .. })
    }

    /// What a whole number stands for.
    fn whole(self, value: i64) -> Cell {
        match self {
            Meaning::Decimal(factor) => Cell::Number(value as f64 / factor),
            Meaning::Date => Cell::Text(date(value)),
            Meaning::Time(per_second) => Cell::Text(time(value, per_second)),
            Meaning::Moment { per_second, utc } => {
                let day = per_second * DAY;
                let (days, rest) = (value.div_euclid(day), value.rem_euclid(day));
                let zone = if utc { "+00:00" } else { "" };
                Cell::Text(format!("{} {}{zone}", date(days), time(rest, per_second)))
            }
            _ => Cell::Number(value as f64),
        }
    }
}

/// A value as a file holds it.
pub(super) trait Raw {
    /// The value of the table; what it is instead, if it is none.
    fn cell(&self, meaning: Meaning) -> Result<Cell, &'static str>;
}

impl Raw for bool {
    fn cell(&self, _: Meaning) -> Result<Cell, &'static str> {
        Ok(Cell::Number(f64::from(u8::from(*self))))
    }
}

impl Raw for i32 {
    fn cell(&self, meaning: Meaning) -> Result<Cell, &'static str> {
        Ok(match meaning {
            Meaning::Unsigned => Cell::Number(f64::from(*self as u32)),
            _ => meaning.whole(i64::from(*self)),
        })
    }
}

impl Raw for i64 {
    fn cell(&self, meaning: Meaning) -> Result<Cell, &'static str> {
        Ok(match meaning {
            Meaning::Unsigned => Cell::Number(*self as u64 as f64),
            _ => meaning.whole(*self),
        })
    }
}

impl Raw for Int96 {
    fn cell(&self, _: Meaning) -> Result<Cell, &'static str> {
        let &[low, high, day] = self.data() else { return Err("a moment without a day") };
        let nanos = i64::from(low) | i64::from(high) << 32;
        Ok(Cell::Text(format!("{} {}", date(i64::from(day) - EPOCH), time(nanos, NANOS))))
    }
}

impl Raw for f32 {
    fn cell(&self, _: Meaning) -> Result<Cell, &'static str> {
        Ok(Cell::Number(f64::from(*self)))
    }
}

impl Raw for f64 {
    fn cell(&self, _: Meaning) -> Result<Cell, &'static str> {
        Ok(Cell::Number(*self))
    }
}

impl Raw for ByteArray {
    fn cell(&self, meaning: Meaning) -> Result<Cell, &'static str> {
        match meaning {
            Meaning::Decimal(factor) => decimal(self.data(), factor),
            _ => match std::str::from_utf8(self.data()) {
                Ok(text) => Ok(Cell::Text(text.to_string())),
                Err(_) => Err("bytes that are no text"),
            },
        }
    }
}

impl Raw for FixedLenByteArray {
    fn cell(&self, meaning: Meaning) -> Result<Cell, &'static str> {
        match (meaning, self.data()) {
            (Meaning::Decimal(factor), bytes) => decimal(bytes, factor),
            (_, &[low, high]) => Ok(Cell::Number(f16::from_le_bytes([low, high]).to_f64())),
            _ => Err("a number of 16 bits in other than two bytes"),
        }
    }
}

/// A whole number of any length, the highest byte first, over a factor.
fn decimal(bytes: &[u8], factor: f64) -> Result<Cell, &'static str> {
    let (Some(&first), true) = (bytes.first(), bytes.len() <= size_of::<i128>()) else {
        return Err("decimal numbers of more than 16 bytes");
    };
    let sign = if first >= 0x80 { -1i128 } else { 0 };
    let whole = bytes.iter().fold(sign, |whole, &byte| whole << 8 | i128::from(byte));
    Ok(Cell::Number(whole as f64 / factor))
}

fn per_second(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => NANOS,
    }
}

/// The date so many days after the first of January 1970.
fn date(days: i64) -> String {
    // Years from March on, in cycles of 400, so that the odd day is the last one.
    let day = days.wrapping_add(719_468);
    let (cycle, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * cycle + year + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The time of a day, with as many digits of its fraction as pandas prints.
fn time(value: i64, per_second: i64) -> String {
    let (seconds, rest) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let nanos = rest * (NANOS / per_second);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let whole = format!("{hours:02}:{minutes:02}:{seconds:02}");
    match (nanos, nanos % 1000) {
        (0, _) => whole,
        (_, 0) => format!("{whole}.{:06}", nanos / 1000),
        _ => format!("{whole}.{nanos:09}"),
    }
}
