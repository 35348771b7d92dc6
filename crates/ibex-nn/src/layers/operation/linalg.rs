//! `keras.ops.linalg`: factorizations, equations, norms.

use ibex_graph::Tensor;
use ibex_graph::ops::composed::linear_algebra::{MatrixNorm, epsilon};

use super::given::{Given, float_of};
use super::table::{Outcome, operations};

operations! {
    /// Linear algebra.
    LINALG, "linalg";
    Cholesky [upper] (x) -> |g| {
        let lower = g.float()?.cholesky();
        Ok(if g.flag("upper", false)? { lower.matrix_transpose() } else { lower })
    };
    CholeskyInverse [upper] (x) -> |g| {
        let x = g.float()?;
        let lower = if g.flag("upper", false)? { x.matrix_transpose() } else { x };
        let eye = Tensor::eye(lower.dtype(), lower.dim(-1), lower.dim(-1), 0);
        let inverse = lower.solve_triangular(&eye, true);
        Ok(inverse.matrix_transpose().matmul(&inverse))
    };
    Det [] (x) -> |g| g.of_float(Tensor::determinant);
    Eigh [] (x) => |g| Ok(g.float()?.eigh().into());
    Inv [] (x) -> |g| g.of_float(Tensor::inverse);
    Lstsq [rcond] (a b) -> |g| {
        let [a, b] = g.pair(float_of)?;
        let extent = a.dim(-1).max(a.dim(-2)) as f64;
        let tolerance = g.number("rcond")?.unwrap_or(extent * epsilon(a.dtype()));
        let inverse = a.pseudo_inverse(tolerance);
        Ok(match b.rank() {
            1 => inverse.matmul(&b.expand_dims(-1)).squeeze(-1),
            _ => inverse.matmul(&b),
        })
    };
    LuFactor [] (x) => |g| Ok(g.float()?.lu().into());
    MatrixRank [tol] (x) -> |g| Ok(g.float()?.matrix_rank(g.number("tol")?));
    Norm [ord axis keepdims] (x) -> norm;
    Pinv [rcond] (x) -> |g| {
        let x = g.float()?;
        let extent = x.dim(-1).max(x.dim(-2)) as f64;
        let tolerance = g.number("rcond")?.unwrap_or(10.0 * extent * epsilon(x.dtype()));
        Ok(x.pseudo_inverse(tolerance))
    };
    Qr [mode] (x) => |g| {
        let complete = g.choice("mode", &[("reduced", false), ("complete", true)])?;
        Ok(g.float()?.qr(complete).into())
    };
    SVD [full_matrices compute_uv] (x) => |g| {
        let x = g.float()?;
        let [u, s, v] = x.svd(g.flag("full_matrices", true)? && g.flag("compute_uv", true)?);
        Ok(if g.flag("compute_uv", true)? { vec![u, s, v] } else { vec![s] })
    };
    Solve [] (a b) -> |g| g.two_floats(|a, b| match b.rank() {
        1 => a.solve(&b.expand_dims(-1)).squeeze(-1),
        _ => a.solve(b),
    });
    SolveTriangular [lower] (a b) -> |g| {
        let lower = g.flag("lower", false)?;
        g.two_floats(|a, b| match b.rank() {
            1 => a.solve_triangular(&b.expand_dims(-1), lower).squeeze(-1),
            _ => a.solve_triangular(b, lower),
        })
    };
}

operations! {
    /// Determinants, which Keras keeps in other modules.
    DETERMINANTS, "numpy";
    Slogdet [] (x) => |g| Ok(g.float()?.log_determinant().into());
}

operations! {
    /// The logarithm of the determinant.
    LOG_DETERMINANTS, "math";
    Logdet [] (x) -> |g| g.of_float(|x| {
        let [_, log] = x.log_determinant();
        log
    });
}

fn norm(g: &Given<'_>) -> Outcome<Tensor> {
    let x = g.float()?;
    let keep = g.flag("keepdims", false)?;
    let named = g.value("ord").and_then(|order| order.as_str().map(str::to_string));
    let order = match (&named, g.has("ord")) {
        (None, true) => g.number("ord")?,
        _ => None,
    };
    let Some(axes) = g.axes("axis", x.rank())? else {
        if !g.has("ord") {
            return Ok(x.l2_norm(&x.all_axes(), keep));
        }
        return norm_along(g, &x, &x.all_axes(), named.as_deref(), order);
    };
    norm_along(g, &x, &axes, named.as_deref(), order)
}

fn norm_along(
    g: &Given<'_>,
    x: &Tensor,
    axes: &[usize],
    named: Option<&str>,
    order: Option<f64>,
) -> Outcome<Tensor> {
    let keep = g.flag("keepdims", false)?;
    match (axes, named) {
        (_, Some("inf")) => Ok(x.vector_norm(f64::INFINITY, axes, keep)),
        ([_], None) => Ok(x.vector_norm(order.unwrap_or(2.0), axes, keep)),
        ([row, column], name) => {
            let norm = match (name, order) {
                (Some("nuc"), _) => MatrixNorm::Nuclear,
                (None, Some(order)) => MatrixNorm::Order(order),
                _ => MatrixNorm::Frobenius,
            };
            Ok(x.matrix_norm(norm, [*row, *column], keep))
        }
        _ => Err(g.wrong("there is no such norm", "one or two axes", axes.len())),
    }
}
