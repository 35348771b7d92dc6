//! Which arrays of PyTorch the weights of a layer are, one row for each kind of layers.

use super::layout::Arrangement::{self, *};

/// A kind of layers: the Keras classes, and their weights.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) classes: &'static [&'static str],
    pub(super) parts: &'static [Part],
}

/// A weight: its name in Keras, the arrays that it is in PyTorch, and how they are arranged.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) keras: &'static str,
    pub(super) torch: &'static [&'static str],
    pub(super) arrangement: Arrangement,
}

const fn part(
    keras: &'static str,
    torch: &'static [&'static str],
    arrangement: Arrangement,
) -> Part {
    Part { keras, torch, arrangement }
}

const BIAS: Part = part("bias", &["bias"], Same);
const GAMMA: Part = part("gamma", &["weight"], Same);
const BETA: Part = part("beta", &["bias"], Same);
const INPUT: &[&str] = &["weight_ih"];
const STATE: &[&str] = &["weight_hh"];
const BIASES: &[&str] = &["bias_ih", "bias_hh"];

/// Every kind of layers that PyTorch has too.
pub(super) const RULES: &[Rule] = &[
    Rule { classes: &["Dense"], parts: &[part("kernel", &["weight"], Linear), BIAS] },
    Rule {
        classes: &[
            "Conv1D",
            "Conv2D",
            "Conv3D",
            "Conv1DTranspose",
            "Conv2DTranspose",
            "Conv3DTranspose",
        ],
        parts: &[part("kernel", &["weight"], Convolution), BIAS],
    },
    Rule {
        classes: &["DepthwiseConv1D", "DepthwiseConv2D"],
        parts: &[part("kernel", &["weight"], Depthwise), BIAS],
    },
    Rule {
        classes: &["BatchNormalization"],
        parts: &[
            GAMMA,
            BETA,
            part("moving_mean", &["running_mean"], Same),
            part("moving_variance", &["running_var"], Same),
        ],
    },
    Rule { classes: &["LayerNormalization", "GroupNormalization"], parts: &[GAMMA, BETA] },
    Rule { classes: &["RMSNormalization"], parts: &[part("scale", &["weight"], Same)] },
    Rule { classes: &["Embedding"], parts: &[part("embeddings", &["weight"], Same)] },
    Rule { classes: &["PReLU"], parts: &[part("alpha", &["weight"], Spread)] },
    Rule {
        classes: &["SimpleRNNCell", "LSTMCell"],
        parts: &[
            part("kernel", INPUT, Linear),
            part("recurrent_kernel", STATE, Linear),
            part("bias", BIASES, BiasSum),
        ],
    },
    Rule {
        classes: &["GRUCell"],
        parts: &[
            part("kernel", INPUT, Gates),
            part("recurrent_kernel", STATE, Gates),
            part("bias", BIASES, BiasRows),
        ],
    },
];

/// Arrays of PyTorch that are no weights: how many batches there were, buffers of positions.
pub(super) const IGNORED: &[&str] = &["num_batches_tracked"];

/// The row of a class of layers.
pub(super) fn rule_of(class: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.classes.contains(&class))
}
