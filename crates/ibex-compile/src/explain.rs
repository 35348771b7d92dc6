//! Programs as text: what `ibex explain-plan` prints.
//!
//! One line per step: what it computes, over which shape, how many bytes it reads and writes, and
//! the layer it comes from, and what it costs if it is run a second time; then the arena against
//! what it could be, variables and constants.

use std::fmt::{self, Display, Write};

use ibex_graph::ops::reduce::Reduction;

use crate::flops;
use crate::lower::unit::{Pointwise, UnitKind};
use crate::program::{InstructionKind, Operand, Place, Program, Region, Step, Work};

impl Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>5}  {:<10} {:>10} {:>10}  what", "step", "kind", "reads", "writes")?;
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{index:>5}  {step}")?;
        }
        writeln!(f)?;
        self.memory(f)?;
        let variables = self.variables.iter().map(|v| v.ty().bytes()).sum();
        writeln!(f, "variables   {} in {}", Bytes(variables), self.variables.len())?;
        let constants = self.constants.iter().map(|c| c.bytes().len()).sum();
        writeln!(f, "constants   {} in {}", Bytes(constants), self.constants.len())?;
        let arguments: Vec<String> =
            self.inputs.iter().map(|a| format!("{}: {}", a.name, a.ty)).collect();
        writeln!(f, "inputs      {}", arguments.join(", "))?;
        let results: Vec<String> = self.outputs.iter().map(ToString::to_string).collect();
        write!(f, "outputs     {}", results.join(", "))
    }
}

impl Program {
    /// The arena against what it could be, and what it would be without recomputation.
    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (arena, least) = (self.arena_bytes, self.memory.lower_bound);
        writeln!(
            f,
            "arena       {}, {:.3} of the {} that live at once; {} of intermediate values",
            Bytes(arena),
            arena.max(1) as f64 / least.max(1) as f64,
            Bytes(least),
            Bytes(self.memory.values)
        )?;
        let Some(budget) = self.memory.budget else { return Ok(()) };
        let again: Vec<u64> = self.steps.iter().filter_map(|step| step.recomputed).collect();
        let flops = again.iter().copied().fold(0, u64::saturating_add);
        writeln!(
            f,
            "budget      {}; without it the arena has {}; {} steps are recomputed, {}",
            Bytes(budget.bytes),
            Bytes(budget.unbounded),
            again.len(),
            Flops(flops)
        )
    }
}

impl Step {
    /// What kind of work it is, in one word: `kernel`, `product`, `map`, `reduce` or `copy`.
    pub fn kind(&self) -> &'static str {
        match &self.work {
            Work::Elementwise(region) if region.reduced_axes > 0 => "reduce",
            Work::Elementwise(region) if is_copy(region) => "copy",
            Work::Elementwise(_) => "map",
            Work::Op(_) => "kernel",
            Work::Product(_) => "product",
        }
    }

    /// How many bytes it reads and writes at least, each element once.
    pub fn traffic(&self) -> (usize, usize) {
        let bytes = |operands: &[Operand]| operands.iter().map(distinct_bytes).sum();
        (bytes(&self.inputs), bytes(&self.outputs))
    }

    /// The multiplications and additions of a matrix product or convolution; `None` for others.
    pub fn flops(&self) -> Option<u64> {
        let op = match &self.work {
            Work::Op(op) => op,
            Work::Product(product) => &product.op,
            Work::Elementwise(_) => return None,
        };
        let shapes =
            |operands: &'_ [Operand]| operands.iter().map(|o| o.shape.clone()).collect::<Vec<_>>();
        flops::of_product(op, &shapes(&self.inputs), &shapes(&self.outputs))
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (read, written) = self.traffic();
        let (read, written) = (Bytes(read).to_string(), Bytes(written).to_string());
        write!(f, "{:<10} {read:>10} {written:>10}  {}", self.kind(), self.work)?;
        match &self.work {
            Work::Elementwise(_) => write!(f, " -> {}", list(&self.outputs))?,
            Work::Op(_) | Work::Product(_) => {
                write!(f, "({}) -> {}", list(&self.inputs), list(&self.outputs))?;
            }
        }
        if let Some(path) = self.origin.path() {
            write!(f, "  # {path}")?;
        }
        match self.recomputed {
            Some(flops) => write!(f, "  (recomputed, {})", Flops(flops)),
            None => Ok(()),
        }
    }
}

impl Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Work::Elementwise(region) => region.fmt(f),
            Work::Op(op) => op.fmt(f),
            Work::Product(product) => {
                product.op.fmt(f)?;
                if product.bias {
                    f.write_str(" + bias")?;
                }
                match product.activation {
                    Some(function) => write!(f, ", {}", ibex_graph::Op::from(function).name()),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Most instructions that a line names.
const NAMED: usize = 12;

impl Display for Region {
    /// The chain of functions over the space, reduced axes marked by `Σ`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions: Vec<String> =
            self.code.iter().filter_map(|i| name(i.kind)).map(str::to_string).collect();
        match functions.len() {
            0 => f.write_str("copy")?,
            count => {
                f.write_str(&functions[..count.min(NAMED)].join(" "))?;
                if count > NAMED {
                    write!(f, " … {count} in all")?;
                }
            }
        }
        for reduction in self.stores.iter().filter_map(|store| store.reduction) {
            write!(f, " {reduction:?}")?;
        }
        f.write_str(" over (")?;
        for (axis, extent) in self.space.iter().enumerate() {
            let reduced = (self.outer_axes..self.outer_axes + self.reduced_axes).contains(&axis);
            let comma = if axis > 0 { ", " } else { "" };
            write!(f, "{comma}{}{extent}", if reduced { "Σ" } else { "" })?;
        }
        f.write_char(')')
    }
}

fn is_copy(region: &Region) -> bool {
    region.code.iter().all(|i| name(i.kind).is_none())
}

/// The name of a function; none for what only brings numbers in.
fn name(kind: InstructionKind) -> Option<&'static str> {
    Some(match kind {
        InstructionKind::Load(_) | InstructionKind::Constant(_) => return None,
        InstructionKind::Unary(f, _) => ibex_graph::op::Rule::name(&f),
        InstructionKind::Binary(f, _, _) => ibex_graph::op::Rule::name(&f),
        InstructionKind::Compare(f, _, _) => ibex_graph::op::Rule::name(&f),
        InstructionKind::Select(..) => "select",
        InstructionKind::Cast(_) => "cast",
        InstructionKind::Iota { .. } => "iota",
        InstructionKind::RandomUniform { .. } => "random",
        InstructionKind::Unpool { .. } => "unpool",
    })
}

/// The name of what a unit computes.
pub(crate) fn name_of(kind: &UnitKind) -> &'static str {
    match kind {
        UnitKind::Op(op) => op.name(),
        UnitKind::Product(product) => product.op.name(),
        UnitKind::Reduce(reduction, _) => match reduction {
            Reduction::Sum => "sum",
            Reduction::Product => "product",
            Reduction::Maximum => "max",
            Reduction::Minimum => "min",
        },
        UnitKind::Pointwise(function) => match function {
            Pointwise::Copy => "copy",
            Pointwise::Unary(f) => ibex_graph::op::Rule::name(f),
            Pointwise::Binary(f) => ibex_graph::op::Rule::name(f),
            Pointwise::Compare(f) => ibex_graph::op::Rule::name(f),
            Pointwise::Select => "select",
            Pointwise::Cast => "cast",
            Pointwise::Iota(..) => "iota",
            Pointwise::Random(_) => "random",
            Pointwise::Unpool(_) => "unpool",
        },
    }
}

/// Bytes of the elements that a view shows, repeated ones once.
fn distinct_bytes(operand: &Operand) -> usize {
    let axes = operand.shape.iter().zip(&operand.strides).filter(|&(_, &s)| s != 0);
    axes.map(|(&d, _)| d).product::<usize>() * operand.dtype.size()
}

fn list(operands: &[Operand]) -> String {
    operands.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Display for Operand {
    /// Place, dtype and shape, and the strides unless they are row-major.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.place, self.dtype, self.shape)?;
        match self.is_contiguous() {
            true => Ok(()),
            false => write!(f, " by {:?}", self.strides),
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Arena(offset) => write!(f, "@{offset}"),
            Place::Input(index) => write!(f, "input {index}"),
            Place::Output(index) => write!(f, "output {index}"),
            Place::Variable(index) => write!(f, "variable {index}"),
            Place::Constant(index) => write!(f, "constant {index}"),
        }
    }
}

/// A number of bytes in the unit that fits.
pub(crate) struct Bytes(pub(crate) usize);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes @ 0..1024 => write!(f, "{bytes} B"),
            bytes if bytes < 1 << 20 => write!(f, "{:.1} KiB", bytes as f64 / 1024.0),
            bytes => write!(f, "{:.2} MiB", bytes as f64 / f64::from(1 << 20)),
        }
    }
}

/// A number of floating-point operations in the unit that fits.
struct Flops(u64);

impl Display for Flops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            flops @ 0..1_000_000 => write!(f, "{:.1} kFLOP", flops as f64 / 1e3),
            flops @ 1_000_000..1_000_000_000 => write!(f, "{:.1} MFLOP", flops as f64 / 1e6),
            flops => write!(f, "{:.2} GFLOP", flops as f64 / 1e9),
        }
    }
}
