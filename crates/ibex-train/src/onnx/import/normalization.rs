//! Normalisations.

use ibex_graph::Array;
use serde_json::json;

use super::node::{NodeSite, axis_of, one};
use super::{NodeRow, Outcome, rows, unsupported};

pub(super) const ROWS: &[NodeRow] = rows! {
    "BatchNormalization" batch;
    "LayerNormalization" layer;
    "InstanceNormalization" |site| groups(site, None);
    "GroupNormalization" |site| {
        let count = site.int("num_groups", 1);
        groups(site, Some(count))
    };
    "RMSNormalization" root_mean_square;
};

/// Scale, offset, mean and variance of each channel, in Keras's order.
fn batch(site: &mut NodeSite<'_, '_>) -> Outcome {
    let x = site.tensor(0)?;
    let weights = vec![site.known(1)?, site.known(2)?, site.known(3)?, site.known(4)?];
    let config = json!({
        "axis": 1,
        "epsilon": site.float("epsilon", 1e-5),
        "momentum": site.float("momentum", 0.9),
    });
    one(site.layer("BatchNormalization", config, vec![x], weights)?.swap_remove(0))
}

fn layer(site: &mut NodeSite<'_, '_>) -> Outcome {
    let x = site.tensor(0)?;
    let rank = x.shape().rank();
    let first = axis_of(site.int("axis", -1), rank)?;
    let axes: Vec<usize> = (first..rank).collect();
    let Some(extents) = x.shape().0[first..].iter().copied().collect::<Option<Vec<usize>>>() else {
        return unsupported("normalised axes of open extents");
    };
    let scale = site.known(1)?;
    let offset = site.optional(2)?;
    let config = json!({
        "axis": if axes.len() == 1 { json!(axes[0]) } else { json!(axes) },
        "epsilon": site.float("epsilon", 1e-5),
        "center": offset.is_some(),
    });
    let fit = |array: Array| array.reshape(extents.clone());
    let weights = [scale].into_iter().chain(offset).map(fit).collect::<Result<Vec<_>, _>>()?;
    one(site.layer("LayerNormalization", config, vec![x], weights)?.swap_remove(0))
}

/// Each channel by itself is as many groups as channels, which Keras writes as -1.
fn groups(site: &mut NodeSite<'_, '_>, count: Option<i64>) -> Outcome {
    let x = site.tensor(0)?;
    let weights = vec![site.known(1)?, site.known(2)?];
    let channels = x.shape().dim(1);
    if weights.iter().any(|weight| Some(weight.size()) != channels) {
        return unsupported("a scale for each group");
    }
    let config = json!({
        "groups": count.unwrap_or(-1),
        "axis": 1,
        "epsilon": site.float("epsilon", 1e-5),
    });
    one(site.layer("GroupNormalization", config, vec![x], weights)?.swap_remove(0))
}

fn root_mean_square(site: &mut NodeSite<'_, '_>) -> Outcome {
    let x = site.tensor(0)?;
    let rank = x.shape().rank();
    if axis_of(site.int("axis", -1), rank)? + 1 != rank {
        return unsupported("several normalised axes");
    }
    let weights = vec![site.known(1)?];
    let config = json!({"axis": -1, "epsilon": site.float("epsilon", 1e-5)});
    one(site.layer("RMSNormalization", config, vec![x], weights)?.swap_remove(0))
}
