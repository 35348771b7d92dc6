//! `Discretization`: numbers put into bins.

use ibex_graph::{Array, DType, Tensor};
use serde_json::{Map, Value, json};

use super::categorical::{OutputMode, check_sparse, encode};
use super::quantiles::Summary;
use crate::layer::Layer;
use crate::object::ConfigError;
use crate::trace::Call;
use crate::{layer, layer_facts};

layer! {
    /// Puts numbers into bins between boundaries, and gives the bins.
    ///
    /// The boundaries are given, or found with [`Discretization::adapt`] such that each bin gets
    /// about as many numbers.
    /// Input of any shape, output as [`OutputMode`] says.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/numerical/discretization/>.
    ///
    /// ```
    /// use ibex_graph::Array;
    /// use ibex_nn::layers::Discretization;
    ///
    /// let mut layer = Discretization::new(2);
    /// layer.adapt(&Array::from_slice([4], &[1f32, 2., 3., 4.]).unwrap()).unwrap();
    /// assert_eq!(layer.bin_boundaries, Some(vec![2.0]));
    /// ```
    Discretization {
        /// The boundaries between the bins, in rising order.
        bin_boundaries: some Vec<f64> = None,
        /// The number of bins, if the boundaries are to be found.
        num_bins: given usize = None,
        /// How exact the found boundaries are, as a share of the data; 0.01 by default.
        epsilon: is f64 = 0.01,
        /// What the layer gives; the indices by default.
        output_mode: is OutputMode = OutputMode::Int,
        /// Whether outputs are sparse, which is not supported.
        sparse: is bool = false,
    }
}

impl Discretization {
    /// As many bins, between boundaries that [`Discretization::adapt`] finds.
    #[track_caller]
    pub fn new(num_bins: usize) -> Discretization {
        Discretization { num_bins: Some(num_bins), ..Discretization::default() }
    }

    /// Bins between these boundaries.
    #[track_caller]
    pub fn between(bin_boundaries: impl Into<Vec<f64>>) -> Discretization {
        Discretization { bin_boundaries: Some(bin_boundaries.into()), ..Discretization::default() }
    }

    /// Finds the boundaries: the quantiles of the data.
    ///
    /// # Errors
    /// If the boundaries are given, or there is no data.
    pub fn adapt(&mut self, data: &Array) -> Result<(), ConfigError> {
        self.adapt_batches([data])
    }

    /// As [`Discretization::adapt`], over data that come in batches.
    ///
    /// # Errors
    /// As [`Discretization::adapt`].
    pub fn adapt_batches<'a>(
        &mut self,
        batches: impl IntoIterator<Item = &'a Array>,
    ) -> Result<(), ConfigError> {
        let Some(bins) = self.num_bins else {
            return Err(ConfigError::new("the boundaries of the bins are given")
                .expected("a layer with `num_bins`")
                .received("`adapt` on a layer with `bin_boundaries`"));
        };
        if bins == 0 || self.epsilon.is_nan() || self.epsilon <= 0.0 {
            return Err(ConfigError::new("bins cannot be found")
                .expected("`num_bins` and `epsilon` above 0")
                .received(format!("num_bins = {bins}, epsilon = {}", self.epsilon)));
        }
        let mut summary = Summary::default();
        for batch in batches {
            summary = Summary::of(&batch.to_f32_vec(), self.epsilon).merged(summary, self.epsilon);
        }
        if summary.is_empty() {
            return Err(
                ConfigError::new("there is no data to adapt to").expected("at least one number")
            );
        }
        self.bin_boundaries = Some(summary.boundaries(bins));
        Ok(())
    }
}

impl Layer for Discretization {
    layer_facts!(Discretization);

    fn full_config(&self, name: &str, _: bool) -> Map<String, Value> {
        let mut config = self.config().as_object().cloned().unwrap_or_default();
        config.insert("name".to_string(), json!(name));
        config.insert("dtype".to_string(), json!(self.base.dtype.name()));
        config
    }

    fn check(&self) -> Vec<ConfigError> {
        use OutputMode::{Count, Int, MultiHot, OneHot};
        let mut found = Vec::new();
        found.extend(self.output_mode.check(&[Int, OneHot, MultiHot, Count]));
        found.extend(check_sparse(self.sparse));
        match (&self.bin_boundaries, self.num_bins) {
            (None, None) => found.push(
                ConfigError::new("the bins are missing")
                    .expected("`bin_boundaries` or `num_bins`")
                    .received("neither"),
            ),
            (None, Some(_)) => found.push(
                ConfigError::new("the boundaries of the bins are not known yet")
                    .help("call `adapt` with data before the layer is used"),
            ),
            (Some(_), _) => {}
        }
        found
    }

    fn forward(&self, _: &mut Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let boundaries = self.bin_boundaries.clone().unwrap_or_default();
        let (x, depth) = (inputs[0].cast(DType::F32), boundaries.len() + 1);
        let bins = match boundaries.len() {
            0 => x.zeros_like().cast(DType::I32),
            count => {
                let array = Array::from_f64_slice(DType::F32, [count], &boundaries);
                let below = x.expand_dims(-1).less(&Tensor::constant(array));
                // NaN is below nothing, and so is in the last bin.
                let axis = below.rank().saturating_sub(1);
                below.logical_not().cast(DType::I32).sum(&[axis], false)
            }
        };
        let dtype = match self.base.dtype.compute() {
            dtype if dtype.is_float() => dtype,
            _ => DType::F32,
        };
        vec![encode(&bins, self.output_mode, depth, dtype, None)]
    }
}
