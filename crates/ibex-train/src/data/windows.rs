//! [`Windows`]: what comes in order, such as measurements over time, cut into samples.
//!
//! The samples of Keras's `timeseries_dataset_from_array`.
//! Source: <https://keras.io/api/data_loading/timeseries/>.

use std::sync::Arc;

use ibex_graph::Array;
use ibex_nn::ConfigError;

use super::Samples;
use super::dataset::{Dataset, Pass, Stream};
use super::epoch_order;
use crate::error::{Error, Result};
use crate::numpy_random::RandomState;

/// How rows are cut into windows.
///
/// ```
/// use ibex_graph::Array;
/// use ibex_train::data::Windows;
///
/// let data = Array::from_slice([6], &[0f32, 1., 2., 3., 4., 5.])?;
/// let samples = Windows::new(3).stride(2).samples(&data, None)?;
/// assert_eq!(samples.x[0].to_f64_vec(), [0., 1., 2., 2., 3., 4.]);
/// # Ok::<(), ibex_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    length: usize,
    stride: usize,
    rate: usize,
    start: Option<usize>,
    end: Option<usize>,
    shuffle: Option<u32>,
}

impl Windows {
    /// Windows of so many rows; each begins one row after the one before.
    pub fn new(length: usize) -> Windows {
        Windows { length, stride: 1, rate: 1, start: None, end: None, shuffle: None }
    }

    /// Rows between the beginnings of windows.
    pub fn stride(mut self, stride: usize) -> Windows {
        self.stride = stride;
        self
    }

    /// Rows between the rows of a window.
    pub fn sampling_rate(mut self, rate: usize) -> Windows {
        self.rate = rate;
        self
    }

    /// Uses no row before this one.
    pub fn start_index(mut self, row: usize) -> Windows {
        self.start = Some(row);
        self
    }

    /// Uses neither this row nor later ones.
    pub fn end_index(mut self, row: usize) -> Windows {
        self.end = Some(row);
        self
    }

    /// Shuffles the windows once, by this seed, as Keras does.
    pub fn shuffle(mut self, seed: u32) -> Windows {
        self.shuffle = Some(seed);
        self
    }

    /// The rows at which windows begin, counted from `start_index`.
    ///
    /// # Errors
    /// If an index, the stride or the rate does not fit the rows, or no window does.
    pub fn positions(&self, rows: usize, targets: Option<usize>) -> Result<Vec<u32>> {
        let (start, end) = (self.start.unwrap_or(0), self.end.unwrap_or(rows));
        let wrong = |name: &str, expected: String, received: usize| {
            Error::Data(
                ConfigError::new(format!("`{name}` does not fit the series"))
                    .expected(expected)
                    .received(received.to_string()),
            )
        };
        let below = format!("a number from 1 to {}", rows.saturating_sub(1));
        if self.start.is_some_and(|start| start > 0 && start >= rows) {
            return Err(wrong("start_index", format!("a row below {rows}"), start));
        }
        // As in Keras, the last row can be left out, but not be named as the end.
        if self.end.is_some_and(|end| end > 0 && (end <= start || end >= rows)) {
            return Err(wrong("end_index", format!("a row from {} to {rows}", start + 1), end));
        }
        for (name, value) in [("sampling_rate", self.rate), ("sequence_stride", self.stride)] {
            if value == 0 || value >= rows {
                return Err(wrong(name, below.clone(), value));
            }
        }
        let span = self.length.max(1).saturating_sub(1).saturating_mul(self.rate);
        let mut count = (end - start).saturating_sub(span);
        if let Some(targets) = targets {
            count = count.min(targets.min(end).saturating_sub(start));
        }
        if count == 0 || self.length == 0 {
            return Err(Error::Data(
                ConfigError::new("the series is too short for a window")
                    .expected(format!("more than {span} rows, and a target"))
                    .received(format!("{} rows", end - start)),
            ));
        }
        let mut positions: Vec<u32> = (0..count as u32).step_by(self.stride).collect();
        if let Some(seed) = self.shuffle {
            RandomState::new(seed).shuffle(&mut positions);
        }
        Ok(positions)
    }

    /// All windows `(windows, length, …)`, and the targets of their first rows.
    ///
    /// # Errors
    /// As [`Windows::positions`].
    pub fn samples(&self, data: &Array, targets: Option<&Array>) -> Result<Samples> {
        Ok(self.cut(data, targets)?.gather(&self.positions(rows(data), targets.map(rows))?))
    }

    /// Batches of windows, gathered as they are asked for: the rows are there once only.
    ///
    /// # Errors
    /// As [`Windows::positions`].
    pub fn batches(
        &self,
        data: &Array,
        targets: Option<&Array>,
        size: usize,
    ) -> Result<WindowBatches> {
        let positions = self.positions(rows(data), targets.map(rows))?;
        Ok(WindowBatches {
            series: Arc::new(self.cut(data, targets)?),
            positions: Arc::new(positions),
            size: size.max(1),
            shuffle: self.shuffle.is_some(),
        })
    }

    fn cut(&self, data: &Array, targets: Option<&Array>) -> Result<Series> {
        let start = self.start.unwrap_or(0);
        let part = |array: &Array| array.rows(start, self.end.unwrap_or(rows(array)));
        Ok(Series {
            data: part(data),
            targets: targets.map(part),
            length: self.length,
            rate: self.rate,
        })
    }
}

fn rows(array: &Array) -> usize {
    array.shape().first().copied().unwrap_or(0)
}

/// Rows, and how windows lie in them.
#[derive(Debug)]
struct Series {
    data: Array,
    targets: Option<Array>,
    length: usize,
    rate: usize,
}

impl Series {
    fn gather(&self, positions: &[u32]) -> Samples {
        let mut dims = self.data.shape().to_vec();
        dims.insert(0, positions.len());
        dims[1] = self.length;
        let mut x = Array::zeros(self.data.dtype(), dims);
        let row = self.data.bytes().len().checked_div(rows(&self.data)).unwrap_or(0);
        let from = self.data.bytes();
        let places =
            positions.iter().flat_map(|&at| (0..self.length).map(move |i| (at as usize, i)));
        for (to, (at, i)) in x.bytes_mut().chunks_exact_mut(row.max(1)).zip(places) {
            let start = (at + i * self.rate) * row;
            to.copy_from_slice(&from[start..start + row]);
        }
        let targets = self.targets.iter().map(|targets| {
            let all = Samples { x: vec![targets.clone()], ..Samples::default() };
            all.at(positions).x.swap_remove(0)
        });
        Samples { x: vec![x], y: targets.collect(), weights: Vec::new() }
    }
}

/// See [`Windows::batches`].
#[derive(Clone, Debug)]
pub struct WindowBatches {
    series: Arc<Series>,
    positions: Arc<Vec<u32>>,
    size: usize,
    shuffle: bool,
}

impl Dataset for WindowBatches {
    type Item = Samples;

    fn count(&self) -> Option<usize> {
        Some(self.positions.len().div_ceil(self.size))
    }

    fn pass(&self, pass: Pass) -> Stream<Samples> {
        let shuffle = self.shuffle.then_some((pass.seed, pass.epoch as usize));
        let order = epoch_order(self.positions.len(), shuffle);
        let (series, positions, size) = (self.series.clone(), self.positions.clone(), self.size);
        Box::new((0..order.len().div_ceil(size)).map(move |i| {
            let chunk = &order[i * size..order.len().min((i + 1) * size)];
            let chosen: Vec<u32> = chunk.iter().map(|&place| positions[place as usize]).collect();
            Ok(series.gather(&chosen))
        }))
    }

    fn is_shuffled(&self) -> bool {
        self.shuffle
    }
}
