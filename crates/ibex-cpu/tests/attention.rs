//! Attention and its gradient together on the processor, against the interpreter: the gradient
//! gets the statistics that the forward pass gave, also of rows that see nothing.

use ibex_graph::interpreter::{self, Values};
use ibex_graph::ops::attention::{AttentionOptions, dot_product_attention};
use ibex_graph::{Array, DType, Graph, Tensor, Type, gradients};

struct Case {
    label: &'static str,
    query: [usize; 4],
    key: [usize; 4],
    value_dim: usize,
    mask: Option<Values>,
    causal: bool,
    dropout: Option<f64>,
}

impl Case {
    fn graph(&self) -> (Graph, Vec<Array>) {
        let value = [self.key[0], self.key[1], self.key[2], self.value_dim];
        let mut arrays: Vec<Array> = [self.query, self.key, value]
            .iter()
            .zip(1..)
            .map(|(shape, salt)| Values::uniform(*shape, -1.5, 1.5, salt).to_array())
            .collect();
        arrays.extend(self.mask.iter().map(Values::to_array));
        let argument = |array: &Array| Tensor::input("x", array.dtype(), array.shape());
        let inputs: Vec<Tensor> = arrays.iter().map(argument).collect();
        let state = Tensor::constant(Array::from_slice([2], &[3i64, 4]).unwrap());
        let options = AttentionOptions {
            mask: self.mask.as_ref().map(|_| &inputs[3]),
            causal: self.causal,
            dropout: self.dropout.map(|rate| (rate, &state, 9)),
            scale: None,
        };
        let result = dot_product_attention(&inputs[0], &inputs[1], &inputs[2], &options);
        let weights = Values::uniform(result.shape(), -1.0, 1.0, 7).to_array();
        let loss = (&result * Tensor::constant(weights)).sum_all();
        let floats: Vec<Tensor> = inputs.iter().filter(|x| x.dtype().is_float()).cloned().collect();
        let found = gradients(&loss, &floats).unwrap();
        let mut outputs = vec![result];
        outputs.extend(found.into_iter().flatten());
        assert_eq!(outputs.len(), 1 + floats.len(), "{}", self.label);
        (Graph::new(&inputs, &outputs, &[]).unwrap(), arrays)
    }
}

fn cases() -> Vec<Case> {
    let case = |label, query, key, value_dim| Case {
        label,
        query,
        key,
        value_dim,
        mask: None,
        causal: false,
        dropout: None,
    };
    let hide = |shape: [usize; 4]| Some(Values::integers(DType::Bool, shape, 0, 2, 5));
    let add = |shape: [usize; 4]| Some(Values::uniform(shape, -1.0, 1.0, 5));
    let nothing = |shape: [usize; 4]| {
        let size = shape.iter().product();
        Some(Values::new(Type::new(DType::Bool, shape), vec![0.0; size]))
    };
    vec![
        Case { causal: true, ..case("causal, in parts", [1, 200, 2, 16], [1, 200, 1, 16], 8) },
        Case { mask: hide([2, 1, 1, 70]), ..case("padding", [2, 66, 2, 8], [2, 70, 2, 8], 8) },
        Case { mask: nothing([1, 1, 70, 1]), ..case("nothing", [1, 70, 1, 4], [1, 80, 1, 4], 4) },
        Case {
            // Some first rows see nothing at all.
            mask: hide([1, 2, 100, 100]),
            causal: true,
            ..case("hidden and causal", [1, 100, 2, 8], [1, 100, 2, 8], 8)
        },
        Case {
            mask: nothing([1, 1, 1, 150]),
            causal: true,
            ..case("nothing, causal", [1, 150, 1, 8], [1, 150, 1, 8], 8)
        },
        Case { mask: add([1, 4, 70, 90]), ..case("shifted", [2, 70, 4, 8], [2, 90, 2, 8], 8) },
        Case {
            causal: true,
            dropout: Some(0.3),
            mask: hide([2, 1, 1, 130]),
            ..case("everything", [2, 130, 3, 20], [2, 130, 1, 20], 12)
        },
    ]
}

#[test]
fn results_and_gradients_match_the_interpreter_on_any_number_of_threads() {
    for case in cases() {
        let (graph, arrays) = case.graph();
        let expected = interpreter::run(&graph, &arrays).unwrap().values;
        let inputs: Vec<&Array> = arrays.iter().collect();
        let found = [1, 2, 3].map(|threads| {
            let device = ibex_cpu::device(Some(threads));
            let mut executable = device.compile(graph.clone()).unwrap();
            executable.run(&inputs).unwrap();
            executable.outputs().to_vec()
        });
        assert_eq!(found[0], found[1], "{}: two threads", case.label);
        assert_eq!(found[0], found[2], "{}: three threads", case.label);
        for (index, (found, expected)) in found[0].iter().zip(&expected).enumerate() {
            let scale = expected.data.iter().fold(0f64, |a, b| a.max(b.abs()));
            for (a, b) in found.to_f64_vec().iter().zip(&expected.data) {
                // Rounding of sums of a few hundred products.
                let near = (a - b).abs() <= 4e-6 * scale.max(1e-3);
                assert!(near, "{}: output {index}: {a} and {b} of {scale}", case.label);
            }
        }
    }
}
