//! Pictures of models and of what they predict.
//!
//! Each is drawn into a `.png` or `.svg` file by the code of [`plot`](crate::plot); no other
//! program is needed.
//! Read in this order: this file, [`judged`] (predictions beside the truth), `network` (a model
//! as boxes and arrows), `confusion`, `curves` (ROC, precision and recall), `samples`, `boundary`.

mod boundary;
mod confusion;
mod curves;
pub mod judged;
mod network;
mod samples;

pub use boundary::decision_boundary;
pub use confusion::confusion_matrix;
pub use curves::{precision_recall_curve, roc_curve};
pub use judged::{Judged, judge};
pub use network::{PlotModel, RankDir};
pub use samples::sample_grid;
pub(crate) use samples::sample_tiles;

pub(crate) use confusion::confusion_svg;
