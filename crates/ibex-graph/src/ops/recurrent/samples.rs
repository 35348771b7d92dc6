//! The rows of the two operations in the table: cases and mistakes.

use super::{Activation, Cell, Extents, Input, Recurrence, Recurrent, RecurrentGradient};
use crate::interpreter::Values;
use crate::op::{BadSample, Described, Info, Kind, Sample};
use crate::{DType, Type};

/// One recurrence and its sizes.
struct Case {
    label: &'static str,
    recurrence: Recurrence,
    extents: Extents,
    /// Whether the forward operation saves, and the gradient is one of the whole sequence.
    saves: bool,
}

fn cases() -> Vec<Case> {
    use Activation::{HardSigmoid, Linear, Relu, Sigmoid, Tanh};
    use Cell::{Lstm, Simple};
    let case =
        |label, cell, [activation, recurrent_activation]: [Activation; 2], sizes: [usize; 3]| {
            let [time, batch, units] = sizes;
            let recurrence = Recurrence::new(cell, activation, recurrent_activation);
            let features = cell.gates() * units;
            let extents = Extents { time, batch, units, features };
            Case { label, recurrence, extents, saves: false }
        };
    let of = |features, bias, case: Case| Case {
        recurrence: Recurrence { input: Input::Features { bias }, ..case.recurrence },
        extents: Extents { features, ..case.extents },
        ..case
    };
    let masked =
        |case: Case| Case { recurrence: Recurrence { masked: true, ..case.recurrence }, ..case };
    let reversed =
        |case: Case| Case { recurrence: Recurrence { reverse: true, ..case.recurrence }, ..case };
    let saving = |case: Case| Case { saves: true, ..case };
    let after = Cell::Gru { reset_after: true };
    let before = Cell::Gru { reset_after: false };
    let usual = [Tanh, Sigmoid];
    vec![
        case("simple", Simple, usual, [3, 2, 3]),
        masked(reversed(case("simple, masked", Simple, [Relu, Linear], [4, 3, 2]))),
        saving(case("simple, linear, one step", Simple, [Linear, Linear], [1, 2, 1])),
        case("simple, many units", Simple, usual, [2, 17, 21]),
        case("lstm", Lstm, usual, [3, 2, 2]),
        saving(masked(case("lstm, masked", Lstm, usual, [4, 3, 2]))),
        reversed(masked(case("lstm, masked backwards", Lstm, usual, [4, 3, 1]))),
        saving(reversed(case("lstm, backwards", Lstm, [Relu, HardSigmoid], [3, 2, 2]))),
        saving(case("lstm, many units", Lstm, usual, [2, 17, 19])),
        case("lstm, linear", Lstm, [Linear, Tanh], [2, 1, 33]),
        saving(case("lstm, no rows", Lstm, usual, [2, 0, 3])),
        case("gru", after, usual, [3, 2, 2]),
        saving(masked(reversed(case("gru, masked backwards", after, usual, [4, 3, 2])))),
        case("gru, hard", after, [Tanh, HardSigmoid], [2, 3, 5]),
        saving(case("gru, many units", after, usual, [2, 18, 17])),
        case("gru, reset before", before, usual, [3, 2, 2]),
        saving(masked(case("gru, reset before, masked", before, [Relu, Sigmoid], [4, 3, 2]))),
        masked(reversed(case("gru, reset before, backwards", before, usual, [3, 2, 3]))),
        saving(case("gru, reset before, many units", before, usual, [2, 19, 18])),
        of(4, true, case("simple, features", Simple, [Relu, Linear], [3, 2, 3])),
        of(3, false, saving(masked(case("lstm, features, no bias", Lstm, usual, [4, 3, 2])))),
        of(5, true, saving(reversed(case("lstm, features", Lstm, usual, [3, 17, 19])))),
        of(1, true, saving(masked(reversed(case("gru, features", after, usual, [4, 3, 2]))))),
        of(9, true, masked(case("gru, reset before, features", before, usual, [3, 4, 3]))),
        of(2, true, saving(case("lstm, features, no rows", Lstm, usual, [2, 0, 3]))),
    ]
}

/// Values of a type: a mask, or numbers whose recurrence stays where it bends.
fn value(ty: &Type, salt: u64) -> Values {
    match ty.dtype {
        DType::Bool => Values::integers(DType::Bool, &ty.shape, 0, 2, salt),
        _ if ty.shape.rank() == 2 => {
            // Kernels and states: products of many units stay small.
            let limit = 1.5 / (ty.shape[0].max(3) as f64).sqrt();
            Values::uniform(&ty.shape, -limit, limit, salt)
        }
        _ => Values::uniform(&ty.shape, -1.2, 1.2, salt),
    }
}

fn types(forward: bool, case: &Case) -> Vec<Type> {
    let Case { recurrence, extents, saves, .. } = *case;
    let roles = match forward {
        true => Recurrent { recurrence, saves }.roles(&extents, DType::F32),
        false => gradient_of(case).roles(&extents, DType::F32),
    };
    roles.into_iter().map(|(_, ty)| ty).collect()
}

/// The gradient, of the input as well wherever it is that of the whole sequence.
fn gradient_of(case: &Case) -> RecurrentGradient {
    let Case { recurrence, saves, .. } = *case;
    let projection = recurrence.input == Input::Projection;
    RecurrentGradient { recurrence, sequence: saves, input: saves || projection }
}

fn forward_sample(case: Case) -> Sample {
    let inputs = types(true, &case).iter().zip(1..).map(|(ty, salt)| value(ty, salt)).collect();
    Sample::new(case.label, Recurrent { recurrence: case.recurrence, saves: case.saves }, inputs)
}

/// What went before stands for itself: a gradient is a function of everything it is given.
fn gradient_sample(case: Case) -> Sample {
    let op = gradient_of(&case);
    let given = if case.recurrence.input == Input::Projection { 0 } else { 2 };
    let saved = given + 2 + case.recurrence.cell.states();
    let types = types(false, &case);
    let input = |(index, ty): (usize, &Type)| match index == saved
        && !case.recurrence.cell.saved().is_empty()
    {
        // Gates lie between 0 and 1, where the slope of each activation is smooth.
        true => Values::uniform(&ty.shape, 0.1, 0.9, index as u64),
        false => value(ty, index as u64),
    };
    Sample::new(case.label, op, types.iter().enumerate().map(input).collect())
}

fn lstm() -> Recurrence {
    Recurrence::new(Cell::Lstm, Activation::Tanh, Activation::Sigmoid)
}

fn float(shape: &[usize]) -> Type {
    Type::new(DType::F32, shape)
}

fn forward_errors() -> Vec<BadSample> {
    let op = || Recurrent { recurrence: lstm(), saves: true };
    let masked = Recurrent { recurrence: Recurrence { masked: true, ..lstm() }, saves: false };
    let state = || float(&[2, 3]);
    let kernel = || float(&[3, 12]);
    let (integers, row) = (Type::new(DType::I32, [4, 2]), float(&[4, 2, 12]));
    vec![
        BadSample::new(
            op(),
            &[row.clone(), kernel(), state()],
            "`recurrent` takes 4 inputs\n  expected  4\n  received  3",
        ),
        BadSample::new(
            op(),
            &[float(&[0, 2, 12]), kernel(), state(), state()],
            "`recurrent` needs a sequence and a recurrent kernel\n  expected  (time, batch, …) and \
             (units, …) of one floating-point dtype, with at least one time step and one unit\n  \
             received  float32 (0, 2, 12) and float32 (3, 12)",
        ),
        BadSample::new(
            op(),
            &[float(&[4, 2, 9]), kernel(), state(), state()],
            "the projection of `recurrent` does not fit\n  expected  float32 (4, 2, 12)\n  \
             received  float32 (4, 2, 9)",
        ),
        BadSample::new(
            op(),
            &[row.clone(), kernel(), state(), float(&[2, 4])],
            "the initial cell state of `recurrent` does not fit\n  expected  float32 (2, 3)\n  \
             received  float32 (2, 4)",
        ),
        BadSample::new(
            masked,
            &[row, kernel(), state(), state(), integers],
            "the mask of `recurrent` does not fit\n  expected  bool (4, 2)\n  received  int32 \
             (4, 2)",
        ),
    ]
}

fn gradient_errors() -> Vec<BadSample> {
    let recurrence = lstm();
    let op = RecurrentGradient { recurrence, sequence: false, input: true };
    let extents = Extents { time: 4, batch: 2, units: 3, features: 12 };
    let mut types: Vec<Type> =
        op.roles(&extents, DType::F32).into_iter().map(|(_, ty)| ty).collect();
    types[4] = float(&[4, 2, 9]);
    vec![BadSample::new(
        op,
        &types,
        "the record of gates of `recurrent_gradient` does not fit\n  expected  float32 (4, 2, 12)\n\
         \x20 received  float32 (4, 2, 9)",
    )]
}

impl Described for Recurrent {
    const INFO: Info = Info {
        name: "recurrent",
        kind: Kind::Library,
        summary: "a sequence through a simple, LSTM or GRU cell",
        samples: || cases().into_iter().map(forward_sample).collect(),
        errors: forward_errors,
    };
}

impl Described for RecurrentGradient {
    const INFO: Info = Info {
        name: "recurrent_gradient",
        kind: Kind::Library,
        summary: "the gradients of a recurrence through time",
        samples: || cases().into_iter().map(gradient_sample).collect(),
        errors: gradient_errors,
    };
}
