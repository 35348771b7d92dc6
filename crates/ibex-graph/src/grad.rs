//! Reverse-mode differentiation: extends a graph by the gradients of one of its values.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::op::{Forward, Vjp};
use crate::tensor::reachable;
use crate::{Error, Op, OpError, Tensor, Variable};

/// The gradients of a scalar `loss` with respect to each tensor of `wrt`.
///
/// A tensor that reads a variable stands for every read of it.
/// `None` means that the loss does not depend on the tensor, or only through operations whose
/// gradient is zero; [`explain_missing`] says where the path breaks.
///
/// # Errors
/// If the loss is not a floating-point scalar, carries mistakes, or depends on a tensor of `wrt`
/// through an operation that is not differentiable.
pub fn gradients(loss: &Tensor, wrt: &[Tensor]) -> Result<Vec<Option<Tensor>>, Error> {
    if !loss.is_poisoned() && (loss.rank() != 0 || !loss.dtype().is_float()) {
        return Err(OpError::new(
            "only a scalar can be differentiated",
            "a floating-point value of shape ()",
            loss.ty().to_string(),
        )
        .help("reduce the loss with `mean_all` or `sum_all`")
        .into());
    }
    gradients_from(&[(loss.clone(), loss.ones_like())], wrt)
}

/// The gradients of several outputs, each weighted elementwise by its cotangent and summed.
///
/// # Errors
/// As for [`gradients`].
pub fn gradients_from(
    outputs: &[(Tensor, Tensor)],
    wrt: &[Tensor],
) -> Result<Vec<Option<Tensor>>, Error> {
    let roots: Vec<Tensor> = outputs.iter().map(|(output, _)| output.clone()).collect();
    let mistakes = crate::tensor::errors(&roots);
    if !mistakes.is_empty() {
        return Err(Error::Ops(mistakes));
    }
    let nodes = reachable(&roots);
    let needed = dependents(&nodes, wrt);
    let mut cotangents: HashMap<(u64, usize), Tensor> = HashMap::new();
    for (output, cotangent) in outputs {
        accumulate(&mut cotangents, output, cotangent.clone());
    }
    for node in nodes.iter().rev().filter(|n| needed.contains(&n.sequence())) {
        let siblings = node.siblings();
        let grads: Vec<Option<Tensor>> = (0..siblings.len())
            .map(|output| cotangents.get(&(node.sequence(), output)).cloned())
            .collect();
        if grads.iter().all(Option::is_none) || node.inputs().is_empty() {
            continue;
        }
        let forward = Forward { inputs: node.inputs(), outputs: &siblings, grads: &grads };
        let vjp = node.origin().lend(|| node.op().rule().vjp(&forward));
        let input_grads = match vjp {
            Vjp::Rule(grads) => grads,
            Vjp::ZeroAlmostEverywhere => continue,
            Vjp::NotDifferentiable(reason) => return Err(not_differentiable(node, reason).into()),
        };
        for (input, grad) in node.inputs().iter().zip(input_grads) {
            if let Some(grad) = grad
                && needed.contains(&input.sequence())
                && input.dtype().is_float()
            {
                node.origin().lend(|| accumulate(&mut cotangents, input, grad));
            }
        }
    }
    let reads = reads_by_variable(&nodes);
    Ok(wrt.iter().map(|target| total(&cotangents, &reads, target)).collect())
}

fn not_differentiable(node: &Tensor, reason: &str) -> OpError {
    let mut error = OpError::new(
        format!("`{}` has no gradient: {reason}", node.op().name()),
        "a differentiable path from the weights to the loss",
        format!("`{}` on that path", node.op()),
    )
    .help("use a differentiable operation, or `stop_gradient` before it");
    error.origin = node.origin().clone();
    error
}

/// The nodes from which a gradient can flow to one of `wrt`, those included.
fn dependents(nodes: &[Tensor], wrt: &[Tensor]) -> HashSet<u64> {
    let sequences: HashSet<u64> = wrt.iter().map(Tensor::sequence).collect();
    let variables: HashSet<&Variable> = wrt.iter().filter_map(variable_of).collect();
    let mut needed = HashSet::new();
    for node in nodes {
        let target = sequences.contains(&node.sequence())
            || variable_of(node).is_some_and(|v| variables.contains(v));
        if target || node.inputs().iter().any(|input| needed.contains(&input.sequence())) {
            needed.insert(node.sequence());
        }
    }
    needed
}

fn variable_of(tensor: &Tensor) -> Option<&Variable> {
    match tensor.op() {
        Op::Read(read) => Some(&read.variable),
        _ => None,
    }
}

fn reads_by_variable(nodes: &[Tensor]) -> BTreeMap<u64, Vec<u64>> {
    let mut reads: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for node in nodes {
        if let Some(variable) = variable_of(node) {
            reads.entry(variable.id()).or_default().push(node.sequence());
        }
    }
    reads
}

fn accumulate(cotangents: &mut HashMap<(u64, usize), Tensor>, to: &Tensor, grad: Tensor) {
    let key = (to.sequence(), to.output_index());
    let sum = match cotangents.remove(&key) {
        Some(before) => &before + &grad,
        None => grad,
    };
    cotangents.insert(key, sum);
}

fn total(
    cotangents: &HashMap<(u64, usize), Tensor>,
    reads: &BTreeMap<u64, Vec<u64>>,
    target: &Tensor,
) -> Option<Tensor> {
    let Some(variable) = variable_of(target) else {
        return cotangents.get(&(target.sequence(), target.output_index())).cloned();
    };
    let parts = reads.get(&variable.id())?.iter();
    parts.filter_map(|&sequence| cotangents.get(&(sequence, 0)).cloned()).reduce(|a, b| &a + &b)
}

/// Why no gradient of `loss` reaches `target`: the place where the path breaks.
pub fn explain_missing(loss: &Tensor, target: &Tensor) -> String {
    let nodes = reachable(std::slice::from_ref(loss));
    let on_path = dependents(&nodes, std::slice::from_ref(target));
    if on_path.is_empty() {
        return "the loss does not use it".to_string();
    }
    let uses = |node: &Tensor| node.inputs().iter().any(|i| on_path.contains(&i.sequence()));
    for node in nodes.iter().filter(|n| uses(n)) {
        let siblings = node.siblings();
        let grads: Vec<Option<Tensor>> = siblings.iter().map(|s| Some(s.ones_like())).collect();
        let forward = Forward { inputs: node.inputs(), outputs: &siblings, grads: &grads };
        if let Vjp::ZeroAlmostEverywhere = node.op().rule().vjp(&forward) {
            let layer = node.origin().path().map(|p| format!(" in layer `{p}`"));
            let line = node.origin().location().map(|l| format!(" at {}:{}", l.file(), l.line()));
            return format!(
                "the path to the loss breaks at `{}`{}{}, whose gradient is zero",
                node.op(),
                layer.unwrap_or_default(),
                line.unwrap_or_default()
            );
        }
    }
    "its gradient is zero on every path to the loss".to_string()
}
