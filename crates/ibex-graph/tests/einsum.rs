//! Values, gradients and mistakes of `einsum`.
//!
//! The expected numbers are those of `numpy.einsum` for operands `sin(1 + 1.3 i)`.

use ibex_graph::check::GradientCheck;
use ibex_graph::interpreter::{Values, evaluate};
use ibex_graph::ops::einsum::einsum;
use ibex_graph::{DType, Shape, Tensor, Type, tensor};

/// A few roundings of `f64` in another order than NumPy's.
const TOLERANCE: f64 = 1e-13;

type Row = (&'static str, &'static [&'static [usize]], &'static [usize], &'static [f64]);

fn wave(shape: &[usize]) -> Values {
    let data = (0..shape.iter().product()).map(|i: usize| (1.0 + 1.3 * i as f64).sin());
    Values::new(Type::new(DType::F64, shape), data.collect())
}

fn ones(dtype: DType, shape: &[usize]) -> Tensor {
    Tensor::full(dtype, Shape::from(shape), 1.0)
}

const ROWS: &[Row] = &[
    (
        "ij->ji",
        &[&[2, 3]],
        &[3, 2],
        &[
            0.8414709848078965,
            -0.9824526126243325,
            0.7457052121767203,
            -0.0830894028174964,
            -0.44252044329485246,
            0.9379999767747389,
        ],
    ),
    (
        "ij",
        &[&[2, 2]],
        &[2, 2],
        &[0.8414709848078965, 0.7457052121767203, -0.44252044329485246, -0.9824526126243325],
    ),
    (
        "ba",
        &[&[2, 2]],
        &[2, 2],
        &[0.8414709848078965, -0.44252044329485246, 0.7457052121767203, -0.9824526126243325],
    ),
    ("ii->i", &[&[3, 3]], &[3], &[0.8414709848078965, -0.0830894028174964, -0.9193285256646757]),
    ("ii", &[&[3, 3]], &[], &[-0.16094694367427564]),
    ("ijk->j", &[&[2, 2, 3]], &[2], &[0.18517377202396823, 1.3930379315783363]),
    (
        "iji->j",
        &[&[2, 3, 2]],
        &[3],
        &[0.2164003359150144, -0.30928840187490847, 0.3136511703131157],
    ),
    ("iii->i", &[&[2, 2, 2]], &[2], &[0.8414709848078965, -0.6250706488928821]),
    ("->", &[&[]], &[], &[0.8414709848078965]),
    ("i,i->i", &[&[3], &[3]], &[3], &[0.7080734182735712, 0.5560762634675274, 0.19582434273387272]),
    ("i,i", &[&[3], &[3]], &[], &[1.4599740244749713]),
    (
        "i,j->ji",
        &[&[2], &[3]],
        &[3, 2],
        &[
            0.7080734182735712,
            0.6274892992667263,
            0.6274892992667263,
            0.5560762634675274,
            -0.3723681132169464,
            -0.32998980105972425,
        ],
    ),
    (
        "ij,jk->ik",
        &[&[2, 3], &[3, 2]],
        &[2, 2],
        &[0.41485237658175, -0.5202149002167935, -0.8678744660172234, 0.22885532335825454],
    ),
    (
        "ij,jk",
        &[&[2, 3], &[3, 2]],
        &[2, 2],
        &[0.41485237658175, -0.5202149002167935, -0.8678744660172234, 0.22885532335825454],
    ),
    (
        "ij,kj->ki",
        &[&[2, 3], &[2, 3]],
        &[2, 2],
        &[1.4599740244749713, -1.3037497337626647, -1.3037497337626647, 1.8519609413423554],
    ),
    (
        "bij,bjk->bik",
        &[&[2, 2, 3], &[2, 3, 2]],
        &[2, 2, 2],
        &[
            0.41485237658175,
            -0.5202149002167935,
            -0.8678744660172234,
            0.22885532335825454,
            0.006079800799785762,
            -0.8136289340606684,
            -0.4397497581071726,
            0.20610428402915895,
        ],
    ),
    (
        "abc,abd->acd",
        &[&[2, 2, 1], &[2, 2, 2]],
        &[2, 1, 2],
        &[0.3780836172138469, -0.1051307346838748, -0.5378846649574989, 0.1990181265466801],
    ),
    ("ij,ij->", &[&[2, 3], &[2, 3]], &[], &[3.3119349658173274]),
    ("ij,k->i", &[&[2, 3], &[2]], &[2], &[1.8167703659978802, -0.20243168788729693]),
    (
        "ii,ij->j",
        &[&[2, 2], &[2, 3]],
        &[3],
        &[1.6732865543259479, 0.7091207001461711, -1.2939086410408518],
    ),
    (
        "...ij,...jk->...ik",
        &[&[2, 1, 2], &[2, 2, 2]],
        &[2, 1, 2],
        &[0.3780836172138469, -0.1051307346838748, -0.5378846649574989, 0.1990181265466801],
    ),
    ("...i,...i->...", &[&[2, 3], &[3]], &[2], &[1.4599740244749713, -1.3037497337626647]),
    (
        "...,...",
        &[&[2], &[2, 2]],
        &[2, 2],
        &[0.7080734182735712, 0.5560762634675274, -0.3723681132169464, -0.732620033950601],
    ),
    (
        "i...->...i",
        &[&[2, 3]],
        &[3, 2],
        &[
            0.8414709848078965,
            -0.9824526126243325,
            0.7457052121767203,
            -0.0830894028174964,
            -0.44252044329485246,
            0.9379999767747389,
        ],
    ),
    (
        "...ii->...i",
        &[&[2, 2, 2]],
        &[2, 2],
        &[0.8414709848078965, -0.9824526126243325, -0.0830894028174964, -0.6250706488928821],
    ),
    (
        "b...,b->...",
        &[&[2, 3], &[2]],
        &[3],
        &[-0.02454661567702987, 0.5655290985090681, 0.3271033584856189],
    ),
    (
        "...j,...j->...",
        &[&[2, 1, 2], &[1, 3, 2]],
        &[2, 3],
        &[
            1.2641496817410984,
            -1.1049881471675476,
            0.6295541500866266,
            -1.1049881471675476,
            1.1610374787862494,
            -0.8847717684560024,
        ],
    ),
    (
        "ij,jk,kl->il",
        &[&[2, 2], &[2, 2], &[2, 2]],
        &[2, 2],
        &[0.36466889303288935, 0.38522488895228185, -0.22860224904392307, -0.5775543257472511],
    ),
    (
        "a,b,c->cba",
        &[&[2], &[1], &[2]],
        &[2, 1, 2],
        &[0.5958232365909556, 0.528014038610389, 0.528014038610389, 0.46792204104831564],
    ),
    (
        "bqhd,bkhd->bhqk",
        &[&[1, 2, 2, 2], &[1, 2, 2, 2]],
        &[1, 2, 2, 2],
        &[
            1.2641496817410984,
            0.6295541500866266,
            0.6295541500866266,
            0.8867478052899789,
            1.1610374787862494,
            0.35526447659035576,
            0.35526447659035576,
            0.7328414386477471,
        ],
    ),
    ("i,ij,j->", &[&[2], &[2, 3], &[3]], &[], &[0.2563128083280717]),
    ("ij,jk->ik", &[&[2, 0], &[0, 2]], &[2, 2], &[0., 0., 0., 0.]),
    (" i j , j -> i ", &[&[2, 2], &[2]], &[2], &[1.2641496817410984, -1.1049881471675476]),
    (",i->i", &[&[], &[2]], &[2], &[0.7080734182735712, 0.6274892992667263]),
];

#[test]
fn values_are_those_of_numpy() {
    for &(subscripts, shapes, shape, values) in ROWS {
        let operands: Vec<Tensor> =
            shapes.iter().map(|s| Tensor::constant(wave(s).to_array())).collect();
        let result = evaluate(&einsum(subscripts, &operands));
        let result = result.unwrap_or_else(|e| panic!("{subscripts}: {e}"));
        assert_eq!(result.shape().dims(), shape, "{subscripts}");
        for (i, (have, want)) in result.to_f64_vec().iter().zip(values).enumerate() {
            let near = (have - want).abs() <= TOLERANCE * (1.0 + want.abs());
            assert!(near, "{subscripts} at {i}: {have}, expected {want}");
        }
    }
}

#[test]
fn gradients_match_central_differences() {
    for &(subscripts, shapes, ..) in ROWS {
        let operands: Vec<Values> = shapes.iter().map(|s| wave(s)).collect();
        let loss = |x: &[Tensor]| {
            let y = einsum(subscripts, x);
            (&y * Tensor::constant(wave(y.shape()).to_array())).sum_all()
        };
        let report = GradientCheck::new().epsilon(1e-5).function(&operands, loss);
        let report = report.unwrap_or_else(|e| panic!("{subscripts}: {e}"));
        // 1e-11 of rounding over a step of 1e-5, with derivatives of order 1.
        assert!(report.relative_error() < 1e-8, "{subscripts}\n{report}");
    }
}

#[test]
fn mistakes_say_what_is_wrong() {
    let cases: [(&str, &[&[usize]], &str); 13] = [
        (
            "i1",
            &[&[2, 2]],
            "\n  expected  letters, and `...` at most once in each term\n  received  `1` in the \
             term \"i1\"",
        ),
        (
            "..i",
            &[&[2]],
            "\n  expected  letters, and `...` at most once in each term\n  received  `..i` in the \
             term \"..i\"",
        ),
        (
            "...i...",
            &[&[2]],
            "\n  expected  letters, and `...` at most once in each term\n  received  `...` in the \
             term \"...i...\"",
        ),
        (
            "i->i->i",
            &[&[2]],
            "\n  expected  letters, and `...` at most once in each term\n  received  `->i` in the \
             term \"i->i\"",
        ),
        ("i,j", &[&[2]], "\n  expected  one operand for each of 2 terms\n  received  1"),
        ("", &[], "\n  expected  one operand for each of 1 terms\n  received  0"),
        (
            "ij->",
            &[&[2]],
            "\n  expected  an operand of rank 2 for the term \"ij\"\n  received  rank 1, shape \
             (2,)",
        ),
        (
            "...ij->",
            &[&[2]],
            "\n  expected  an operand of rank at least 2 for the term \"...ij\"\n  received  rank \
             1, shape (2,)",
        ),
        ("ij,jk", &[&[2, 3], &[2, 3]], "\n  expected  one extent for `j`\n  received  3 and 2"),
        (
            "...,...",
            &[&[2], &[3]],
            "\n  expected  axes under `...` that are equal or 1\n  received  2 and 3",
        ),
        (
            "ij->ii",
            &[&[2, 2]],
            "\n  expected  each letter at most once after the arrow\n  received  `i` twice",
        ),
        (
            "ij->k",
            &[&[2, 2]],
            "\n  expected  letters after the arrow that a term before it has\n  received  `k`",
        ),
        (
            "...i->i",
            &[&[2, 2]],
            "\n  expected  `...` after the arrow, as before it\n  received  \"i\"",
        ),
    ];
    for (subscripts, shapes, rest) in cases {
        let operands: Vec<Tensor> = shapes.iter().map(|s| ones(DType::F32, s)).collect();
        let found = tensor::errors(&[einsum(subscripts, &operands)]);
        assert_eq!(found.len(), 1, "{subscripts}");
        let want = format!("`einsum` cannot apply \"{subscripts}\"{rest}");
        assert_eq!(found[0].message(), want);
        assert!(found[0].to_string().contains("einsum.rs"), "{}", found[0]);
    }
    let mixed = einsum("i,i", &[ones(DType::F32, &[2]), ones(DType::I32, &[2])]);
    let message = "`einsum` of \"i,i\" needs operands of one dtype\n  expected  float32\n  \
                   received  int32\n  help: cast one of them";
    assert_eq!(tensor::errors(&[mixed])[0].message(), message);
}

#[test]
fn nodes_belong_to_the_line_of_the_caller() {
    let y = einsum("ij,jk->ki", &[ones(DType::F32, &[2, 3]), ones(DType::F32, &[3, 2])]);
    let file = y.origin().location().map(|location| location.file()).unwrap_or_default();
    assert!(file.ends_with("tests/einsum.rs"), "{file}");
}
