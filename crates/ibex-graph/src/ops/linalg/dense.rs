//! Algorithms on one dense matrix of `f64`, row by row in memory.
//!
//! They follow LAPACK in what is a free choice, such as signs, so that results compare.

/// `a · b`, where `a` is `rows × inner` and `b` is `inner × columns`.
pub fn product(a: &[f64], b: &[f64], [rows, inner, columns]: [usize; 3]) -> Vec<f64> {
    let mut result = vec![0.0; rows * columns];
    for i in 0..rows {
        for k in 0..inner {
            let factor = a[i * inner + k];
            for j in 0..columns {
                result[i * columns + j] += factor * b[k * columns + j];
            }
        }
    }
    result
}

/// The rows of a matrix of `columns` columns as columns.
pub fn transposed(a: &[f64], columns: usize) -> Vec<f64> {
    let rows = a.len().checked_div(columns).unwrap_or(0);
    (0..columns).flat_map(|j| (0..rows).map(move |i| a[i * columns + j])).collect()
}

/// The lower triangle whose product with its transpose is `a`; NaN if `a` is not positive.
pub fn cholesky(a: &[f64], n: usize) -> Vec<f64> {
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            // Both triangles count, as in JAX.
            let mut sum = 0.5 * (a[i * n + j] + a[j * n + i]);
            for k in 0..j {
                sum -= l[i * n + k] * l[j * n + k];
            }
            l[i * n + j] = if i == j { sum.sqrt() } else { sum / l[j * n + j] };
        }
    }
    if l.iter().any(|value| value.is_nan()) {
        l.fill(f64::NAN);
    }
    l
}

/// The triangles `L` (below the diagonal, ones on it) and `U`, and the row that was exchanged with
/// each one.
pub fn lu(a: &[f64], n: usize) -> (Vec<f64>, Vec<usize>) {
    let mut lu = a.to_vec();
    let mut pivots = vec![0; n];
    for k in 0..n {
        let size = |row: usize| lu[row * n + k].abs();
        let pivot = (k..n).fold(k, |best, row| if size(row) > size(best) { row } else { best });
        pivots[k] = pivot;
        for j in 0..n {
            lu.swap(k * n + j, pivot * n + j);
        }
        let diagonal = lu[k * n + k];
        if diagonal == 0.0 {
            continue;
        }
        for i in k + 1..n {
            let factor = lu[i * n + k] / diagonal;
            lu[i * n + k] = factor;
            for j in k + 1..n {
                lu[i * n + j] -= factor * lu[k * n + j];
            }
        }
    }
    (lu, pivots)
}

/// The solution of `a · x = b` for a triangle `a`; the diagonal counts as ones if `unit`.
pub fn solve_triangle(
    a: &[f64],
    b: &[f64],
    [n, columns]: [usize; 2],
    lower: bool,
    unit: bool,
) -> Vec<f64> {
    let mut x = b.to_vec();
    for step in 0..n {
        let i = if lower { step } else { n - 1 - step };
        let known = if lower { 0..i } else { i + 1..n };
        for k in known {
            let factor = a[i * n + k];
            for j in 0..columns {
                x[i * columns + j] -= factor * x[k * columns + j];
            }
        }
        if !unit {
            x[i * columns..(i + 1) * columns].iter_mut().for_each(|v| *v /= a[i * n + i]);
        }
    }
    x
}

/// The solution of `a · x = b`.
pub fn solve(a: &[f64], b: &[f64], [n, columns]: [usize; 2]) -> Vec<f64> {
    let (lu, pivots) = lu(a, n);
    let mut x = b.to_vec();
    for (k, &pivot) in pivots.iter().enumerate() {
        for j in 0..columns {
            x.swap(k * columns + j, pivot * columns + j);
        }
    }
    let y = solve_triangle(&lu, &x, [n, columns], true, true);
    solve_triangle(&lu, &y, [n, columns], false, false)
}

/// The sign and the logarithm of the absolute value of the determinant.
pub fn log_determinant(a: &[f64], n: usize) -> (f64, f64) {
    let (lu, pivots) = lu(a, n);
    let (mut sign, mut log) = (1.0, 0.0);
    for k in 0..n {
        let diagonal = lu[k * n + k];
        let exchanged = if pivots[k] == k { 1.0 } else { -1.0 };
        sign *= exchanged * if diagonal == 0.0 { 0.0 } else { diagonal.signum() };
        log += diagonal.abs().ln();
    }
    (sign, log)
}

/// `Q` (`rows × rows`) and `R` (`rows × columns`) by reflections.
pub fn qr(a: &[f64], [rows, columns]: [usize; 2]) -> (Vec<f64>, Vec<f64>) {
    let mut r = a.to_vec();
    let mut q = vec![0.0; rows * rows];
    (0..rows).for_each(|i| q[i * rows + i] = 1.0);
    for k in 0..rows.min(columns) {
        let alpha = r[k * columns + k];
        let below: f64 = (k + 1..rows).map(|i| r[i * columns + k].powi(2)).sum();
        // Nothing to reflect: LAPACK leaves such a column as it is.
        if below == 0.0 {
            continue;
        }
        let beta = -(alpha * alpha + below).sqrt().copysign(alpha);
        let mut v = vec![0.0; rows];
        v[k] = 1.0;
        (k + 1..rows).for_each(|i| v[i] = r[i * columns + k] / (alpha - beta));
        let tau = (beta - alpha) / beta;
        for j in 0..columns {
            let sum: f64 = (k..rows).map(|i| v[i] * r[i * columns + j]).sum();
            (k..rows).for_each(|i| r[i * columns + j] -= tau * v[i] * sum);
        }
        (k + 1..rows).for_each(|i| r[i * columns + k] = 0.0);
        for i in 0..rows {
            let sum: f64 = (k..rows).map(|j| q[i * rows + j] * v[j]).sum();
            (k..rows).for_each(|j| q[i * rows + j] -= tau * sum * v[j]);
        }
    }
    (q, r)
}

/// The most sweeps of rotations: they converge in about ten.
const SWEEPS: usize = 60;

/// The eigenvalues in ascending order and the eigenvectors as columns, by Jacobi's rotations.
pub fn eigh(a: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut s: Vec<f64> = (0..n * n).map(|at| 0.5 * (a[at] + a[at % n * n + at / n])).collect();
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let scale: f64 = s.iter().map(|value| value * value).sum();
    for _ in 0..SWEEPS {
        let off = |i: usize, j: usize| if i == j { 0.0 } else { s[i * n + j] * s[i * n + j] };
        let outside: f64 = (0..n * n).map(|at| off(at / n, at % n)).sum();
        if outside <= scale * 1e-32 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut s, &mut v, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| s[i * n + i].total_cmp(&s[j * n + j]));
    let values = order.iter().map(|&i| s[i * n + i]).collect();
    let vectors = (0..n).flat_map(|i| order.iter().map(move |&j| (i, j)));
    (values, vectors.map(|(i, j)| v[i * n + j]).collect())
}

/// Makes the element `(p, q)` of the symmetric matrix zero.
fn rotate(s: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let apart = s[p * n + q];
    if apart == 0.0 {
        return;
    }
    let theta = (s[q * n + q] - s[p * n + p]) / (2.0 * apart);
    let t = 1f64.copysign(theta) / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let sine = t * c;
    for k in 0..n {
        let (x, y) = (s[k * n + p], s[k * n + q]);
        (s[k * n + p], s[k * n + q]) = (c * x - sine * y, sine * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (s[p * n + k], s[q * n + k]);
        (s[p * n + k], s[q * n + k]) = (c * x - sine * y, sine * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (v[k * n + p], v[k * n + q]);
        (v[k * n + p], v[k * n + q]) = (c * x - sine * y, sine * x + c * y);
    }
}

/// `U` (`rows × k`), the singular values in descending order and `Vᵀ` (`k × columns`), where `k` is
/// the smaller extent; by one-sided rotations.
pub fn svd(a: &[f64], [rows, columns]: [usize; 2]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    if rows < columns {
        let (u, s, vt) = svd(&transposed(a, columns), [columns, rows]);
        return (transposed(&vt, rows), s, transposed(&u, rows));
    }
    let n = columns;
    let mut u = a.to_vec();
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    for _ in 0..SWEEPS {
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                turned |= orthogonalize(&mut u, &mut v, [rows, n], p, q);
            }
        }
        if !turned {
            break;
        }
    }
    let norm = |j: usize| (0..rows).map(|i| u[i * n + j].powi(2)).sum::<f64>().sqrt();
    let mut order: Vec<(f64, usize)> = (0..n).map(|j| (norm(j), j)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut left = vec![0.0; rows * n];
    for (to, &(size, from)) in order.iter().enumerate() {
        (0..rows)
            .for_each(|i| left[i * n + to] = if size > 0.0 { u[i * n + from] / size } else { 0.0 });
    }
    fill_missing(&mut left, [rows, n], order.iter().filter(|(size, _)| *size > 0.0).count());
    let right = order.iter().flat_map(|&(_, j)| (0..n).map(move |i| (i, j)));
    let right = right.map(|(i, j)| v[i * n + j]).collect();
    (left, order.iter().map(|(size, _)| *size).collect(), right)
}

/// Turns two columns until they are orthogonal; whether there was anything to do.
fn orthogonalize(u: &mut [f64], v: &mut [f64], [rows, n]: [usize; 2], p: usize, q: usize) -> bool {
    let dot =
        |u: &[f64], a: usize, b: usize| (0..rows).map(|i| u[i * n + a] * u[i * n + b]).sum::<f64>();
    let (alpha, beta, gamma) = (dot(u, p, p), dot(u, q, q), dot(u, p, q));
    if gamma == 0.0 || gamma.abs() <= 1e-15 * (alpha * beta).sqrt() {
        return false;
    }
    let zeta = (beta - alpha) / (2.0 * gamma);
    let t = 1f64.copysign(zeta) / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = c * t;
    for (matrix, count) in [(u, rows), (v, n)] {
        for i in 0..count {
            let (x, y) = (matrix[i * n + p], matrix[i * n + q]);
            (matrix[i * n + p], matrix[i * n + q]) = (c * x - s * y, s * x + c * y);
        }
    }
    true
}

/// Completes orthonormal columns: those from `known` on are made from the unit vectors.
pub fn fill_missing(u: &mut [f64], [rows, columns]: [usize; 2], known: usize) {
    let mut next = 0;
    for j in known..columns {
        while next < rows {
            let mut column: Vec<f64> = (0..rows).map(|i| f64::from(u8::from(i == next))).collect();
            next += 1;
            // Twice, because once leaves rounding errors of what was taken away.
            for _ in 0..2 {
                for k in 0..j {
                    let dot: f64 = (0..rows).map(|i| column[i] * u[i * columns + k]).sum();
                    (0..rows).for_each(|i| column[i] -= dot * u[i * columns + k]);
                }
            }
            let size = column.iter().map(|value| value * value).sum::<f64>().sqrt();
            if size > 1e-2 / (rows as f64).sqrt() {
                (0..rows).for_each(|i| u[i * columns + j] = column[i] / size);
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, columns: usize) -> Vec<f64> {
        // Sines of a linear function would have rank 2.
        (0..rows * columns).map(|i| ((i * i) as f64 * 1.7 + 0.3).sin()).collect()
    }

    fn near(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-10), "{a:?} {b:?}");
    }

    #[test]
    fn factors_multiply_to_the_matrix() {
        for [rows, columns] in [[5, 3], [4, 4], [3, 5], [1, 1]] {
            let a = matrix(rows, columns);
            let (q, r) = qr(&a, [rows, columns]);
            near(&product(&q, &r, [rows, rows, columns]), &a);
            let (u, s, vt) = svd(&a, [rows, columns]);
            let k = rows.min(columns);
            let us: Vec<f64> = u.iter().enumerate().map(|(at, u)| u * s[at % k]).collect();
            near(&product(&us, &vt, [rows, k, columns]), &a);
            assert!(s.windows(2).all(|pair| pair[0] >= pair[1]));
        }
        let a = product(&matrix(4, 4), &transposed(&matrix(4, 4), 4), [4, 4, 4]);
        let l = cholesky(&a, 4);
        near(&product(&l, &transposed(&l, 4), [4, 4, 4]), &a);
        let (w, v) = eigh(&a, 4);
        let vw: Vec<f64> = v.iter().enumerate().map(|(at, v)| v * w[at % 4]).collect();
        near(&product(&vw, &transposed(&v, 4), [4, 4, 4]), &a);
        let b = matrix(4, 2);
        near(&product(&a, &solve(&a, &b, [4, 2]), [4, 4, 2]), &b);
    }

    #[test]
    fn a_singular_matrix_has_a_full_basis() {
        let a = [1., 2., 2., 4., 3., 6.];
        let (u, s, _) = svd(&a, [3, 2]);
        assert!(s[1] < 1e-12);
        near(&product(&transposed(&u, 2), &u, [2, 3, 2]), &[1., 0., 0., 1.]);
        assert_eq!(log_determinant(&[1., 2., 2., 4.], 2), (0.0, f64::NEG_INFINITY));
    }
}
