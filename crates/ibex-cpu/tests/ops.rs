//! Every operation × sample × dtype × layout on the processor, against the interpreter, and with
//! one, two and three threads bit for bit.

use ibex_compile::Device;
use ibex_graph::interpreter::{self, Values};
use ibex_graph::op::{Kind, OPS, Sample};
use ibex_graph::{Array, DType, Graph, Tensor, Type};

/// How an operand reaches the operation: what the graph does to an argument to give the sample's
/// values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Layout {
    /// As it is.
    Contiguous,
    /// The argument has its axes in the opposite order.
    Transposed,
    /// The argument has more elements around those that are wanted.
    Sliced,
    /// The argument has the opposite order along every axis.
    Reversed,
    /// The argument has extent 1 along the first axis, whose elements are all alike.
    Broadcast,
}

const LAYOUTS: [Layout; 5] =
    [Layout::Contiguous, Layout::Transposed, Layout::Sliced, Layout::Reversed, Layout::Broadcast];

/// An argument and the tensor with the sample's type that the graph makes of it.
fn argument(values: &Values, layout: Layout) -> (Tensor, Array, Tensor) {
    let array = values.to_array();
    let shape = array.shape().to_vec();
    let input = |array: &Array| Tensor::input("x", array.dtype(), array.shape());
    let rank = shape.len();
    let reversed: Vec<usize> = (0..rank).rev().collect();
    match layout {
        Layout::Transposed => {
            let stored = rearranged(&array, |x| x.transpose(&reversed));
            let x = input(&stored);
            (x.clone(), stored, x.transpose(&reversed))
        }
        Layout::Sliced => {
            let widths = vec![(1, 2); rank];
            let stored = rearranged(&array, |x| x.pad(&widths, 1.0));
            let x = input(&stored);
            let stop: Vec<usize> = shape.iter().map(|d| d + 1).collect();
            (x.clone(), stored, x.strided_slice(&vec![1; rank], &stop, &vec![1; rank]))
        }
        Layout::Reversed => {
            let axes: Vec<usize> = (0..rank).collect();
            let stored = rearranged(&array, |x| x.flip(&axes));
            let x = input(&stored);
            (x.clone(), stored, x.flip(&axes))
        }
        Layout::Broadcast if rank > 0 && shape[0] > 0 => {
            let stored = rearranged(&array, |x| x.slice_axis(0, 0..1));
            let x = input(&stored);
            (x.clone(), stored, x.broadcast_to(shape))
        }
        Layout::Contiguous | Layout::Broadcast => {
            let x = input(&array);
            (x.clone(), array, x)
        }
    }
}

fn rearranged(array: &Array, f: impl FnOnce(&Tensor) -> Tensor) -> Array {
    interpreter::evaluate(&f(&Tensor::constant(array.clone()))).unwrap()
}

/// The sample with its floats as `dtype`, if the operation takes that.
fn with_dtype(sample: &Sample, dtype: DType) -> Option<Vec<Values>> {
    let cast = |v: &Values| match v.ty.dtype == DType::F32 {
        true if dtype.is_float() => Values::new(Type::new(dtype, v.shape()), v.data.clone()),
        true => v.clone().cast(dtype),
        false => v.clone(),
    };
    let inputs: Vec<Values> = sample.inputs.iter().map(cast).collect();
    let types: Vec<Type> = inputs.iter().map(|v| v.ty.clone()).collect();
    (dtype == DType::F32 || inputs != sample.inputs).then_some(())?;
    sample.op.rule().infer(&types).ok().map(|_| inputs)
}

fn run(device: &Device, graph: &Graph, inputs: &[Array]) -> Vec<Array> {
    let mut executable = device.compile(graph.clone()).unwrap();
    let inputs: Vec<&Array> = inputs.iter().collect();
    // Twice: the second run finds the memory of the first.
    executable.run(&inputs).unwrap();
    let first = executable.outputs().to_vec();
    executable.run(&inputs).unwrap();
    assert_eq!(executable.outputs(), first, "a second run gives something else");
    first
}

/// Fewest correct digits: `float32` kernels sum a few hundred rounded products and use functions
/// of a few units in the last place; `float64` only rounds differently.
fn tolerance(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => 4e-6,
        DType::F64 => 1e-13,
        DType::BF16 => 1e-2,
        DType::F16 => 2e-3,
        DType::Bool | DType::U8 | DType::I32 | DType::I64 => 0.0,
    }
}

/// What is wrong with `found`, if anything.
fn difference(found: &Array, expected: &Values) -> Option<String> {
    if Type::new(found.dtype(), found.shape()) != expected.ty {
        return Some(format!("{} {}, expected {}", found.dtype(), found.shape(), expected.ty));
    }
    let finite = expected.data.iter().filter(|v| v.is_finite());
    let scale = finite.fold(1.0f64, |a, b| a.max(b.abs()));
    let scale = if scale > 1e3 { 1.0 } else { scale };
    // The interpreter keeps integers as `f64`; what an array can hold is what counts.
    let expected = match found.dtype().is_float() {
        true => expected.data.clone(),
        false => expected.to_array().to_f64_vec(),
    };
    for (i, (&a, &b)) in found.to_f64_vec().iter().zip(&expected).enumerate() {
        let near = (a - b).abs() <= tolerance(found.dtype()) * (scale + b.abs());
        let overflows = b.abs() > f64::from(f32::MAX) && a.is_infinite() && a * b > 0.0;
        let same = near || a == b || (a.is_nan() && b.is_nan()) || overflows;
        if !same {
            return Some(format!("[{i}] is {a}, expected {b}"));
        }
    }
    None
}

#[test]
fn every_operation_matches_the_interpreter_in_every_layout() {
    let devices = [1, 2, 3].map(|threads| ibex_cpu::device(Some(threads)));
    let mut count = 0;
    let mut failures = Vec::new();
    for info in OPS.iter().filter(|info| info.kind != Kind::Leaf) {
        for sample in (info.samples)() {
            for dtype in [DType::F32, DType::F64, DType::BF16, DType::I32] {
                let Some(inputs) = with_dtype(&sample, dtype) else { continue };
                // Integers wrap in arrays, which the interpreter's `f64` cannot know.
                if dtype == DType::I32 && sample.label.contains("edges") {
                    continue;
                }
                for layout in LAYOUTS {
                    let what = format!("{}: {} {dtype} {layout:?}", info.name, sample.label);
                    let arguments: Vec<_> = inputs.iter().map(|v| argument(v, layout)).collect();
                    let given: Vec<&Tensor> = arguments.iter().map(|(_, _, t)| t).collect();
                    let outputs = Tensor::apply(sample.op.clone(), &given).siblings();
                    let leaves: Vec<Tensor> =
                        arguments.iter().map(|(input, _, _)| input.clone()).collect();
                    let arrays: Vec<Array> =
                        arguments.iter().map(|(_, array, _)| array.clone()).collect();
                    let graph = Graph::new(&leaves, &outputs, &[])
                        .unwrap_or_else(|e| panic!("{what}: {e}"));
                    let expected = interpreter::run(&graph, &arrays).unwrap().values;
                    let found = devices.each_ref().map(|device| run(device, &graph, &arrays));
                    for (found, expected) in found[0].iter().zip(&expected) {
                        if let Some(wrong) = difference(found, expected) {
                            failures.push(format!("{what}: {wrong}"));
                        }
                    }
                    assert_eq!(found[0], found[1], "{what}: two threads");
                    assert_eq!(found[0], found[2], "{what}: three threads");
                    count += 1;
                }
            }
        }
    }
    println!("{count} cases");
    assert!(failures.is_empty(), "{} of {count} cases\n{}", failures.len(), failures.join("\n"));
    assert!(count > 1000);
}
