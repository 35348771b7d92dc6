//! `keras.ops.ctc_loss` and `ctc_decode`: labels of sequences, whatever their place in time.

use ibex_graph::{DType, Tensor};

use super::given::{Given, float_of};
use super::table::Outcome;
use crate::losses::ctc::{ctc, greedy};

pub(super) fn ctc_loss(g: &Given<'_>) -> Outcome<Tensor> {
    let output = g.tensor("output")?;
    let dtype = match float_of(output.dtype()) {
        DType::F64 => DType::F64,
        _ => DType::F32,
    };
    let output = output.cast(dtype);
    let [target, labels, steps] = integers(g, ["target", "target_length", "output_length"])?;
    Ok(ctc(&target, &output, &labels, Some(&steps), mask_index(g, &output)?))
}

/// Arguments as `int32`.
fn integers<const N: usize>(g: &Given<'_>, names: [&str; N]) -> Outcome<[Tensor; N]> {
    let mut found = Vec::new();
    for name in names {
        found.push(g.tensor(name)?.cast(DType::I32));
    }
    found.try_into().map_err(|_| g.wrong("an argument is missing", "all arguments", "fewer"))
}

/// The class that is a blank between labels, of logits `(batch, steps, classes)`.
fn mask_index(g: &Given<'_>, logits: &Tensor) -> Outcome<usize> {
    if logits.rank() != 3 {
        return Err(g.wrong("wrong shape", "logits (batch, steps, classes)", logits.shape()));
    }
    let (index, classes) = (g.integer("mask_index")?.unwrap_or(0), logits.dim(2));
    match usize::try_from(index).ok().filter(|&index| index < classes) {
        Some(index) => Ok(index),
        None => Err(g.wrong("there is no such class", &format!("0 to {classes} - 1"), index)),
    }
}

pub(super) fn ctc_decode(g: &Given<'_>) -> Outcome<Vec<Tensor>> {
    match g.text("strategy")?.as_deref() {
        None | Some("greedy") => {
            let logits = g.tensor("inputs")?;
            let blank = mask_index(g, &logits)?;
            let [steps] = integers(g, ["sequence_lengths"])?;
            Ok(greedy(&logits, &steps, g.flag("merge_repeated", true)?, blank).to_vec())
        }
        Some("beam_search") => Err(g
            .wrong("this search is not supported", "strategy = greedy", "beam_search")
            .help("decode the model's logits outside the graph")),
        Some(other) => Err(g.wrong("unknown strategy", "greedy", other)),
    }
}
