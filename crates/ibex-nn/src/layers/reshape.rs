//! `Reshape`: the elements of a sample in another shape.

use ibex_graph::{OpError, Tensor};

use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// The elements of a sample in another shape.
    ///
    /// Input `(batch, …)`, output `(batch, *target_shape)`.
    /// One extent may be -1: it follows from the number of elements.
    /// Source: <https://keras.io/api/layers/reshaping_layers/reshape/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, Reshape};
    ///
    /// let y = Reshape::new([3, -1]).call(&Input::new([12]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 3, 4)");
    /// ```
    Reshape {
        /// The shape of a sample; one extent may be -1.
        target_shape: into Vec<isize> = vec![-1],
    }
}

impl Reshape {
    /// Samples of this shape.
    #[track_caller]
    pub fn new(target_shape: impl Into<Vec<isize>>) -> Reshape {
        Reshape { target_shape: target_shape.into(), ..Reshape::default() }
    }

    /// The shape for samples of `elements` elements; `None` if they do not fit.
    fn resolve(&self, elements: usize) -> Option<Vec<usize>> {
        let open = self.target_shape.iter().position(|&extent| extent == -1);
        let known = self.target_shape.iter().filter(|&&extent| extent != -1);
        let mut dims = self.target_shape.iter().map(|&e| e.max(0) as usize).collect::<Vec<_>>();
        let product = known.map(|&e| e.max(0) as usize).try_fold(1, usize::checked_mul)?;
        match open {
            Some(place) => {
                (product > 0 && elements.is_multiple_of(product)).then_some(())?;
                dims[place] = elements / product;
            }
            None => (product == elements).then_some(())?,
        }
        Some(dims)
    }
}

impl Layer for Reshape {
    layer_facts!(Reshape);

    fn check(&self) -> Vec<ConfigError> {
        let open = self.target_shape.iter().filter(|&&extent| extent == -1).count();
        let wrong = open > 1 || self.target_shape.iter().any(|&extent| extent < -1);
        let error = || {
            ConfigError::new("this is no shape to reshape to")
                .expected("extents of 0 or more, and at most one -1")
                .received(format!("target_shape = {:?}", self.target_shape))
        };
        wrong.then(error).into_iter().collect()
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let x = &inputs[0];
        let elements = x.shape().iter().skip(1).product();
        let Some(dims) = self.resolve(elements) else {
            return vec![Tensor::poisoned(
                OpError::new(
                    "the elements of a sample do not fit the new shape",
                    format!("target_shape = {:?}", self.target_shape),
                    format!("{elements} elements in a sample"),
                )
                .help("let one extent be -1, and it follows from the others"),
            )];
        };
        vec![x.reshape([x.dim(0)].into_iter().chain(dims).collect::<Vec<usize>>())]
    }

    fn is_built_at_once(&self) -> bool {
        true
    }
}
