//! The names of Keras 1 and 2: classes, options and values that are called otherwise today.
//!
//! It must not know how layers stand in models.

use serde_json::{Map, Value, json};

/// The classes whose states Keras 2 gave along with their inputs.
pub(super) const RECURRENT: &[&str] =
    &["RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM2D", "Bidirectional"];

/// Classes that got another name.
const CLASSES: &[(&str, &str)] = &[
    ("AtrousConvolution1D", "Conv1D"),
    ("AtrousConvolution2D", "Conv2D"),
    ("BatchNormalizationV1", "BatchNormalization"),
    ("BatchNormalizationV2", "BatchNormalization"),
    ("SyncBatchNormalization", "BatchNormalization"),
    ("Convolution1D", "Conv1D"),
    ("Convolution2D", "Conv2D"),
    ("Convolution2DTranspose", "Conv2DTranspose"),
    ("Convolution3D", "Conv3D"),
    ("Deconvolution2D", "Conv2DTranspose"),
    ("SeparableConvolution2D", "SeparableConv2D"),
];

/// Options that got another name, whatever the class.
const OPTIONS: &[(&str, &str)] = &[
    ("W_constraint", "kernel_constraint"),
    ("W_regularizer", "kernel_regularizer"),
    ("atrous_rate", "dilation_rate"),
    ("b_constraint", "bias_constraint"),
    ("b_regularizer", "bias_regularizer"),
    ("beta_init", "beta_initializer"),
    ("bias", "use_bias"),
    ("border_mode", "padding"),
    ("depthwise_init", "depthwise_initializer"),
    ("dim_ordering", "data_format"),
    ("dropout_U", "recurrent_dropout"),
    ("dropout_W", "dropout"),
    ("gamma_init", "gamma_initializer"),
    ("init", "kernel_initializer"),
    ("inner_activation", "recurrent_activation"),
    ("inner_init", "recurrent_initializer"),
    ("nb_filter", "filters"),
    ("output_dim", "units"),
    ("pointwise_init", "pointwise_initializer"),
    ("pool_length", "pool_size"),
    ("subsample", "strides"),
    ("subsample_length", "strides"),
    ("U_regularizer", "recurrent_regularizer"),
    ("filter_length", "kernel_size"),
];

/// Options that got another name in some classes only.
const OPTIONS_OF: &[(&[&str], &str, &str)] = &[
    (&["AlphaDropout", "Dropout", "GaussianDropout"], "p", "rate"),
    (&["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"], "p", "rate"),
    (&["GaussianNoise"], "sigma", "stddev"),
    (&["UpSampling1D"], "length", "size"),
    (&["AveragePooling1D", "MaxPooling1D"], "stride", "strides"),
    (&["LeakyReLU"], "alpha", "negative_slope"),
    (&["Embedding"], "kernel_initializer", "embeddings_initializer"),
    (&["Embedding"], "kernel_regularizer", "embeddings_regularizer"),
    (&["Embedding"], "kernel_constraint", "embeddings_constraint"),
    (&["Embedding"], "units", "output_dim"),
    (&["MaxNorm"], "m", "max_value"),
];

/// Kernel sizes that were several numbers.
const KERNEL_SIZES: &[&[&str]] =
    &[&["nb_row", "nb_col"], &["kernel_dim1", "kernel_dim2", "kernel_dim3"]];

/// Values that got another name, whatever the option.
const VALUES: &[(&str, &[&str], &str)] = &[
    ("data_format", &["tf", "default"], "channels_last"),
    ("data_format", &["th"], "channels_first"),
    ("initializer", &["zero"], "zeros"),
    ("initializer", &["one"], "ones"),
    ("initializer", &["uniform"], "random_uniform"),
    ("initializer", &["normal"], "random_normal"),
];

/// Options of old versions that change no number, or that other parts of the configuration say.
const DROPPED: &[&str] = &[
    "batch_input_shape",
    "consume_less",
    "fused",
    "implementation",
    "input_dtype",
    "input_length",
];

/// The same of some classes only.
const DROPPED_OF: &[(&[&str], &[&str])] = &[
    (
        &["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"],
        &["groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"],
    ),
    (&["Dense", "GRU", "LSTM", "SimpleRNN", "Conv1D"], &["input_dim"]),
    (&["Conv2DTranspose"], &["output_shape"]),
    (&["MultiHeadAttention"], &["query_shape", "key_shape", "value_shape"]),
];

/// The name of today, if it is another one.
pub(super) fn class(name: &str) -> Option<&'static str> {
    CLASSES.iter().find(|(old, _)| *old == name).map(|(_, new)| *new)
}

/// Gives options and values the names that they have today.
pub(super) fn rename_options(class: &str, config: &mut Map<String, Value>) {
    for parts in KERNEL_SIZES {
        let sizes: Vec<Value> = parts.iter().filter_map(|part| config.remove(*part)).collect();
        if sizes.len() == parts.len() {
            config.insert("kernel_size".to_string(), Value::Array(sizes));
        }
    }
    // The option of this name is one of today's in these two.
    let keeps_units = ["Embedding", "ReversibleEmbedding"].contains(&class);
    for (old, new) in OPTIONS.iter().filter(|(old, _)| !(keeps_units && *old == "output_dim")) {
        rename(config, old, new);
    }
    if let Some(initial) = config.remove("forget_bias_init") {
        config.insert("unit_forget_bias".to_string(), json!(initial == "one"));
    }
    // Before it became an option, every layer was so.
    if class == "GRU" && !config.contains_key("reset_after") {
        config.insert("reset_after".to_string(), json!(false));
    }
    for (key, value) in config.iter_mut() {
        rename_value(key, value);
        if key.ends_with("regularizer") || key.ends_with("constraint") {
            with_class(value);
        }
    }
}

/// Gives options the names that they have today in this class only.
pub(super) fn rename_options_of(class: &str, config: &mut Map<String, Value>) {
    for (classes, old, new) in OPTIONS_OF {
        if classes.contains(&class) {
            rename(config, old, new);
        }
    }
}

/// Takes out what changes no number.
pub(super) fn drop_options(class: &str, config: &mut Map<String, Value>) {
    let is_input = class == "InputLayer";
    for key in DROPPED.iter().filter(|key| !(is_input && **key == "batch_input_shape")) {
        config.remove(*key);
    }
    for (classes, keys) in DROPPED_OF {
        if classes.contains(&class) {
            keys.iter().for_each(|key| _ = config.remove(*key));
        }
    }
    if class == "BatchNormalization"
        && let Some([axis]) = config.get("axis").and_then(Value::as_array).map(Vec::as_slice)
    {
        let axis = axis.clone();
        config.insert("axis".to_string(), axis);
    }
    // Zero says that the option is not used.
    for (of, key) in [("BatchNormalization", "mode"), ("Embedding", "dropout")] {
        if class == of && config.get(key).and_then(Value::as_f64) == Some(0.0) {
            config.remove(key);
        }
    }
    if config.get("distribution").is_some_and(|value| value == "normal") {
        config.insert("distribution".to_string(), json!("truncated_normal"));
    }
    // Initializers had a dtype of their own; layers have a name too.
    if !config.contains_key("name") && config.get("dtype").is_some_and(Value::is_string) {
        config.remove("dtype");
    }
}

fn rename(config: &mut Map<String, Value>, old: &str, new: &str) {
    if !config.contains_key(new)
        && let Some(value) = config.remove(old)
    {
        config.insert(new.to_string(), value);
    }
}

fn rename_value(key: &str, value: &mut Value) {
    for (ending, old, new) in VALUES {
        if key.ends_with(ending) && value.as_str().is_some_and(|text| old.contains(&text)) {
            *value = json!(new);
        }
    }
}

/// Keras 1 wrote a penalty or a constraint with its options beside its name.
fn with_class(value: &mut Value) {
    let Some(object) = value.as_object_mut().filter(|object| !object.contains_key("class_name"))
    else {
        return;
    };
    let Some(Value::String(name)) = object.remove("name") else { return };
    let class = match name.as_str() {
        "WeightRegularizer" | "L1L2Regularizer" => "L1L2",
        other => other,
    };
    rename(object, "m", "max_value");
    let config = std::mem::take(object);
    *value = json!({"class_name": class, "config": config});
}
