//! Programs that are ready to run: where their results go, and weights that stay or change between
//! runs.

use ibex_compile::Executable;
use ibex_graph::ops::window::Padding;
use ibex_graph::{Array, DType, Graph, Tensor, Variable};

/// A product large enough to be worth packing its weight, and a convolution to transform.
fn program(kernel: &Variable, filters: &Variable) -> Box<dyn Executable> {
    let x = Tensor::input("x", DType::F32, [64, 300]);
    let images = Tensor::input("images", DType::F32, [2, 12, 12, 16]);
    let y = x.matmul(&Tensor::read(kernel)).tanh();
    let z = images.convolution(&Tensor::read(filters), &[1, 1], Padding::Same, &[1, 1], 1);
    let graph = Graph::new(&[x, images], &[y, z], &[]).unwrap();
    ibex_cpu::device(Some(2)).compile(graph).unwrap()
}

fn numbers(shape: &[usize], seed: usize) -> Array {
    let size: usize = shape.iter().product();
    let value = |at: usize| ((at * 7919 + seed * 104_729) % 1013) as f64 / 1013.0 - 0.5;
    Array::from_f64_slice(DType::F32, shape, &(0..size).map(value).collect::<Vec<f64>>())
}

fn bytes(executable: &dyn Executable) -> Vec<Vec<u8>> {
    executable.outputs().iter().map(|output| output.bytes().to_vec()).collect()
}

#[test]
fn results_go_where_the_caller_wants_them() {
    let kernel = Variable::new("kernel", numbers(&[300, 80], 1));
    let filters = Variable::new("filters", numbers(&[3, 3, 16, 24], 2));
    let mut executable = program(&kernel, &filters);
    let (x, images) = (numbers(&[64, 300], 3), numbers(&[2, 12, 12, 16], 4));
    executable.run(&[&x, &images]).unwrap();
    let expected = bytes(&*executable);
    let mut room: Vec<Vec<u8>> = expected.iter().map(|output| vec![0; output.len()]).collect();
    let mut places: Vec<&mut [u8]> = room.iter_mut().map(Vec::as_mut_slice).collect();
    executable.run_into(&[&images, &x], &mut places).unwrap_err();
    executable.run_into(&[&x, &images], &mut places).unwrap();
    assert_eq!(room, expected);
    let mut places: Vec<&mut [u8]> = room.iter_mut().map(|output| &mut output[1..]).collect();
    let error = executable.run_into(&[&x, &images], &mut places).unwrap_err().to_string();
    assert!(error.starts_with("the memory for the outputs has other sizes"), "{error}");
}

#[test]
fn what_was_made_of_a_weight_is_not_used_after_the_weight_has_changed() {
    let kernel = Variable::new("kernel", numbers(&[300, 80], 1));
    let filters = Variable::new("filters", numbers(&[3, 3, 16, 24], 2));
    let mut executable = program(&kernel, &filters);
    let (x, images) = (numbers(&[64, 300], 3), numbers(&[2, 12, 12, 16], 4));
    for seed in 5..8 {
        // From the second run on the weights are packed and transformed.
        let mut runs = (0..4).map(|_| {
            executable.run(&[&x, &images]).unwrap();
            bytes(&*executable)
        });
        let first = runs.next().unwrap();
        assert!(runs.all(|outputs| outputs == first));
        let mut fresh = program(&kernel, &filters);
        fresh.run(&[&x, &images]).unwrap();
        assert_eq!(bytes(&*fresh), first);
        kernel.set(&numbers(&[300, 80], seed)).unwrap();
        filters.lock().bytes_mut().copy_from_slice(numbers(&[3, 3, 16, 24], seed).bytes());
    }
}
