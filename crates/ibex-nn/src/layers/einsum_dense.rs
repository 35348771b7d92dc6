//! `EinsumDense`: a product with a kernel along any axes, in Einstein's notation.

use ibex_graph::Tensor;
use ibex_graph::ops::einsum::einsum;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::input::IntoSampleShape;
use crate::activations::Activation;
use crate::constraints::Constraint;
use crate::initializers::{GlorotUniform, Initializer, Zeros};
use crate::instance::{Build, WeightSpec};
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::partial::{PartialShape, PartialType};
use crate::regularizers::Regularizer;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// A fully connected layer along any axes: `activation(einsum(equation, x, kernel) + bias)`.
    ///
    /// The equation names the axes of input, kernel and output: `"abc,cd->abd"`, or with `...` for
    /// further axes `"...x,xy->...y"` or `"ab...,bc->ac..."`.
    /// Weights `kernel`, whose extents follow from input and output, and `bias`, which has the axes
    /// `bias_axes`.
    /// Source: <https://keras.io/api/layers/core_layers/einsum_dense/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{EinsumDense, Input};
    ///
    /// let layer = EinsumDense::new("abc,cde->abde", [None, Some(4), Some(8)]).bias_axes("de");
    /// let y = layer.call(&Input::new([10, 32]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 10, 4, 8)");
    /// ```
    EinsumDense {
        /// The axes of input, kernel and output.
        equation: into String = "ab,bc->ac".to_string(),
        /// The shape of the output without the batch and without what `...` stands for; `None`
        /// where it is that of the input.
        output_shape: into OutputShape = OutputShape(vec![Some(1)]),
        /// Applied to the result.
        activation: into Activation = Activation::Linear,
        /// The axes of the output that the bias has; no bias by default.
        bias_axes: some String = None,
        /// Initial values of the kernel; `GlorotUniform` by default.
        kernel_initializer: into Initializer = GlorotUniform::default().into(),
        /// Initial values of the bias; zeros by default.
        bias_initializer: into Initializer = Zeros.into(),
        /// Penalty on the kernel, added to the loss.
        kernel_regularizer: some Regularizer = None,
        /// Penalty on the bias, added to the loss.
        bias_regularizer: some Regularizer = None,
        /// Projection of the kernel after each update.
        kernel_constraint: some Constraint = None,
        /// Projection of the bias after each update.
        bias_constraint: some Constraint = None,
    }
}

impl EinsumDense {
    /// A layer of this equation and this shape of the output, the batch left out.
    #[track_caller]
    pub fn new(equation: impl Into<String>, output_shape: impl Into<OutputShape>) -> EinsumDense {
        EinsumDense {
            equation: equation.into(),
            output_shape: output_shape.into(),
            ..EinsumDense::default()
        }
    }
}

/// The shape of an output of [`EinsumDense`]; `None` where it follows from the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutputShape(pub Vec<Option<usize>>);

impl<S: IntoSampleShape> From<S> for OutputShape {
    fn from(shape: S) -> OutputShape {
        OutputShape(shape.into_sample_shape())
    }
}

impl<'de> Deserialize<'de> for OutputShape {
    /// A number stands for one axis.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<OutputShape, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected an extent, or a list of extents and nulls")]
        enum Form {
            One(usize),
            Many(Vec<Option<usize>>),
        }
        Ok(OutputShape(match Form::deserialize(from)? {
            Form::One(extent) => vec![Some(extent)],
            Form::Many(extents) => extents,
        }))
    }
}

/// An equation, cut into its parts.
struct Equation<'a> {
    input: &'a str,
    kernel: &'a str,
    output: &'a str,
    /// `...` stands before the letters of input and output.
    elided_left: bool,
    /// `...` stands behind them.
    elided_right: bool,
}

impl<'a> Equation<'a> {
    /// The parts of an equation of one of Keras's three forms.
    fn parse(text: &'a str) -> Option<Equation<'a>> {
        let (operands, output) = text.split_once("->")?;
        let (input, kernel) = operands.split_once(',')?;
        let (elided_left, elided_right) = (input.starts_with("..."), input.ends_with("..."));
        let letters = |part: &'a str| match (elided_left, elided_right) {
            (true, true) => None,
            (true, false) => part.strip_prefix("..."),
            (false, true) => part.strip_suffix("..."),
            (false, false) => Some(part),
        };
        let (input, output) = (letters(input)?, letters(output)?);
        let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphabetic());
        // Behind a single letter `...` would have to begin with the batch.
        let enough = !elided_right || input.len() >= 2;
        (plain(input) && plain(kernel) && plain(output) && enough).then_some(Equation {
            input,
            kernel,
            output,
            elided_left,
            elided_right,
        })
    }
}

/// What follows from an equation, an input and the shape of the output.
struct Analysis {
    kernel: Vec<usize>,
    bias: Option<Vec<usize>>,
    /// The axes of the kernel that the input has and the output has not, and the others.
    input_axes: Vec<isize>,
    output_axes: Vec<isize>,
}

/// The extents that letters stand for, in order.
struct Letters(Vec<(char, Option<usize>)>);

impl Letters {
    /// The extent of a letter, `None` while it is unknown; nothing if there is no such letter.
    fn find(&self, letter: char) -> Option<Option<usize>> {
        self.0.iter().rev().find(|(name, _)| *name == letter).map(|(_, extent)| *extent)
    }
}

impl EinsumDense {
    fn wrong(&self, what: impl Into<String>, shape: &PartialShape) -> ConfigError {
        let output = PartialShape(self.output_shape.0.clone());
        ConfigError::new(what).received(format!(
            "equation = {}, output_shape = {output} for an input of {shape}",
            self.equation
        ))
    }

    /// The letters of input and output with their extents.
    fn letters(
        &self,
        equation: &Equation<'_>,
        shape: &PartialShape,
    ) -> Result<[Letters; 2], ConfigError> {
        let elided = shape.rank().checked_sub(equation.input.len());
        let any = equation.elided_left || equation.elided_right;
        let Some(elided) = elided.filter(|&count| any || count == 0) else {
            return Err(self.wrong("the equation does not have the axes of the input", shape));
        };
        let left = if equation.elided_left { elided } else { 0 };
        let input = equation.input.chars().zip(shape.0.iter().skip(left).copied());
        // The batch is the first axis that `...` stands for, or has the first letter.
        let batch = if left > 0 { None } else { shape.0.first().copied() };
        let output: Vec<Option<usize>> =
            batch.into_iter().chain(self.output_shape.0.iter().copied()).collect();
        if output.len() != equation.output.len() {
            let what = "the equation does not have the axes of the output";
            return Err(self.wrong(what, shape).expected(format!(
                "an extent in `output_shape` for each letter of {}{}",
                equation.output,
                if left > 0 { "" } else { " but the first, the batch" },
            )));
        }
        let output = equation.output.chars().zip(output);
        Ok([Letters(input.collect()), Letters(output.collect())])
    }

    /// The shapes of the weights for an input.
    fn analyze(&self, shape: &PartialShape) -> Result<Analysis, ConfigError> {
        let Some(equation) = Equation::parse(&self.equation) else {
            return Err(self
                .wrong("the equation does not have one of the known forms", shape)
                .expected("letters as in ab,bc->ac, ...a,ab->...b or ab...,bc->ac..."));
        };
        let [input, output] = self.letters(&equation, shape)?;
        for (letter, extent) in &input.0 {
            if output.find(*letter).flatten().is_some_and(|given| Some(given) != *extent) {
                let what = format!("input and output differ along their shared axis `{letter}`");
                return Err(self.wrong(what, shape));
            }
        }
        let known = |letter: char| input.find(letter).is_some() || equation.kernel.contains(letter);
        if let Some(letter) = equation.output.chars().find(|&letter| !known(letter)) {
            let what = format!("neither input nor kernel has the output's axis `{letter}`");
            return Err(self.wrong(what, shape));
        }
        let (mut input_axes, mut output_axes) = (Vec::new(), Vec::new());
        let mut kernel = Vec::new();
        for (axis, letter) in equation.kernel.chars().enumerate() {
            let extent = match (output.find(letter), input.find(letter)) {
                (Some(extent), _) => {
                    output_axes.push(axis as isize);
                    extent
                }
                (None, Some(extent)) => {
                    input_axes.push(axis as isize);
                    extent
                }
                (None, None) => {
                    let what = format!("neither input nor output has the kernel's axis `{letter}`");
                    return Err(self.wrong(what, shape));
                }
            };
            kernel.push(self.known(letter, extent, shape)?);
        }
        let bias = self.bias_shape(&equation, &output, shape)?;
        Ok(Analysis { kernel, bias, input_axes, output_axes })
    }

    /// The extent of an axis of a weight.
    fn known(
        &self,
        letter: char,
        extent: Option<usize>,
        shape: &PartialShape,
    ) -> Result<usize, ConfigError> {
        let what = || format!("the extent of the weights' axis `{letter}` must be known");
        extent.ok_or_else(|| {
            self.wrong(what(), shape).help("give it in `output_shape` or in the input's shape")
        })
    }

    /// The shape of the bias: from its first axis on, with 1 for the axes that it does not have.
    fn bias_shape(
        &self,
        equation: &Equation<'_>,
        output: &Letters,
        shape: &PartialShape,
    ) -> Result<Option<Vec<usize>>, ConfigError> {
        let Some(axes) = &self.bias_axes else { return Ok(None) };
        let strange = axes.chars().find(|&letter| output.find(letter).is_none());
        if axes.is_empty() || strange.is_some() {
            let expected = format!("some of the letters {}", equation.output);
            let error = ConfigError::new("the bias can only have axes of the output");
            return Err(error.expected(expected).received(format!("bias_axes = {axes}")));
        }
        let extents = output.0.iter().skip_while(|(letter, _)| !axes.contains(*letter));
        let mut bias = Vec::new();
        for (letter, extent) in extents {
            bias.push(match axes.contains(*letter) {
                true => self.known(*letter, *extent, shape)?,
                false => 1,
            });
        }
        if equation.elided_right {
            bias.extend(vec![1; shape.rank() - equation.input.len()]);
        }
        Ok(Some(bias))
    }

    /// The initializer of the kernel, told which of its axes are inputs and which outputs if it
    /// asks for that and was not told.
    fn initializer(&self, analysis: &Analysis) -> Result<Initializer, ConfigError> {
        let mut value = self.kernel_initializer.to_value();
        let axes = [("input_axes", &analysis.input_axes), ("output_axes", &analysis.output_axes)];
        let open = |key: &str| value["config"].get(key).is_some_and(serde_json::Value::is_null);
        if !axes.iter().any(|(key, _)| open(key)) {
            return Ok(self.kernel_initializer.clone());
        }
        axes.into_iter().for_each(|(key, axes)| value["config"][key] = json!(axes));
        Initializer::from_value(&value)
    }
}

impl Layer for EinsumDense {
    layer_facts!(EinsumDense);

    fn build(&self, build: &mut Build<'_>, inputs: &[PartialType]) -> Result<(), ConfigError> {
        let analysis = self.analyze(&inputs[0].shape)?;
        let initializer = self.initializer(&analysis)?;
        build.weight(
            WeightSpec::new("kernel", analysis.kernel, initializer)
                .regularizer(self.kernel_regularizer.clone())
                .constraint(self.kernel_constraint.clone()),
        );
        if let Some(shape) = analysis.bias {
            build.weight(
                WeightSpec::new("bias", shape, self.bias_initializer.clone())
                    .regularizer(self.bias_regularizer.clone())
                    .constraint(self.bias_constraint.clone()),
            );
        }
        Ok(())
    }

    fn forward(&self, call: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = inputs[0].cast(self.base.dtype.compute());
        let product = einsum(&self.equation, &[&x, &call.weight("kernel")]);
        let sum = match call.optional_weight("bias") {
            Some(bias) => product + bias,
            None => product,
        };
        vec![self.activation.apply(&sum)]
    }
}
