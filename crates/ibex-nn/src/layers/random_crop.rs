//! `RandomCrop`: cuts a random part out of images.

use ibex_graph::ops::image::{self, Interpolation};
use ibex_graph::{DType, Tensor};

use super::augmentation::{Augmentation, Drawn, Draws, ImageSize, channels};
use super::options::DataFormat;
use crate::arguments::Bound;
use crate::layer;
use crate::object::ConfigError;
use crate::partial::PartialType;

layer! {
    /// Cuts the same random part out of all images of a batch while training.
    ///
    /// Images that are not larger in both directions are cut and stretched to the size instead.
    /// Outside training images stay as they are, whatever their size, as in Keras.
    /// Source: <https://keras.io/api/layers/preprocessing_layers/image_augmentation/random_crop/>.
    ///
    /// ```
    /// use ibex_nn::layer::LayerExt;
    /// use ibex_nn::layers::{Input, RandomCrop};
    ///
    /// let y = RandomCrop::new(6, 4).call(&Input::new([8, 8, 3]).tensor());
    /// assert_eq!(y.shape().to_string(), "(None, 6, 4, 3)");
    /// ```
    RandomCrop {
        /// The height of the part.
        height: is usize = 1,
        /// The width of the part.
        width: is usize = 1,
        /// The layer's own seed; the model's by default.
        seed: some u64 = None,
        /// Where the channels are; last by default.
        data_format: is DataFormat = DataFormat::ChannelsLast,
        /// The format of bounding boxes, which files keep; images alone are changed here.
        #[serde(skip_serializing_if = "Option::is_none")]
        bounding_box_format: some String = None,
    }
}

impl RandomCrop {
    /// Cuts out parts of this size.
    #[track_caller]
    pub fn new(height: usize, width: usize) -> RandomCrop {
        RandomCrop { height, width, ..RandomCrop::default() }
    }

    fn mistakes(&self) -> Vec<ConfigError> {
        let wrong = || {
            ConfigError::new("`height` and `width` must be positive")
                .received(format!("{} x {}", self.height, self.width))
        };
        (self.height == 0 || self.width == 0).then(wrong).into_iter().collect()
    }

    /// The axes of rows and columns of a batch.
    fn axes(&self) -> [usize; 2] {
        match self.data_format {
            DataFormat::ChannelsLast => [1, 2],
            DataFormat::ChannelsFirst => [2, 3],
        }
    }

    /// Where the part begins in images that are not larger than it in both directions.
    fn middle(&self, size: ImageSize) -> [usize; 2] {
        let kept = |own: usize, other: usize, wanted: usize, across: usize| {
            let ratio = other as f64 * wanted as f64 / across.max(1) as f64;
            (ratio as usize).min(own).max(1)
        };
        let height = kept(size.height, size.width, self.height, self.width);
        let width = kept(size.width, size.height, self.width, self.height);
        [size.height.saturating_sub(height) / 2, size.width.saturating_sub(width) / 2]
    }
}

impl Augmentation for RandomCrop {
    fn data_format(&self) -> DataFormat {
        self.data_format
    }

    fn own_seed(&self) -> Option<u64> {
        self.seed
    }

    fn draw(&self, draws: &mut Draws<'_>, size: ImageSize) -> Drawn {
        let starts = match size.height > self.height && size.width > self.width {
            true => [size.height - self.height, size.width - self.width]
                .map(|last| draws.integers(&[], 0, last as i64 + 1)),
            false => self.middle(size).map(|start| Tensor::scalar(DType::I32, start as f64)),
        };
        let [height, width] = starts;
        Drawn::new().with("height_start", height).with("width_start", width)
    }

    fn transform(&self, images: &Tensor, drawn: &Drawn) -> Tensor {
        let size = ImageSize::of(images, self.data_format);
        let middle = self.middle(size);
        let fits = size.height > self.height && size.width > self.width;
        let starts = ["height_start", "width_start"].map(|name| drawn.get(name));
        let mut part = images.clone();
        let (extents, wanted) = ([size.height, size.width], [self.height, self.width]);
        for (i, axis) in self.axes().into_iter().enumerate() {
            let count = if fits { wanted[i] } else { wanted[i].min(extents[i] - middle[i]) };
            let places = Tensor::iota(DType::I32, [count], 0) + starts[i].cast(DType::I32);
            part = part.take(&places, axis as isize);
        }
        image::resize(&part, wanted, Interpolation::Bilinear, channels(self.data_format))
    }
}

impl crate::layer::Layer for RandomCrop {
    crate::layer_facts!(RandomCrop);

    fn check(&self) -> Vec<ConfigError> {
        self.mistakes()
    }

    fn own_types(&self, _: &Bound, inputs: &[PartialType]) -> Option<Vec<PartialType>> {
        let mut ty = inputs.first()?.clone();
        let rank = ty.shape.rank();
        let first = match self.data_format {
            DataFormat::ChannelsLast => rank.checked_sub(3)?,
            DataFormat::ChannelsFirst => rank.checked_sub(2)?,
        };
        if !matches!(rank, 3 | 4) {
            return None;
        }
        ty.shape.0[first] = Some(self.height);
        ty.shape.0[first + 1] = Some(self.width);
        if !ty.dtype.is_float() {
            ty.dtype = self.base.dtype.compute();
        }
        Some(vec![ty])
    }

    fn forward(&self, call: &mut crate::trace::Call<'_>, inputs: &[Tensor]) -> Vec<Tensor> {
        let dtype = self.base.dtype.compute();
        vec![super::augmentation::augment(self, dtype, call, &inputs[0])]
    }

    fn draws_random_numbers(&self) -> bool {
        true
    }
}
