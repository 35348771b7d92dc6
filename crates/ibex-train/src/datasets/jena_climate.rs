//! Jena climate: fourteen measurements of the weather, every ten minutes from 2009 to 2016.
//!
//! Source: Max Planck Institute for Biogeochemistry, Jena. No checksum of the file has been
//! published; its columns and the number of its rows are checked instead.

use std::path::Path;

use super::store::Store;
use super::{DatasetError, Entry, Loads};
use crate::data::table::{Csv, Table};

/// The row of the table of data sets.
pub(super) const ENTRY: Entry = Entry {
    name: "jena_climate",
    summary: "420,551 rows of 14 measurements of the weather, one every ten minutes",
    licence: "CC BY 4.0",
    loads: Loads::Table(load),
};

const FILE: &str = "jena_climate_2009_2016.csv";
const COLUMNS: usize = 15;
const ROWS: usize = 420_551;

/// The table, its first column the time as text.
///
/// The file is looked for in `$IBEX_DATA_HOME/jena_climate`, `$IBEX_DATA_HOME/timeseries` and
/// `$IBEX_CACHE_HOME/jena_climate`; it is unpacked from `jena_climate_2009_2016.csv.zip`.
///
/// # Errors
/// A file that is not there, cannot be read, or holds something else.
pub fn load() -> Result<Table, DatasetError> {
    let store = Store::from_environment();
    read(&store.find("jena_climate", FILE, &["jena_climate", "timeseries"])?, ROWS)
}

fn read(path: &Path, rows: usize) -> Result<Table, DatasetError> {
    let damaged = |received: String| DatasetError::Damaged {
        path: path.to_path_buf(),
        expected: format!("{rows} rows of a time and {} measurements", COLUMNS - 1),
        received,
    };
    let table = Csv::default().read(path).map_err(|error| damaged(error.to_string()))?;
    let found = (table.names().len(), table.count());
    match found == (COLUMNS, rows) && table.names()[0] == "Date Time" {
        true => Ok(table),
        false => Err(damaged(format!("{} rows of {} columns", found.1, found.0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::table::Column;

    #[test]
    fn the_columns_are_those_of_the_institute() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let header = "\"Date Time\",\"p (mbar)\",\"T (degC)\",\"Tpot (K)\",\"Tdew (degC)\",\
                      \"rh (%)\",\"VPmax (mbar)\",\"VPact (mbar)\",\"VPdef (mbar)\",\"sh (g/kg)\",\
                      \"H2OC (mmol/mol)\",\"rho (g/m**3)\",\"wv (m/s)\",\"max. wv (m/s)\",\
                      \"wd (deg)\"";
        let row = "01.01.2009 00:10:00,996.52,-8.02,265.40,-8.90,93.30,3.33,3.11,0.22,1.94,3.12,\
                   1307.75,1.03,1.75,152.30";
        std::fs::write(&path, format!("{header}\n{row}\n{row}\n")).unwrap();
        let table = read(&path, 2).unwrap();
        let temperature = table.column("T (degC)").unwrap().1;
        assert_eq!(temperature, &Column::Numbers(vec![-8.02, -8.02]));
        let error = read(&path, 3).unwrap_err().to_string();
        assert!(error.contains("received  2 rows of 15 columns"), "{error}");
    }
}
