//! What is to be seen of a run.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::history::{History, Logs};

/// At most so many points of the running loss, and so many epochs, are kept.
const POINTS: usize = 1000;
const EPOCHS: usize = 2000;

/// A run as it is written down.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Run {
    pub(super) model: String,
    pub(super) summary: String,
    /// The layers as a picture.
    pub(super) graph: String,
    pub(super) epochs: usize,
    pub(super) steps: usize,
    pub(super) batch_size: usize,
    pub(super) epoch: usize,
    pub(super) step: usize,
    /// `running` or `ended`.
    pub(super) state: String,
    /// Seconds since 1970.
    pub(super) started: f64,
    pub(super) updated: f64,
    /// The numbers of each epoch.
    pub(super) history: Vec<Map<String, Value>>,
    /// Step since the beginning, and the running numbers of its epoch.
    pub(super) batches: Vec<(usize, Map<String, Value>)>,
    pub(super) samples: Vec<Sample>,
    /// Which classes were taken for which, as a picture.
    pub(super) confusion: String,
    /// Where the model was saved last.
    pub(super) saved: String,
}

/// A sample and what the model says about it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Sample {
    /// A picture as an address of kind `data:`; empty if it is none.
    pub(super) image: String,
    pub(super) truth: String,
    pub(super) predicted: String,
    /// Whether they are the same, where that can be said.
    pub(super) right: Option<bool>,
}

/// The logs as JSON, in which what is no number is `null`.
pub(super) fn object(logs: &Logs) -> Map<String, Value> {
    logs.iter().map(|(name, value)| (name.to_string(), json!(value))).collect()
}

impl Run {
    /// Writes the history down anew.
    pub(super) fn set_history(&mut self, history: &History) {
        let every = history.epochs.len().div_ceil(EPOCHS).max(1);
        self.history = (0..history.epochs.len()).step_by(every).map(|i| row(history, i)).collect();
    }

    /// Adds the numbers of an epoch; of too many every second is dropped.
    pub(super) fn add_epoch(&mut self, epoch: usize, logs: &Logs, seconds: f64) {
        let mut row = Map::new();
        row.insert("epoch".to_string(), json!(epoch));
        row.extend(object(logs));
        row.insert("seconds".to_string(), json!(seconds));
        thin(&mut self.history, EPOCHS);
        self.history.push(row);
    }

    /// Adds the running numbers of a batch; of too many every second is dropped.
    pub(super) fn add_batch(&mut self, step: usize, logs: &Logs) {
        thin(&mut self.batches, POINTS);
        self.batches.push((step, object(logs)));
    }
}

/// Drops every second point if there are too many.
fn thin<T>(points: &mut Vec<T>, most: usize) {
    if points.len() >= most {
        let mut index = 0;
        points.retain(|_| {
            index += 1;
            index % 2 == 1
        });
    }
}

fn row(history: &History, index: usize) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("epoch".to_string(), json!(history.epochs[index]));
    row.extend(history.logs.get(index).map(object).unwrap_or_default());
    row.insert("seconds".to_string(), json!(history.seconds.get(index)));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_epochs_takes_the_room_of_some_thousand() {
        let mut run = Run::default();
        for epoch in 0..10_000 {
            run.add_epoch(epoch, &Logs::new(), 0.0);
            run.add_batch(epoch, &Logs::new());
        }
        assert!(run.history.len() <= EPOCHS && run.batches.len() <= POINTS);
        assert_eq!(run.history.last().unwrap()["epoch"], 9999);
        assert_eq!(run.history[0]["epoch"], 0);
        let history = History { epochs: (0..5000).collect(), ..History::default() };
        run.set_history(&history);
        assert_eq!(run.history.len(), 1667);
    }
}
