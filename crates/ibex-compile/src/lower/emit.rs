//! Groups become steps: operands with places, loops with as few axes as their strides allow.
//!
//! Must not know: kernels.

use std::collections::HashMap;

use ibex_graph::{DType, Origin};

use super::unit::{Lowered, Pointwise, Source, Unit, UnitKind};
use super::view::{Root, View, parts, row_major};
use crate::fuse::Group;
use crate::plan::Plan;
use crate::program::{
    Instruction, InstructionKind, Operand, Place, Program, Region, Register, Step, Store, Work,
};

/// The program of ordered and placed groups.
pub(crate) fn emit(lowered: Lowered, order: &[Group], plan: &Plan) -> Program {
    let steps = order.iter().filter_map(|group| step(&lowered, group, plan)).collect();
    Program {
        inputs: lowered.inputs,
        outputs: lowered.outputs,
        variables: lowered.variables,
        constants: lowered.constants,
        arena_bytes: plan.arena_bytes,
        steps,
        memory: plan.memory,
    }
}

/// The step of a group; none if there is nothing to write.
fn step(lowered: &Lowered, group: &Group, plan: &Plan) -> Option<Step> {
    let unit = &lowered.units[group.units[0]];
    let (origin, recomputed) = (unit.origin.clone(), group.recomputed);
    if let UnitKind::Op(op) = &unit.kind {
        let inputs = unit.inputs.iter().filter_map(|source| operand(source, plan)).collect();
        let outputs = unit.outputs.iter().filter_map(|&v| whole(lowered, v, plan)).collect();
        let work = Work::Op(op.clone());
        return Some(Step { work, inputs, outputs, origin, recomputed });
    }
    if let UnitKind::Product(product) = &unit.kind {
        let inputs = unit.inputs.iter().filter_map(|source| operand(source, plan)).collect();
        let output = unit.outputs.first().and_then(|&v| whole(lowered, v, plan));
        // The activation may have seen the result under another shape.
        let strides = row_major(&unit.shape);
        let shaped = output.map(|o| Operand { shape: unit.shape.clone(), strides, ..o });
        let outputs = shaped.into_iter().collect();
        let work = Work::Product(product.clone());
        return Some(Step { work, inputs, outputs, origin, recomputed });
    }
    let mut builder = Builder::new(lowered, group, plan);
    for &index in &group.units {
        builder.unit(index);
    }
    let origin = builder.origin.take().unwrap_or(origin);
    let empty = builder.outputs.iter().all(|(operand, _)| operand.size() == 0);
    (!empty).then(|| builder.finish(origin))
}

fn place(root: Root, plan: &Plan) -> Option<Place> {
    match root {
        Root::Value(value) => plan.places[value],
        Root::Input(index) => Some(Place::Input(index)),
        Root::Variable(index) => Some(Place::Variable(index)),
        Root::Constant(index) => Some(Place::Constant(index)),
    }
}

fn operand(source: &Source, plan: &Plan) -> Option<Operand> {
    let view = source.view()?;
    Some(Operand {
        place: place(view.root, plan)?,
        dtype: source.dtype(),
        shape: view.shape.clone(),
        strides: view.strides.clone(),
        offset: view.offset,
    })
}

fn whole(lowered: &Lowered, value: usize, plan: &Plan) -> Option<Operand> {
    let ty = &lowered.values[value].ty;
    let strides = row_major(&ty.shape);
    let place = plan.places[value]?;
    Some(Operand { place, dtype: ty.dtype, shape: ty.shape.to_vec(), strides, offset: 0 })
}

/// The strides of a view over a space that splits its shape.
fn spread(view: &View, space: &[usize]) -> Vec<isize> {
    if view.shape.contains(&0) {
        return vec![0; space.len()];
    }
    let axes = parts(space, &view.shape);
    let mut strides = vec![0; space.len()];
    let mut inner = 1;
    for at in (0..space.len()).rev() {
        if at + 1 < space.len() && axes[at + 1] != axes[at] {
            inner = 1;
        }
        strides[at] = view.strides[axes[at]] * inner;
        inner *= space[at] as isize;
    }
    strides
}

/// Collects the instructions of one group.
struct Builder<'a> {
    lowered: &'a Lowered,
    group: &'a Group,
    plan: &'a Plan,
    code: Vec<Instruction>,
    stores: Vec<Store>,
    inputs: Vec<Operand>,
    /// With whether it has the shape of the space (or of its kept axes).
    outputs: Vec<(Operand, bool)>,
    /// Inputs that have their own shape.
    parameters: Vec<usize>,
    of_value: HashMap<usize, Register>,
    origin: Option<Origin>,
}

impl<'a> Builder<'a> {
    fn new(lowered: &'a Lowered, group: &'a Group, plan: &'a Plan) -> Builder<'a> {
        Builder {
            lowered,
            group,
            plan,
            code: Vec::new(),
            stores: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            parameters: Vec::new(),
            of_value: HashMap::new(),
            origin: None,
        }
    }

    fn define(&mut self, dtype: DType, kind: InstructionKind) -> Register {
        let instruction = Instruction { dtype, kind };
        match self.code.iter().position(|known| same(known, &instruction)) {
            Some(register) => register,
            None => {
                self.code.push(instruction);
                self.code.len() - 1
            }
        }
    }

    /// The register that holds a source.
    fn register(&mut self, source: &Source) -> Option<Register> {
        if let Some(register) = source.value().and_then(|value| self.of_value.get(&value)) {
            return Some(*register);
        }
        let view = match source {
            Source::View(_, view) => view,
            Source::Splat(dtype, _, number) => {
                return Some(self.define(*dtype, InstructionKind::Constant(*number)));
            }
        };
        let space = self.group.space.clone();
        let strides = spread(view, &space);
        let (place, dtype) = (place(view.root, self.plan)?, source.dtype());
        let input =
            self.input(Operand { place, dtype, shape: space, strides, offset: view.offset });
        Some(self.define(dtype, InstructionKind::Load(input)))
    }

    fn input(&mut self, operand: Operand) -> usize {
        match self.inputs.iter().position(|known| *known == operand) {
            Some(index) => index,
            None => {
                self.inputs.push(operand);
                self.inputs.len() - 1
            }
        }
    }

    /// The input that an instruction reads as a whole.
    fn parameter(&mut self, source: &Source) -> Option<usize> {
        let input = self.input(operand(source, self.plan)?);
        self.parameters.push(input);
        Some(input)
    }

    fn unit(&mut self, index: usize) -> Option<()> {
        let unit: &Unit = &self.lowered.units[index];
        let value = *unit.outputs.first()?;
        let dtype = self.lowered.values[value].ty.dtype;
        let mut read = [0; 3];
        for (read, source) in read.iter_mut().zip(&unit.inputs) {
            *read = match unit.has_parameters() {
                true => self.parameter(source)?,
                false => self.register(source)?,
            };
        }
        let [a, b, c] = read;
        let kind = match &unit.kind {
            UnitKind::Pointwise(function) => match function {
                Pointwise::Copy => {
                    self.of_value.insert(value, a);
                    return self.store(value, a, unit);
                }
                Pointwise::Unary(f) => InstructionKind::Unary(*f, a),
                Pointwise::Binary(f) => InstructionKind::Binary(*f, a, b),
                Pointwise::Compare(f) => InstructionKind::Compare(*f, a, b),
                Pointwise::Select => InstructionKind::Select(a, b, c),
                Pointwise::Cast => InstructionKind::Cast(a),
                Pointwise::Iota(inner, extent) => {
                    InstructionKind::Iota { inner: *inner, extent: *extent }
                }
                Pointwise::Random(stream) => {
                    InstructionKind::RandomUniform { state: a, stream: *stream }
                }
                Pointwise::Unpool(unpool) => {
                    InstructionKind::Unpool { gradients: a, places: b, unpool: *unpool }
                }
            },
            UnitKind::Reduce(..) => return self.store(value, a, unit),
            UnitKind::Op(_) | UnitKind::Product(_) => return None,
        };
        let register = self.define(dtype, kind);
        self.of_value.insert(value, register);
        self.store(value, register, unit)
    }

    /// Stores the value of a unit if it has a place.
    fn store(&mut self, value: usize, register: Register, unit: &Unit) -> Option<()> {
        let mut operand = whole(self.lowered, value, self.plan)?;
        // Along axes of extent 1 only, or none, there is nothing to reduce.
        let reduces = self.group.reduced.as_ref().is_some_and(|axes| axes.contains(&true));
        let reduction = match &unit.kind {
            UnitKind::Reduce(reduction, _) if reduces => Some(*reduction),
            _ => None,
        };
        if reduction.is_none() {
            operand.strides = row_major(&self.group.space);
            operand.shape = self.group.space.clone();
        }
        self.stores.push(Store { register, output: self.outputs.len(), reduction });
        self.outputs.push((operand, reduction.is_none()));
        self.origin = Some(unit.origin.clone());
        Some(())
    }

    fn finish(self, origin: Origin) -> Step {
        let Builder { group, mut inputs, outputs, parameters, mut code, stores, .. } = self;
        let spread: Vec<bool> = (0..inputs.len()).map(|i| !parameters.contains(&i)).collect();
        let (mut outputs, full): (Vec<Operand>, Vec<bool>) = outputs.into_iter().unzip();
        let loops = loops(group);
        let mut views: Vec<&mut Operand> = inputs
            .iter_mut()
            .zip(&spread)
            .filter(|(_, s)| **s)
            .map(|(operand, _)| operand)
            .collect();
        views.extend(outputs.iter_mut().zip(&full).filter(|(_, f)| **f).map(|(o, _)| o));
        let region = shape_loops(&mut views, group, loops);
        for (operand, _) in outputs.iter_mut().zip(&full).filter(|(_, full)| !**full) {
            flatten_kept(operand, &region);
        }
        code.shrink_to_fit();
        let region = Region { code, stores, ..region };
        let recomputed = group.recomputed;
        Step { work: Work::Elementwise(region), inputs, outputs, origin, recomputed }
    }
}

fn same(a: &Instruction, b: &Instruction) -> bool {
    match (a.kind, b.kind) {
        (InstructionKind::Constant(x), InstructionKind::Constant(y)) => {
            a.dtype == b.dtype && x.to_bits() == y.to_bits()
        }
        _ => a == b,
    }
}

/// The axes of the space in the order of the loop, and how many are kept outside and reduced.
fn loops(group: &Group) -> (Vec<usize>, usize, usize) {
    let rank = group.space.len();
    let Some(reduced) = group.reduced.as_ref().filter(|r| r.contains(&true)) else {
        return ((0..rank).collect(), rank, 0);
    };
    let last = reduced.iter().rposition(|&r| r).map_or(0, |at| at + 1);
    let outer: Vec<usize> = (0..last).filter(|&axis| !reduced[axis]).collect();
    let inner: Vec<usize> = (0..last).filter(|&axis| reduced[axis]).collect();
    let counts = (outer.len(), inner.len());
    let axes = outer.into_iter().chain(inner).chain(last..rank).collect();
    (axes, counts.0, counts.1)
}

/// Permutes the operands to the order of the loop and merges axes that are walked as one.
fn shape_loops(
    operands: &mut [&mut Operand],
    group: &Group,
    (axes, outer, reduced): (Vec<usize>, usize, usize),
) -> Region {
    let class = |at: usize| usize::from(at >= outer) + usize::from(at >= outer + reduced);
    let space: Vec<usize> = axes.iter().map(|&a| group.space[a]).collect();
    let mut strides: Vec<Vec<isize>> =
        operands.iter().map(|o| axes.iter().map(|&a| o.strides[a]).collect()).collect();
    let mut kept: Vec<usize> = Vec::new();
    let mut extents: Vec<usize> = Vec::new();
    for at in 0..space.len() {
        let merges = kept.last().is_some_and(|&before| {
            class(before) == class(at)
                && strides.iter().all(|s| s[at - 1] == s[at] * space[at] as isize)
        });
        if merges {
            let extent = extents.pop().unwrap_or(1);
            kept.pop();
            extents.push(extent * space[at]);
        } else {
            extents.push(space[at]);
        }
        kept.push(at);
    }
    for (operand, strides) in operands.iter_mut().zip(&mut strides) {
        operand.strides = kept.iter().map(|&at| strides[at]).collect();
        operand.shape = extents.clone();
    }
    let count = |wanted| kept.iter().filter(|&&at| class(at) == wanted).count();
    Region {
        outer_axes: count(0),
        reduced_axes: count(1),
        space: extents,
        code: Vec::new(),
        stores: Vec::new(),
    }
}

/// Gives a reduced output, which is contiguous, the kept axes of the region.
fn flatten_kept(operand: &mut Operand, region: &Region) {
    let inner = region.outer_axes + region.reduced_axes;
    let kept = region.space[..region.outer_axes].iter().chain(&region.space[inner..]);
    operand.shape = kept.copied().collect();
    operand.strides = row_major(&operand.shape);
}
