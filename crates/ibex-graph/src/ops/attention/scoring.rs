//! How scores become weights: what attention and its gradient share.
//!
//! Must not know: which of the two operations asks.

use crate::interpreter::{Values, offset};
use crate::op::Number;
use crate::ops::random;
use crate::rng::Draw;
use crate::{DType, OpError, Shape, Tensor, Type};

/// How the products of queries and keys become weights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scoring {
    /// The factor of the products.
    pub scale: Number,
    /// Whether a query sees only the keys up to its own position.
    pub causal: bool,
    /// Whether there is a mask among the inputs.
    pub masked: bool,
    /// Which weights are dropped; there is a state among the inputs if any are.
    pub dropout: Option<Dropout>,
}

/// Weights that are dropped at random, the others scaled up.
///
/// Numbers are drawn by position from the state, see [`crate::ops::random`], so the gradient
/// draws them again instead of keeping them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Dropout {
    /// The probability of each weight to be dropped, below 1.
    pub rate: Number,
    /// The place in the program, different from all others.
    pub stream: u32,
}

impl Dropout {
    /// The probability of a weight to be kept.
    pub fn kept(&self) -> f64 {
        1.0 - self.rate.value()
    }
}

/// The extents of an attention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extents {
    /// Independent sequences.
    pub batch: usize,
    /// Positions that ask.
    pub queries: usize,
    /// Positions that are asked.
    pub keys: usize,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values; each serves as many neighbouring heads of the queries.
    pub key_heads: usize,
    /// Numbers of a query and a key.
    pub dim: usize,
    /// Numbers of a value.
    pub value_dim: usize,
}

impl Extents {
    /// The extents of inputs `(batch, queries, heads, dim)`, `(batch, keys, key heads, dim)` and
    /// `(batch, keys, key heads, value dim)`, whose types fit each other.
    pub fn of(query: &[usize], key: &[usize], value: &[usize]) -> Option<Extents> {
        let (&[batch, queries, heads, dim], &[b, keys, key_heads, d]) =
            (query.first_chunk()?, key.first_chunk()?);
        let &[value_batch, value_keys, value_heads, value_dim] = value.first_chunk()?;
        let ranks = [query, key, value].iter().all(|shape| shape.len() == 4);
        let alike = (b, d) == (batch, dim)
            && (value_batch, value_keys, value_heads) == (batch, keys, key_heads)
            && key_heads > 0
            && heads % key_heads == 0
            && keys > 0;
        let extents = Extents { batch, queries, keys, heads, key_heads, dim, value_dim };
        (ranks && alike).then_some(extents)
    }

    /// Heads of the queries for each head of the keys.
    pub fn group(&self) -> usize {
        self.heads / self.key_heads
    }

    /// The shape of the statistics of each row of scores.
    pub fn rows(&self) -> Shape {
        [self.batch, self.queries, self.heads].into()
    }

    /// The shape of the scores.
    pub fn scores(&self) -> Shape {
        [self.batch, self.heads, self.queries, self.keys].into()
    }
}

/// The score of a key that its query must not see: Keras's and JAX's choice.
///
/// It is finite, so that a query which sees no key at all gets the mean of all values.
pub fn hidden_score(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => -0.7 * 65504.0,
        _ => f64::from(-0.7 * f32::MAX),
    }
}

impl Scoring {
    /// How many inputs follow those that are always there.
    pub fn extra_inputs(&self) -> usize {
        usize::from(self.masked) + usize::from(self.dropout.is_some())
    }

    /// The mask and the state among the inputs that follow those that are always there.
    pub fn split<'a, T>(&self, extra: &'a [T]) -> (Option<&'a T>, Option<&'a T>) {
        let mask = extra.first().filter(|_| self.masked);
        let state = extra.last().filter(|_| self.dropout.is_some());
        (mask, state)
    }

    /// As text for printed graphs.
    pub(super) fn attributes(&self) -> String {
        let mut text = format!("scale {:?}", self.scale);
        for (is_there, name) in [(self.causal, ", causal"), (self.masked, ", masked")] {
            text.push_str(if is_there { name } else { "" });
        }
        if let Some(Dropout { rate, stream }) = self.dropout {
            text.push_str(&format!(", dropout {rate:?}, stream {stream}"));
        }
        text
    }

    /// Checks queries, keys and values, then the inputs that follow those that are always there.
    pub(super) fn infer(
        &self,
        name: &str,
        [query, key, value]: [&Type; 3],
        extra: &[Type],
    ) -> Result<Extents, OpError> {
        let dtypes = [query, key, value].map(|ty| ty.dtype);
        if !query.dtype.is_float() || dtypes != [query.dtype; 3] {
            let what = format!("`{name}` needs queries, keys and values of one dtype");
            let received = dtypes.map(|dtype| dtype.to_string()).join(", ");
            return Err(OpError::new(what, "a floating-point dtype", received).help("cast them"));
        }
        let shapes = [query, key, value].map(|ty| &ty.shape);
        let Some(extents) = Extents::of(shapes[0], shapes[1], shapes[2]) else {
            return Err(OpError::new(
                format!("queries, keys and values of `{name}` do not fit each other"),
                "(batch, queries, heads, dim), (batch, keys, key heads, dim) and (batch, keys, \
                 key heads, value dim), at least one key, heads a multiple of key heads",
                shapes.map(|shape| shape.to_string()).join(", "),
            ));
        };
        let (mask, state) = self.split(extra);
        if let Some(mask) = mask {
            check_mask(name, mask, query.dtype, &extents.scores())?;
        }
        let Some((Dropout { rate, .. }, state)) = self.dropout.zip(state) else {
            return Ok(extents);
        };
        if !(0.0..1.0).contains(&rate.value()) {
            let what = format!("`{name}` cannot drop this part of its weights");
            return Err(OpError::new(what, "a rate of at least 0, below 1", format!("{rate:?}")));
        }
        let expected = Type::new(DType::I64, [2]);
        match *state == expected {
            true => Ok(extents),
            false => Err(OpError::new(
                format!("`{name}` takes a state of seed and step"),
                expected.to_string(),
                state.to_string(),
            )),
        }
    }

    /// The scores `(batch, heads, queries, keys)`, and which of them count; `None` if all do.
    pub(super) fn scores(
        &self,
        extents: &Extents,
        [query, key]: [&Tensor; 2],
        mask: Option<&Tensor>,
    ) -> (Tensor, Option<Tensor>) {
        let query = by_key_head(extents, &(query * self.scale.value()));
        let key = key.transpose(&[0, 2, 3, 1]);
        let mut scores = query.matmul(&key).reshape(extents.scores());
        let mut seen = None;
        match mask {
            Some(mask) if mask.dtype() == DType::Bool => seen = Some(mask.clone()),
            Some(mask) => scores = scores + mask,
            None => {}
        }
        if self.causal {
            let square = Shape::from([extents.queries, extents.keys]);
            let [row, column] = [0, 1].map(|axis| Tensor::iota(DType::I32, &square, axis));
            let past = row.greater_equal(&column);
            seen = Some(match seen {
                Some(mask) => mask.logical_and(&past),
                None => past,
            });
        }
        match seen {
            Some(seen) => {
                let hidden = Tensor::scalar(scores.dtype(), hidden_score(scores.dtype()));
                (seen.select(&scores, &hidden), Some(seen))
            }
            None => (scores, None),
        }
    }

    /// The weights that are kept, scaled up; all of them without dropout.
    pub(super) fn keep(&self, weights: &Tensor, state: Option<&Tensor>) -> Tensor {
        let Some((dropout, state)) = self.dropout.zip(state) else { return weights.clone() };
        let kept = dropout.kept();
        let keep = random::bernoulli(state, weights.shape().clone(), dropout.stream, kept);
        keep.select(&(weights * (1.0 / kept)), &weights.zeros_like())
    }
}

fn check_mask(name: &str, mask: &Type, dtype: DType, scores: &Shape) -> Result<(), OpError> {
    let extents = mask.shape.iter().zip(scores.iter());
    let fits = mask.shape.rank() == 4 && extents.into_iter().all(|(&m, &s)| m == 1 || m == s);
    match fits && [DType::Bool, dtype].contains(&mask.dtype) {
        true => Ok(()),
        false => Err(OpError::new(
            format!("the mask of `{name}` does not fit its scores"),
            format!("bool or {dtype} of 4 axes, each as in {scores} or 1"),
            mask.to_string(),
        )),
    }
}

/// `(batch, queries, heads, any)` as `(batch, key heads, group · queries, any)`.
pub(super) fn by_key_head(extents: &Extents, x: &Tensor) -> Tensor {
    let rows = extents.group() * extents.queries;
    x.transpose(&[0, 2, 1, 3]).reshape([extents.batch, extents.key_heads, rows, x.dim(-1)])
}

/// The inverse of [`by_key_head`].
pub(super) fn by_position(extents: &Extents, x: &Tensor) -> Tensor {
    let Extents { batch, heads, queries, .. } = *extents;
    x.reshape([batch, heads, queries, x.dim(-1)]).transpose(&[0, 2, 1, 3])
}

/// Scores `(batch, heads, queries, keys)` as `(batch, key heads, group · queries, keys)`.
pub(super) fn scores_by_key_head(extents: &Extents, scores: &Tensor) -> Tensor {
    let rows = extents.group() * extents.queries;
    scores.reshape([extents.batch, extents.key_heads, rows, extents.keys])
}

/// The inputs of the naive computation, seen score by score.
pub(super) struct Naive<'a> {
    pub(super) scoring: &'a Scoring,
    pub(super) extents: Extents,
    pub(super) query: &'a Values,
    pub(super) key: &'a Values,
    pub(super) value: &'a Values,
    mask: Option<&'a Values>,
    draw: Option<(Draw, f64)>,
}

/// One row of scores.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) batch: usize,
    pub(super) query: usize,
    pub(super) head: usize,
    /// Its number in order of batch, queries, heads.
    pub(super) index: usize,
}

impl<'a> Naive<'a> {
    /// `None` if the types do not fit, which inference excludes.
    pub(super) fn new(scoring: &'a Scoring, first: &[&'a Values], extra: &[&'a Values]) -> Self {
        let [query, key, value] = [first[0], first[1], first[2]];
        let shapes = [query, key, value].map(|values| values.shape());
        let nothing =
            Extents { batch: 0, queries: 0, keys: 0, heads: 0, key_heads: 1, dim: 0, value_dim: 0 };
        let extents = Extents::of(shapes[0], shapes[1], shapes[2]).unwrap_or(nothing);
        let (mask, state) = scoring.split(extra);
        let draw = scoring.dropout.zip(state).map(|(dropout, state)| {
            let word = |i: usize| state.data[i] as i64 as u64;
            // The decomposition compares `float32` numbers.
            let kept = f64::from(dropout.kept() as f32);
            (Draw::new(word(0), word(1), dropout.stream), kept)
        });
        Naive { scoring, extents, query, key, value, mask: mask.copied(), draw }
    }

    /// Every row of scores, in order of batch, queries, heads.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        let Extents { batch, queries, heads, .. } = self.extents;
        (0..batch * queries * heads).map(move |index| Row {
            batch: index / (queries * heads),
            query: index / heads % queries,
            head: index % heads,
            index,
        })
    }

    /// Where a key's or value's numbers begin, `dim` of them for each position and head.
    pub(super) fn at_key(&self, row: Row, key: usize, dim: usize) -> usize {
        let Extents { keys, key_heads, .. } = self.extents;
        let head = row.head / self.extents.group();
        ((row.batch * keys + key) * key_heads + head) * dim
    }

    /// The scores of a row and whether each counts.
    pub(super) fn scores(&self, row: Row) -> Vec<(f64, bool)> {
        let Extents { keys, dim, .. } = self.extents;
        let score = |key: usize| {
            let (q, k) = (row.index * dim, self.at_key(row, key, dim));
            let product: f64 =
                (0..dim).map(|i| self.query.data[q + i] * self.key.data[k + i]).sum();
            let mut score = product * self.scoring.scale.value();
            let mut seen = !self.scoring.causal || key <= row.query;
            if let Some(mask) = self.mask {
                let strides = mask.shape().strides();
                let index = [row.batch, row.head, row.query, key];
                let extents = index.iter().zip(mask.shape().iter());
                let index: Vec<usize> = extents.map(|(&i, &d)| i.min(d - 1)).collect();
                let entry = mask.data[offset(&index, &strides)];
                match mask.ty.dtype {
                    DType::Bool => seen &= entry != 0.0,
                    _ => score += entry,
                }
            }
            if seen { (score, true) } else { (hidden_score(self.query.ty.dtype), false) }
        };
        (0..keys).map(score).collect()
    }

    /// The factor of a weight: 1 without dropout.
    pub(super) fn factor(&self, row: Row, key: usize) -> f64 {
        let Some((draw, kept)) = &self.draw else { return 1.0 };
        let Extents { keys, queries, heads, .. } = self.extents;
        let at = ((row.batch * heads + row.head) * queries + row.query) * keys + key;
        let is_kept = f64::from(draw.uniform(at as u64)) < *kept;
        if is_kept { 1.0 / self.scoring.dropout.map_or(1.0, |d| d.kept()) } else { 0.0 }
    }
}
