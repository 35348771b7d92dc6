//! The layers, one file each, one row each in [`LAYERS`].
//!
//! Families share a file: [`options`] has the types of options; `convolution`, `pooling`,
//! `merging`, `borders`, `noise` and their like have what their layers have in common.
//! [`operation`] is not a layer but a `keras.ops` function in a functional model.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::layer::{Layer, layer_from_config};
use crate::object::{ConfigError, nearest};

macro_rules! layers {
    ($($module:ident: $layer:ident,)*) => {
        $(pub mod $module;
        pub use $module::$layer;)*

        /// Every layer that files may name.
        pub const LAYERS: &[LayerRow] = &[$(LayerRow {
            class_name: stringify!($layer),
            load: |config| Ok(Arc::new(layer_from_config::<$layer>(stringify!($layer), config)?)),
        },)*];
    };
}

/// Makes a layer from its configuration, with the keys of the base.
pub type LayerLoader = fn(&Value) -> Result<Arc<dyn Layer>, ConfigError>;

/// One layer of the table.
#[derive(Debug)]
pub struct LayerRow {
    /// The name in files.
    pub class_name: &'static str,
    /// Makes it from its configuration.
    pub load: LayerLoader,
}

mod adaptive_pooling;
pub mod augmentation;
mod augmentation_draws;
mod augmentation_steps;
mod borders;
mod categorical;
mod convolution;
mod depthwise_convolution;
mod heads;
mod index_lookup;
pub mod input;
mod merging;
mod noise;
mod on_data;
pub mod operation;
pub mod options;
mod pooling;
mod quantiles;
pub mod recurrent;
mod separable_convolution;
mod sequence_attention;
mod spatial_dropout;
mod tokens;
mod transposed_convolution;
mod up_sampling;
mod wrapper;

pub use add::add;
pub use augmentation::{Augmentation, Factor};
pub use average::average;
pub use bidirectional::MergeMode;
pub use categorical::OutputMode;
pub use concatenate::concatenate;
pub use dot::dot;
pub use input::{Input, InputLayer};
pub use maximum::maximum;
pub use minimum::minimum;
pub use multiply::multiply;
pub use operation::Operation;
pub use options::{Axes, Borders, DataFormat, Extents, Numbers};
pub use random_flip::FlipMode;
pub use subtract::subtract;
pub use tokens::{OovMethod, Salt};

layers! {
    activation: Activation,
    activity_regularization: ActivityRegularization,
    adaptive_average_pooling1d: AdaptiveAveragePooling1D,
    adaptive_average_pooling2d: AdaptiveAveragePooling2D,
    adaptive_average_pooling3d: AdaptiveAveragePooling3D,
    adaptive_max_pooling1d: AdaptiveMaxPooling1D,
    adaptive_max_pooling2d: AdaptiveMaxPooling2D,
    adaptive_max_pooling3d: AdaptiveMaxPooling3D,
    add: Add,
    additive_attention: AdditiveAttention,
    alpha_dropout: AlphaDropout,
    attention: Attention,
    aug_mix: AugMix,
    auto_contrast: AutoContrast,
    average: Average,
    average_pooling1d: AveragePooling1D,
    average_pooling2d: AveragePooling2D,
    average_pooling3d: AveragePooling3D,
    batch_normalization: BatchNormalization,
    bidirectional: Bidirectional,
    category_encoding: CategoryEncoding,
    center_crop: CenterCrop,
    concatenate: Concatenate,
    contrast_limited_adaptive_histogram_equalization:
        ContrastLimitedAdaptiveHistogramEqualization,
    conv1d: Conv1D,
    conv1d_transpose: Conv1DTranspose,
    conv2d: Conv2D,
    conv2d_transpose: Conv2DTranspose,
    conv3d: Conv3D,
    conv3d_transpose: Conv3DTranspose,
    conv_lstm1d: ConvLSTM1D,
    conv_lstm2d: ConvLSTM2D,
    conv_lstm3d: ConvLSTM3D,
    cropping1d: Cropping1D,
    cropping2d: Cropping2D,
    cropping3d: Cropping3D,
    custom_scale_layer: CustomScaleLayer,
    cut_mix: CutMix,
    dense: Dense,
    depthwise_conv1d: DepthwiseConv1D,
    depthwise_conv2d: DepthwiseConv2D,
    discretization: Discretization,
    dot: Dot,
    dropout: Dropout,
    einsum_dense: EinsumDense,
    elu: ELU,
    embedding: Embedding,
    equalization: Equalization,
    flatten: Flatten,
    gaussian_dropout: GaussianDropout,
    gaussian_noise: GaussianNoise,
    global_average_pooling1d: GlobalAveragePooling1D,
    global_average_pooling2d: GlobalAveragePooling2D,
    global_average_pooling3d: GlobalAveragePooling3D,
    global_max_pooling1d: GlobalMaxPooling1D,
    global_max_pooling2d: GlobalMaxPooling2D,
    global_max_pooling3d: GlobalMaxPooling3D,
    group_normalization: GroupNormalization,
    group_query_attention: GroupQueryAttention,
    gru: GRU,
    gru_cell: GRUCell,
    hashed_crossing: HashedCrossing,
    hashing: Hashing,
    identity: Identity,
    integer_lookup: IntegerLookup,
    lambda: Lambda,
    layer_normalization: LayerNormalization,
    layer_scale: LayerScale,
    leaky_relu: LeakyReLU,
    lstm: LSTM,
    lstm_cell: LSTMCell,
    masking: Masking,
    max_pooling1d: MaxPooling1D,
    max_pooling2d: MaxPooling2D,
    max_pooling3d: MaxPooling3D,
    maximum: Maximum,
    mel_spectrogram: MelSpectrogram,
    minimum: Minimum,
    mix_up: MixUp,
    multi_head_attention: MultiHeadAttention,
    multiply: Multiply,
    normalization: Normalization,
    permute: Permute,
    pipeline: Pipeline,
    prelu: PReLU,
    rand_augment: RandAugment,
    random_brightness: RandomBrightness,
    random_color_degeneration: RandomColorDegeneration,
    random_color_jitter: RandomColorJitter,
    random_contrast: RandomContrast,
    random_crop: RandomCrop,
    random_elastic_transform: RandomElasticTransform,
    random_erasing: RandomErasing,
    random_flip: RandomFlip,
    random_gaussian_blur: RandomGaussianBlur,
    random_grayscale: RandomGrayscale,
    random_hue: RandomHue,
    random_invert: RandomInvert,
    random_perspective: RandomPerspective,
    random_posterization: RandomPosterization,
    random_rotation: RandomRotation,
    random_saturation: RandomSaturation,
    random_sharpness: RandomSharpness,
    random_shear: RandomShear,
    random_translation: RandomTranslation,
    random_zoom: RandomZoom,
    relu: ReLU,
    repeat_vector: RepeatVector,
    rescaling: Rescaling,
    reshape: Reshape,
    resizing: Resizing,
    reversible_embedding: ReversibleEmbedding,
    rms_normalization: RMSNormalization,
    rnn: RNN,
    separable_conv1d: SeparableConv1D,
    separable_conv2d: SeparableConv2D,
    simple_rnn: SimpleRNN,
    simple_rnn_cell: SimpleRNNCell,
    softmax: Softmax,
    solarization: Solarization,
    spatial_dropout1d: SpatialDropout1D,
    spatial_dropout2d: SpatialDropout2D,
    spatial_dropout3d: SpatialDropout3D,
    spectral_normalization: SpectralNormalization,
    stacked_rnn_cells: StackedRNNCells,
    stft_spectrogram: STFTSpectrogram,
    stochastic_depth: StochasticDepth,
    string_lookup: StringLookup,
    subtract: Subtract,
    text_vectorization: TextVectorization,
    time_distributed: TimeDistributed,
    unit_normalization: UnitNormalization,
    up_sampling1d: UpSampling1D,
    up_sampling2d: UpSampling2D,
    up_sampling3d: UpSampling3D,
    weight_normalization: WeightNormalization,
    zero_padding1d: ZeroPadding1D,
    zero_padding2d: ZeroPadding2D,
    zero_padding3d: ZeroPadding3D,
}

static REGISTRY: Mutex<BTreeMap<String, LayerLoader>> = Mutex::new(BTreeMap::new());

/// Makes files that name `name` (such as `my_package>MyLayer`) load with `load`.
///
/// ```
/// use std::sync::Arc;
///
/// use ibex_nn::layer::layer_from_config;
/// use ibex_nn::layers::{Dense, register_layer};
///
/// register_layer("shop>Dense", |config| {
///     Ok(Arc::new(layer_from_config::<Dense>("Dense", config)?))
/// });
/// ```
pub fn register_layer(name: &str, load: LayerLoader) {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    registry.insert(name.to_string(), load);
}

/// How to make the layer that files call `class_name` or `registered_name`; registered ones first.
///
/// # Errors
/// If there is none of that name; the nearest is suggested.
pub fn layer_loader(
    class_name: &str,
    registered_name: Option<&str>,
) -> Result<LayerLoader, ConfigError> {
    let registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    let own = registered_name.and_then(|name| registry.get(name)).or(registry.get(class_name));
    let row = LAYERS.iter().find(|row| row.class_name == class_name).map(|row| &row.load);
    if let Some(load) = own.or(row) {
        return Ok(*load);
    }
    let name = registered_name.unwrap_or(class_name);
    let register = format!("`register_layer(\"{name}\", …)` before loading, if it is your own");
    let names = LAYERS.iter().map(|row| row.class_name).chain(registry.keys().map(String::as_str));
    Err(ConfigError::new(format!("unknown layer class `{name}`")).help(
        match nearest(class_name, names) {
            Some(near) => format!("did you mean `{near}`? Call {register}"),
            None => format!("call {register}"),
        },
    ))
}
