//! Models by name, sized by the data: a beginning, and what other models are measured against.
//!
//! One row of [`STARTERS`] each. They must not know where data comes from.

use ibex_graph::ops::window::Padding;
use ibex_nn::activations::{Activation, Relu};
use ibex_nn::layers::{
    Conv1D, Conv2D, Dense, Dropout, Embedding, Flatten, GlobalAveragePooling1D,
    GlobalAveragePooling2D, GlobalMaxPooling1D, Input, LayerNormalization, MaxPooling1D,
    MaxPooling2D, Rescaling, STFTSpectrogram,
};
use ibex_nn::models::Sequential;
use ibex_nn::optimizers::Adam;
use ibex_nn::{ConfigError, object::nearest};

use crate::compile::Compile;
use crate::error::{Error, Result};
use crate::model::{BuildModel, Model};
use crate::problem::Problem;

/// What a starter is made for.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// The shape of a sample.
    pub shape: &'a [usize],
    /// Whether the numbers are pixels of 0 to 255.
    pub pixels: bool,
    /// Whether they are waves of sound, `(frames, channels)`.
    pub sound: bool,
    /// The number of different words, if the numbers are their indices.
    pub words: Option<usize>,
    /// What the targets ask for.
    pub problem: Problem,
    /// Mean and deviation of a quantity to be told.
    pub scale: Option<(f64, f64)>,
    /// The number of samples to train on.
    pub samples: usize,
}

impl Data<'_> {
    /// Numbers without shape and meaning, to be filled in.
    pub fn of(problem: Problem) -> Data<'static> {
        Data {
            shape: &[],
            pixels: false,
            sound: false,
            words: None,
            problem,
            scale: None,
            samples: 0,
        }
    }
}

/// A model by name.
#[derive(Debug)]
pub struct Starter {
    /// The name.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    layers: fn(Sequential, &Data<'_>) -> Result<Sequential, ConfigError>,
}

/// Every starter.
pub const STARTERS: &[Starter] = &[
    Starter {
        name: "logistic",
        summary: "one layer: logistic regression, or linear regression for quantities",
        layers: logistic,
    },
    Starter {
        name: "mlp",
        summary: "two hidden layers with dropout, as wide as the number of samples allows",
        layers: mlp,
    },
    Starter {
        name: "cnn",
        summary: "convolutions over images, spectra of sounds, series or sequences of words",
        layers: cnn,
    },
];

impl Starter {
    /// The starter of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<&'static Starter, ConfigError> {
        let names = || STARTERS.iter().map(|starter| starter.name);
        STARTERS.iter().find(|starter| starter.name == name).ok_or_else(|| {
            let error = ConfigError::new(format!("there is no model `{name}`"))
                .expected(names().collect::<Vec<_>>().join(", "));
            match nearest(name, names()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error,
            }
        })
    }

    /// The model for some data, with fresh weights, compiled.
    ///
    /// # Errors
    /// If it cannot be made for such data.
    ///
    /// ```
    /// use ibex_train::problem::Problem;
    /// use ibex_train::starters::{Data, Starter};
    ///
    /// let problem = Problem::Classes { classes: 3 };
    /// let data = Data { shape: &[4], samples: 150, ..Data::of(problem) };
    /// let model = Starter::named("mlp")?.build(&data)?;
    /// assert_eq!(model.functional().outputs()[0].shape().to_string(), "(None, 3)");
    /// # Ok::<(), ibex_train::Error>(())
    /// ```
    pub fn build(&self, data: &Data<'_>) -> Result<Model> {
        let mut input = Input::new(data.shape.iter().copied().map(Some).collect::<Vec<_>>());
        if data.words.is_some() {
            input = input.dtype(ibex_graph::DType::I32);
        }
        let mut model = Sequential::new().name(self.name).add(input);
        if data.pixels {
            model = model.add(Rescaling::new(1.0 / 255.0));
        }
        let mut spectrum = Vec::new();
        if let (true, &[frames, channels]) = (data.sound, data.shape) {
            (model, spectrum) = heard(model, frames, channels);
        }
        let shape = if spectrum.is_empty() { data.shape } else { &spectrum };
        let data = &Data { shape, ..*data };
        let last = Dense::new(data.problem.units()).activation(data.problem.activation());
        let mut model = (self.layers)(model, data).map_err(Error::Config)?.add(last);
        if let (Problem::Regression { .. }, Some((mean, deviation))) = (data.problem, data.scale) {
            // The layers before tell how far from the mean; the loss stays one of true quantities.
            model = model.add(Rescaling::new(deviation).offset(mean));
        }
        let mut model = model.build()?;
        let metric = match data.problem {
            Problem::Regression { .. } => "mae",
            _ => "accuracy",
        };
        model.compile(Compile::new(Adam::new(0.001), data.problem.loss()).metric(metric))?;
        Ok(model)
    }
}

/// Waves as their spectra, `(frames, frequencies, channels)`, each of mean 0 and variance 1,
/// however loud it is.
fn heard(model: Sequential, length: usize, channels: usize) -> (Sequential, Vec<usize>) {
    // A hundredth of a second or more: as many frames as a picture has rows.
    let mut frame = 256;
    while frame < 2048 && length / (frame / 2) > 256 {
        frame *= 2;
    }
    while frame > length.max(4) {
        frame /= 2;
    }
    let (step, frequencies) = (frame / 2, frame / 2 + 1);
    // The waves of a Fourier transform are not learned.
    let spectrum = STFTSpectrogram::new(frame).expand_dims(true).trainable(false);
    let shape = vec![length.saturating_sub(frame) / step + 1, frequencies, channels];
    let leveled = LayerNormalization::new().axis([1, 2, 3]).center(false).scale(false);
    (model.add(spectrum).add(leveled), shape)
}

/// Words as vectors, where the data is words.
fn embedded(model: Sequential, data: &Data<'_>, width: usize) -> Sequential {
    match data.words {
        Some(words) => model.add(Embedding::new(words, width)),
        None => model,
    }
}

fn flat(model: Sequential, data: &Data<'_>) -> Sequential {
    match (data.words, data.shape.len()) {
        (Some(_), _) => model.add(GlobalAveragePooling1D::default()),
        (None, 0 | 1) => model,
        (None, _) => model.add(Flatten::new()),
    }
}

fn logistic(model: Sequential, data: &Data<'_>) -> Result<Sequential, ConfigError> {
    Ok(flat(embedded(model, data, 16), data))
}

fn mlp(model: Sequential, data: &Data<'_>) -> Result<Sequential, ConfigError> {
    let units = match data.samples {
        0..1_000 => 32,
        1_000..20_000 => 64,
        _ => 256,
    };
    let model = flat(embedded(model, data, 32), data);
    let model = model.add(Dense::new(units).activation(Activation::Relu)).add(Dropout::new(0.2));
    Ok(model.add(Dense::new(units / 2).activation(Relu)))
}

fn cnn(mut model: Sequential, data: &Data<'_>) -> Result<Sequential, ConfigError> {
    model = embedded(model, data, 32);
    match (data.words, data.shape) {
        (Some(_), _) => {
            let convolution = Conv1D::new(64, 5).padding(Padding::Same).activation(Relu);
            Ok(model.add(convolution).add(GlobalMaxPooling1D::default()).add(Dropout::new(0.3)))
        }
        (None, &[height, width, _]) => {
            let (mut extent, mut filters) = (height.min(width), 16);
            while extent >= 8 && filters <= 64 {
                let convolution =
                    Conv2D::new(filters, [3, 3]).padding(Padding::Same).activation(Relu);
                model = model.add(convolution).add(MaxPooling2D::new([2, 2]));
                (extent, filters) = (extent / 2, filters * 2);
            }
            let convolution = Conv2D::new(filters, [3, 3]).padding(Padding::Same).activation(Relu);
            model = model.add(convolution);
            // Small pictures keep the places of what was found, large ones cannot.
            model = match extent <= 8 {
                true => model.add(Flatten::new()),
                false => model.add(GlobalAveragePooling2D::default()),
            };
            Ok(model.add(Dropout::new(0.3)).add(Dense::new(64).activation(Relu)))
        }
        (None, &[steps, _]) => {
            let convolution = || Conv1D::new(32, 5).padding(Padding::Same).activation(Relu);
            model = model.add(convolution());
            if steps >= 8 {
                model = model.add(MaxPooling1D::new(2)).add(convolution());
            }
            Ok(model.add(Flatten::new()).add(Dense::new(32).activation(Relu)))
        }
        (None, other) => Err(ConfigError::new("a `cnn` needs neighbours to convolve over")
            .expected("images, series or sequences of words")
            .received(format!("{} numbers", other.iter().product::<usize>()))
            .help("use `mlp`")),
    }
}
