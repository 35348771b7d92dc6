//! Sequential models: a chain of layers, each applied to what the one before gives.

use std::panic::Location;
use std::sync::Arc;

use crate::layer::Layer;
use crate::layers::input::Input;
use crate::models::functional::{Functional, ModelError, ModelMistake};
use crate::models::symbolic::{SymbolicTensor, apply};
use crate::object::ConfigError;

/// A chain of layers to be made into a model.
///
/// ```
/// use ibex_nn::layers::{Dense, Input};
/// use ibex_nn::models::Sequential;
///
/// let model = Sequential::new().add(Input::new([784])).add(Dense::new(10)).to_functional()?;
/// assert_eq!(model.outputs()[0].shape().to_string(), "(None, 10)");
/// # Ok::<(), ibex_nn::models::ModelError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sequential {
    name: Option<String>,
    input: Option<Input>,
    layers: Vec<(Arc<dyn Layer>, Option<&'static Location<'static>>)>,
}

/// What can be added to a chain: the input, or a layer.
#[derive(Debug)]
pub enum Link {
    /// The type of the model's input.
    Input(Input),
    /// A layer.
    Layer(Arc<dyn Layer>),
}

impl From<Input> for Link {
    fn from(input: Input) -> Link {
        Link::Input(input)
    }
}

impl<L: Layer> From<L> for Link {
    fn from(layer: L) -> Link {
        Link::Layer(layer.shared())
    }
}

impl From<Arc<dyn Layer>> for Link {
    fn from(layer: Arc<dyn Layer>) -> Link {
        Link::Layer(layer)
    }
}

impl Sequential {
    /// An empty chain.
    pub fn new() -> Sequential {
        Sequential::default()
    }

    /// Names the model.
    pub fn name(mut self, name: impl Into<String>) -> Sequential {
        self.name = Some(name.into());
        self
    }

    /// Adds the input or a layer at the end.
    #[allow(clippy::should_implement_trait)] // Keras's name for it.
    #[track_caller]
    pub fn add(mut self, link: impl Into<Link>) -> Sequential {
        match link.into() {
            Link::Input(input) => self.input = Some(input),
            Link::Layer(layer) => self.layers.push((layer, Some(Location::caller()))),
        }
        self
    }

    /// The input, if one was added.
    pub fn input(&self) -> Option<&Input> {
        self.input.as_ref()
    }

    /// Sets the type of the input if none was added: how a chain is finished when data comes.
    pub fn or_input(mut self, input: Input) -> Sequential {
        self.input.get_or_insert(input);
        self
    }

    /// The model.
    ///
    /// # Errors
    /// Every mistake in the chain; a chain without input or without layers.
    #[track_caller]
    pub fn to_functional(&self) -> Result<Functional, ModelError> {
        self.to_functional_at(Location::caller())
    }

    /// The model, as if asked for at `caller`.
    pub(crate) fn to_functional_at(
        &self,
        caller: &'static Location<'static>,
    ) -> Result<Functional, ModelError> {
        let Some(input) = &self.input else {
            let error = ConfigError::new("a sequential model does not know its input yet")
                .expected("`.add(Input::new([…]))` before the first layer")
                .help("add it, or let `fit` find it from the data");
            return Err(ModelError { mistakes: vec![ModelMistake::new(error)] });
        };
        let first = input.tensor();
        let mut value: SymbolicTensor = first.clone();
        for (layer, location) in &self.layers {
            value = apply(layer, vec![value], location.unwrap_or(caller)).swap_remove(0);
        }
        let model = Functional::of_kind("Sequential", vec![first], vec![value])?;
        Ok(match &self.name {
            Some(name) => model.name(name.clone()),
            None => model,
        })
    }
}
