//! Algebra: operations that do nothing go, costly ones become cheap ones, and what is repeated is
//! computed before it is repeated.
//!
//! A rule looks at one node, whose inputs are simplified already, and may give another value for
//! it; what it builds goes through the rules again.
//! The rules stand in one table for each kind of operation they apply to, in the file of that
//! name; each has an example, which a test runs.
//!
//! A rule must not lose accuracy: it is exact (the sign of a zero aside), or rounds no more often
//! than before.
//! Hence, deliberately, there is no `x - x = 0` and no `x * 0 = 0` (infinities and NaN), no
//! `(x + a) + b = x + (a + b)` (cancellation), no `x / c = x * (1 / c)` unless `c` is a power of
//! two, and no factor is taken out of a sum (it may have been put there against overflow).
//! A transposed operand of a matrix product stays: products read any strides.

mod binary;
mod broadcast;
mod cast;
mod concatenate;
mod elementwise;
mod examples;
mod pad;
mod reduce;
mod reshape;
mod reverse;
mod scatter_add;
mod select;
mod slice;
mod stop_gradient;
mod transpose;
mod unary;

use ibex_graph::ops::broadcast::Broadcast;
use ibex_graph::ops::leaf::Constant;
use ibex_graph::ops::reshape::Reshape;
use ibex_graph::{Array, DType, Node, Op, Shape, Tensor, Type, ValueId};

use super::Supports;
use super::parts::{Builder, Parts, Placed};

/// One algebraic rule.
pub struct Rule {
    /// Name in snake case.
    pub name: &'static str,
    /// What becomes what, and why nothing is lost.
    pub summary: &'static str,
    /// An expression to which it applies.
    pub example: fn() -> Tensor,
    /// What the expression becomes, in the notation of `expression`.
    pub becomes: &'static str,
    /// The value to use for the node instead, if the rule applies.
    apply: fn(&mut Rewriter<'_>, &Node) -> Option<ValueId>,
}

/// Every rule, grouped by the operation at its root.
pub static RULES: &[&[Rule]] = &[
    unary::RULES,
    binary::RULES,
    select::RULES,
    cast::RULES,
    elementwise::RULES,
    stop_gradient::RULES,
    reshape::RULES,
    transpose::RULES,
    broadcast::RULES,
    reduce::RULES,
    slice::RULES,
    pad::RULES,
    reverse::RULES,
    concatenate::RULES,
    scatter_add::RULES,
];

/// The rules for nodes of an operation.
fn rules(op: &Op) -> &'static [&'static [Rule]] {
    match op {
        Op::Unary(_) => const { &[unary::RULES, elementwise::RULES] },
        Op::Binary(_) => const { &[binary::RULES, elementwise::RULES] },
        Op::Compare(_) => const { &[elementwise::RULES] },
        Op::Select(_) => const { &[select::RULES, elementwise::RULES] },
        Op::Cast(_) => const { &[cast::RULES, elementwise::RULES] },
        Op::StopGradient(_) => const { &[stop_gradient::RULES] },
        Op::Reshape(_) => const { &[reshape::RULES] },
        Op::Transpose(_) => const { &[transpose::RULES] },
        Op::Broadcast(_) => const { &[broadcast::RULES] },
        Op::Reduce(_) => const { &[reduce::RULES] },
        Op::Slice(_) => const { &[slice::RULES] },
        Op::Pad(_) => const { &[pad::RULES] },
        Op::Reverse(_) => const { &[reverse::RULES] },
        Op::Concatenate(_) => const { &[concatenate::RULES] },
        Op::ScatterAdd(_) => const { &[scatter_add::RULES] },
        Op::Softplus(_) => const { &[elementwise::RULES] },
        _ => &[],
    }
}

/// How many rules may follow from one another at a node; it only guards against two that undo
/// each other.
const MAX_DEPTH: usize = 32;

/// Applies the rules to every node; counts the applications.
pub(super) fn run(parts: &mut Parts, _: &Supports<'_>) -> usize {
    let mut applied = 0;
    parts.rebuild(|builder, node| {
        let mut rewriter = Rewriter { builder, applied: 0, depth: 0 };
        let value = rewriter.place(node);
        applied += rewriter.applied;
        Placed::At(value)
    });
    applied
}

/// What a rule builds with: every node it makes is simplified in turn.
struct Rewriter<'a> {
    builder: &'a mut Builder,
    applied: usize,
    depth: usize,
}

impl std::ops::Deref for Rewriter<'_> {
    type Target = Builder;

    fn deref(&self) -> &Builder {
        self.builder
    }
}

impl Rewriter<'_> {
    /// Appends the node, or what the first rule that applies makes of it.
    fn place(&mut self, node: Node) -> ValueId {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            let simpler = rules(&node.op)
                .iter()
                .flat_map(|rules| rules.iter())
                .find_map(|rule| (rule.apply)(self, &node));
            self.depth -= 1;
            if let Some(value) = simpler {
                debug_assert_eq!(*self.ty(value), node.types[0], "in place of {}", node.op);
                self.applied += 1;
                return value;
            }
        }
        self.builder.push(node)
    }

    /// Applies an operation; the new node comes from where `source` does.
    fn apply(&mut self, source: &Node, op: impl Into<Op>, inputs: &[ValueId]) -> Option<ValueId> {
        let node = self.builder.infer(op.into(), inputs, &source.origin)?;
        Some(self.place(node))
    }

    /// `number` in every element of `ty`.
    fn full(&mut self, source: &Node, ty: &Type, number: f64) -> Option<ValueId> {
        let value = Array::full(ty.dtype, Shape::scalar(), number);
        let scalar = self.apply(source, Constant::new(value), &[])?;
        self.broadcast(source, scalar, &ty.shape)
    }

    /// The value repeated to `shape`, itself if it has that shape.
    fn broadcast(&mut self, source: &Node, value: ValueId, shape: &Shape) -> Option<ValueId> {
        match self.shape(value) == shape {
            true => Some(value),
            false => self.apply(source, Broadcast { shape: shape.clone() }, &[value]),
        }
    }

    /// The value in another shape of its size, itself if it has that shape.
    fn reshape(&mut self, source: &Node, value: ValueId, shape: &Shape) -> Option<ValueId> {
        match self.shape(value) == shape {
            true => Some(value),
            false => self.apply(source, Reshape { shape: shape.clone() }, &[value]),
        }
    }
}

/// Whether `dtype` holds the number exactly.
fn holds(dtype: DType, number: f64) -> bool {
    let exact = Array::full(dtype, Shape::scalar(), number).to_f64_vec() == [number];
    // Beyond 2^53 the number itself was rounded before it came here.
    exact && (dtype.is_float() || number.abs() < (1u64 << f64::MANTISSA_DIGITS) as f64)
}

/// The only output of a graph as a nested call: `add(x, 1)`; shapes stand where they change.
#[cfg(test)]
fn expression(graph: &ibex_graph::Graph) -> String {
    fn text(graph: &ibex_graph::Graph, value: ValueId) -> String {
        let node = graph.node(value.node);
        if let Op::Input(_) | Op::Constant(_) = node.op {
            return node.op.rule().attributes();
        }
        let inputs: Vec<String> = node.inputs.iter().map(|&v| text(graph, v)).collect();
        format!("{}({})", node.op, inputs.join(", "))
    }
    text(graph, graph.outputs()[0])
}

#[cfg(test)]
mod tests {
    use ibex_graph::Graph;

    use super::*;
    use crate::passes::testing::check_same;
    use crate::passes::{PASSES, Supports};

    fn graph_of(tensor: &Tensor) -> Graph {
        let reachable = ibex_graph::tensor::reachable(std::slice::from_ref(tensor));
        let inputs: Vec<Tensor> =
            reachable.into_iter().filter(|t| matches!(t.op(), Op::Input(_))).collect();
        Graph::new(&inputs, std::slice::from_ref(tensor), &[]).expect("a sound example")
    }

    #[test]
    fn every_example_becomes_what_its_rule_says() {
        let lacks: &Supports<'_> = &|_, _| false;
        let mut wrong = Vec::new();
        for rule in RULES.iter().flat_map(|rules| rules.iter()) {
            let before = graph_of(&(rule.example)());
            let mut parts = Parts::from(&before);
            for name in ["simplify", "constant_folding", "dead_code"] {
                let pass = PASSES.iter().find(|pass| pass.name == name).expect("a pass");
                (pass.run)(&mut parts, lacks);
                parts.check(rule.name);
            }
            let after = parts.into_graph();
            let becomes = expression(&after);
            if becomes != rule.becomes {
                wrong.push(format!("{}: {becomes:?}", rule.name));
            }
            assert_ne!(expression(&before), becomes, "{} does nothing", rule.name);
            check_same(&before, &after);
        }
        assert!(wrong.is_empty(), "these became something else:\n{}", wrong.join("\n"));
    }

    #[test]
    fn every_rule_applies_to_its_own_example() {
        for rule in RULES.iter().flat_map(|rules| rules.iter()) {
            let mut applied = false;
            Parts::from(&graph_of(&(rule.example)())).rebuild(|builder, node| {
                let mut rewriter = Rewriter { builder, applied: 0, depth: 0 };
                let tables = rules(&node.op).iter().flat_map(|rules| rules.iter());
                for own in tables.filter(|own| own.name == rule.name) {
                    applied |= (own.apply)(&mut rewriter, &node).is_some();
                }
                Placed::At(rewriter.place(node))
            });
            assert!(applied, "`{}` does not apply to its own example", rule.name);
        }
    }

    /// Tempting, and wrong for infinities, NaN, cancelling numbers, or the last bit.
    #[test]
    fn what_would_lose_accuracy_stays() {
        let x = examples::x;
        let same = x();
        let number = |value| Tensor::scalar(DType::F32, value);
        let small = |t: Tensor| t.cast(DType::F16) * 3.0 * 0.1;
        let long = Tensor::input("n", DType::I64, [2]);
        let int = Tensor::input("n", DType::I32, [2]);
        let tempting = [
            (&same - &same, "subtract(x, x)"),
            (&same / &same, "divide(x, x)"),
            (x() * 0.0, "multiply(x, broadcast[(2, 3)](0))"),
            (
                x() + 1e9 - 1e9,
                "subtract(add(x, broadcast[(2, 3)](1000000000)), \
                                broadcast[(2, 3)](1000000000))",
            ),
            (x() / 3.0, "divide(x, broadcast[(2, 3)](3))"),
            (x().cast(DType::F64) / 3.0, "divide(cast[float64](x), broadcast[(2, 3)](3))"),
            (x() / 0.0, "divide(x, broadcast[(2, 3)](0))"),
            (
                x() * 1e20 * 1e20,
                "multiply(multiply(x, broadcast[(2, 3)](100000002004087734272)), \
                                  broadcast[(2, 3)](100000002004087734272))",
            ),
            (x().power(&number(0.5)), "power(x, broadcast[(2, 3)](0.5))"),
            (x().power(&number(3.0)), "power(x, broadcast[(2, 3)](3))"),
            (x().less(&same).logical_not(), "logical_not(less(x, x))"),
            (x().cast(DType::F16).cast(DType::F32), "cast[float32](cast[float16](x))"),
            (long.cast(DType::F64).cast(DType::I64), "cast[int64](cast[float64](n))"),
            (int.cast(DType::F64).cast(DType::U8), "cast[uint8](cast[float64](n))"),
            (
                small(x()),
                "multiply(multiply(cast[float16](x), broadcast[(2, 3)](3)), \
                          broadcast[(2, 3)](0.099976))",
            ),
            ((x() * 0.5).sum_all(), "sum[[0, 1]](multiply(x, broadcast[(2, 3)](0.5)))"),
            (
                examples::row().broadcast_to([0, 3]).sum(&[0], false),
                "sum[[0]](broadcast[(0, 3)](row))",
            ),
            (x().exp().log(), "log(exp(x))"),
            (x().sum(&[1], false).sum_all(), "sum[[0]](sum[[1]](x))"),
        ];
        for (tensor, stays) in tempting {
            let after = crate::passes::optimise(graph_of(&tensor), &|_, _| true);
            assert_eq!(expression(&after), stays);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = RULES.iter().flat_map(|r| r.iter()).map(|r| r.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
