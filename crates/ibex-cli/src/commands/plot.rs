//! `ibex plot`: draws models, curves and predictions as pictures.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ibex::train::pictures::{
    Judged, PlotModel, RankDir, confusion_matrix, decision_boundary, judge, precision_recall_curve,
    roc_curve, sample_grid,
};
use ibex::train::{History, Model, Samples};

use super::{check_writable, local, open_data, open_for_prediction, positive};
use crate::failure::Failure;
use crate::output::note;

/// What can be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The layers of a model
    Model,
    /// The curves of a history that `ibex train --history` wrote
    History,
    /// Which classes a classifier takes for which
    Confusion,
    /// True against false positives of a classifier
    Roc,
    /// Precision against recall of a classifier
    Pr,
    /// Images with what a classifier says about them
    Samples,
    /// Where a classifier of two numbers changes its mind
    Boundary,
}

/// What `ibex plot` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to draw
    #[arg(value_name = "KIND")]
    kind: Kind,
    /// The model, or the history
    #[arg(value_name = "MODEL.keras|HISTORY.json")]
    input: PathBuf,
    /// The picture; its ending chooses the kind of file
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    out: PathBuf,
    /// Samples with their classes: x0 and y0 in an .npz file
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The names of the classes, separated by commas
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    labels: Vec<String>,
    /// The numbers of a history, separated by commas [default: all]
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    metrics: Vec<String>,
    /// How many samples to show
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = positive)]
    count: usize,
    /// Samples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    batch_size: usize,
    #[command(flatten)]
    layers: Layers,
}

/// What the picture of a model shows.
#[derive(Debug, Args)]
struct Layers {
    /// Show the shapes of inputs and outputs of layers
    #[arg(long)]
    show_shapes: bool,
    /// Show the dtypes of layers
    #[arg(long)]
    show_dtype: bool,
    /// Show the activations of layers
    #[arg(long)]
    show_activations: bool,
    /// Show which layers training changes
    #[arg(long)]
    show_trainable: bool,
    /// Leave the names of layers out
    #[arg(long)]
    no_names: bool,
    /// Show the layers of models in the model
    #[arg(long)]
    expand_nested: bool,
    /// Draw from left to right
    #[arg(long)]
    left_to_right: bool,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let ending = self.out.extension().map(|end| end.to_string_lossy().to_lowercase());
        if !matches!(ending.as_deref(), Some("svg" | "png")) {
            return Err(Failure::usage(format!(
                "`--out` must end in `.svg` or `.png`\n  received  {}",
                self.out.display()
            )));
        }
        check_writable(&self.out)?;
        match self.kind {
            Kind::Model => self.layers.plot().write(&self.model()?, &self.out)?,
            Kind::History => self.history()?,
            Kind::Boundary => {
                let mut model = self.model()?;
                let samples = self.samples(&model)?;
                decision_boundary(&mut model, &samples, &self.out)?;
            }
            Kind::Confusion | Kind::Roc | Kind::Pr | Kind::Samples => self.judged()?,
        }
        note(&format!("drew {}", self.out.display()));
        Ok(())
    }

    fn model(&self) -> Result<Model, Failure> {
        open_for_prediction(&self.input)
    }

    fn samples(&self, model: &Model) -> Result<Samples, Failure> {
        let Some(data) = &self.data else {
            return Err(Failure::usage(
                "there are no samples to draw\n  expected  `--data FILE.npz` with x0 and y0",
            ));
        };
        open_data(data, model)
    }

    fn judged(&self) -> Result<(), Failure> {
        let mut model = self.model()?;
        let mut samples = self.samples(&model)?;
        if self.kind == Kind::Samples {
            samples = samples.rows(0, samples.count().min(self.count));
        }
        let judged: Judged = judge(&mut model, &samples, self.batch_size)?;
        let (labels, out): (&[String], &Path) = (&self.labels, &self.out);
        match self.kind {
            Kind::Roc => roc_curve(&judged, labels, out)?,
            Kind::Pr => precision_recall_curve(&judged, labels, out)?,
            Kind::Samples => sample_grid(&samples.x[0], &judged, labels, self.count, out)?,
            _ => confusion_matrix(&judged.confusion(), labels, out)?,
        }
        Ok(())
    }

    fn history(&self) -> Result<(), Failure> {
        let history = History::read_json(local(&self.input)?)?;
        let all: Vec<String> =
            history.names().into_iter().filter(|name| !name.starts_with("val_")).collect();
        let names = if self.metrics.is_empty() { all } else { self.metrics.clone() };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(history.plot_of(&names, &self.out)?)
    }
}

impl Layers {
    fn plot(&self) -> PlotModel {
        PlotModel::new()
            .show_shapes(self.show_shapes)
            .show_dtype(self.show_dtype)
            .show_layer_names(!self.no_names)
            .show_layer_activations(self.show_activations)
            .show_trainable(self.show_trainable)
            .expand_nested(self.expand_nested)
            .rankdir(match self.left_to_right {
                true => RankDir::LeftToRight,
                false => RankDir::TopToBottom,
            })
    }
}
