//! Activations: layers where Keras has one, named activations elsewhere.

use ibex_nn::ops;
use serde_json::json;

use super::node::{NodeSite, axis_of, one};
use super::value::Value;
use super::{NodeRow, Outcome, rows, unsupported};

pub(super) const ROWS: &[NodeRow] = rows! {
    "Relu" |site| layer(site, "ReLU", json!({}));
    "LeakyRelu" |site| {
        let slope = site.float("alpha", 0.01);
        layer(site, "LeakyReLU", json!({"negative_slope": slope}))
    };
    "Elu" |site| {
        let alpha = site.float("alpha", 1.0);
        layer(site, "ELU", json!({"alpha": alpha}))
    };
    "PRelu" prelu;
    "Sigmoid" |site| site.activation("sigmoid");
    "Tanh" |site| site.activation("tanh");
    "Softplus" |site| site.activation("softplus");
    "Softsign" |site| site.activation("softsign");
    "Selu" selu;
    "Celu" |site| {
        let (x, alpha) = (site.tensor(0)?, site.float("alpha", 1.0));
        one(ops::celu(&x).alpha(alpha))
    };
    "Gelu" |site| {
        let (x, kind) = (site.tensor(0)?, site.text("approximate", "none"));
        one(ops::gelu(&x).approximate(kind == "tanh"))
    };
    "Mish" |site| site.activation("mish");
    "HardSigmoid" hard_sigmoid;
    "HardSwish" |site| site.activation("hard_silu");
    "Swish" |site| match site.float("alpha", 1.0) {
        1.0 => site.activation("silu"),
        alpha => unsupported(format!("`alpha` = {alpha}")),
    };
    "ThresholdedRelu" |site| {
        let threshold = site.float("alpha", 1.0);
        layer(site, "ReLU", json!({"threshold": threshold}))
    };
    "Softmax" softmax;
    "LogSoftmax" log_softmax;
    "Clip" clip;
    "Dropout" dropout;
    "Identity" |site| Ok(vec![site.value(0)?]);
};

fn layer(site: &mut NodeSite<'_, '_>, class_name: &str, config: serde_json::Value) -> Outcome {
    let x = site.tensor(0)?;
    one(site.plain(class_name, config, x)?)
}

/// The slope stands for each channel, or for each element.
fn prelu(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (x, slope) = (site.tensor(0)?, site.known(1)?);
    let rank = x.shape().rank();
    let mut extents = vec![1; rank.saturating_sub(1)];
    let own = slope.shape().to_vec();
    if own.len() > extents.len() {
        return unsupported(format!("a slope of shape {}", slope.shape()));
    }
    let start = extents.len() - own.len();
    extents[start..].copy_from_slice(&own);
    let whole: Vec<Option<usize>> = x.shape().0.iter().skip(1).copied().collect();
    let shared = (0..extents.len()).filter(|&axis| extents[axis] == 1 && whole[axis] != Some(1));
    let shared: Vec<usize> = shared.map(|axis| axis + 1).collect();
    let config =
        json!({"shared_axes": if shared.is_empty() { json!(null) } else { json!(shared) }});
    let slope = slope.reshape(extents)?;
    one(site.layer("PReLU", config, vec![x], vec![slope])?.swap_remove(0))
}

/// The constants of Keras are those of ONNX's defaults.
fn selu(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (alpha, gamma) = (site.float("alpha", 1.673_263_2), site.float("gamma", 1.050_701));
    match (alpha - 1.673_263_2).abs() < 1e-6 && (gamma - 1.050_701).abs() < 1e-6 {
        true => site.activation("selu"),
        false => unsupported(format!("`alpha` = {alpha}, `gamma` = {gamma}")),
    }
}

fn hard_sigmoid(site: &mut NodeSite<'_, '_>) -> Outcome {
    let (alpha, beta) = (site.float("alpha", 0.2), site.float("beta", 0.5));
    if (alpha - 1.0 / 6.0).abs() < 1e-6 && beta == 0.5 {
        return site.activation("hard_sigmoid");
    }
    let x = site.tensor(0)?;
    one(ops::clip(x * alpha + beta, 0.0, 1.0))
}

/// Before version 13 the axes from `axis` on were one; since then it is one axis.
fn softmax(site: &mut NodeSite<'_, '_>) -> Outcome {
    let x = site.tensor(0)?;
    let rank = x.shape().rank();
    let old = site.context.opset < 13;
    let axis = axis_of(site.int("axis", if old { 1 } else { -1 }), rank)?;
    let axes: Vec<usize> = if old { (axis..rank).collect() } else { vec![axis] };
    let axis = if axes.len() == 1 { json!(axes[0]) } else { json!(axes) };
    one(site.plain("Softmax", json!({"axis": axis}), x)?)
}

fn log_softmax(site: &mut NodeSite<'_, '_>) -> Outcome {
    let x = site.tensor(0)?;
    let rank = x.shape().rank();
    let old = site.context.opset < 13;
    let axis = axis_of(site.int("axis", if old { 1 } else { -1 }), rank)?;
    match old && axis + 1 < rank {
        true => unsupported("the logarithm of softmax along several axes"),
        false => one(ops::log_softmax(&x).axis(axis)),
    }
}

/// Bounds are options in older files and inputs in newer ones.
fn clip(site: &mut NodeSite<'_, '_>) -> Outcome {
    let mut bound = |name: &str, input: usize, open: f64| match site.node.attribute(name) {
        Some(_) => Ok(site.float(name, open)),
        None => {
            let known = site.optional(input)?;
            Ok::<f64, super::NodeError>(
                known.map_or(open, |array| array.to_f64_vec().first().copied().unwrap_or(open)),
            )
        }
    };
    let low = bound("min", 1, f64::from(f32::MIN))?;
    let high = bound("max", 2, f64::from(f32::MAX))?;
    let x = site.tensor(0)?;
    match (low, high) {
        (0.0, high) if high < f64::from(f32::MAX) => {
            one(site.plain("ReLU", json!({"max_value": high}), x)?)
        }
        (low, high) => one(ops::clip(&x, low, high)),
    }
}

/// It acts in training only; a second output is the mask, which prediction does not have.
fn dropout(site: &mut NodeSite<'_, '_>) -> Outcome {
    let rate = match site.optional(1)? {
        Some(rate) => rate.to_f64_vec().first().copied().unwrap_or(0.5),
        None => site.float("ratio", 0.5),
    };
    match site.value(0)? {
        Value::Open(x) => one(site.plain("Dropout", json!({"rate": rate}), x)?),
        known => Ok(vec![known]),
    }
}
