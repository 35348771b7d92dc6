//! The bins into which integers are put by their hash.

use std::io::Write;

use crate::interpreter::Values;
use crate::op::{BadSample, Described, Forward, Info, Kind, Rule, Sample, Vjp};
use crate::{DType, OpError, Tensor, Type, hash};

/// What is hashed, and how.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hashed {
    /// The decimal digits of one integer, by [`hash::fingerprint`].
    Digits,
    /// The decimal digits of one integer, by [`hash::keyed`] under this key.
    KeyedDigits([u64; 2]),
    /// Two integers or more in order, one of each input, by [`hash::join`].
    Combination,
}

/// The bin among `bins` of each integer, or of the integers at each place, as `int64`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HashBins {
    /// The number of bins, at least one.
    pub bins: usize,
    /// What is hashed, and how.
    pub hashed: Hashed,
}

impl HashBins {
    /// The bin of one integer, or of a combination of them.
    pub fn bin(&self, values: impl Iterator<Item = i64>) -> i64 {
        let hash = match self.hashed {
            Hashed::Digits => of_digits(values, hash::fingerprint),
            Hashed::KeyedDigits(key) => of_digits(values, |digits| hash::keyed(digits, key)),
            Hashed::Combination => hash::combination(values.map(|value| value as u64)),
        };
        (hash % self.bins.max(1) as u64) as i64
    }

    fn inputs(&self) -> std::ops::RangeInclusive<usize> {
        match self.hashed {
            Hashed::Digits | Hashed::KeyedDigits(_) => 1..=1,
            Hashed::Combination => 2..=usize::MAX,
        }
    }
}

/// The hash of the first integer's decimal digits, written where nothing is allocated.
fn of_digits(mut values: impl Iterator<Item = i64>, hash: impl Fn(&[u8]) -> u64) -> u64 {
    const LONGEST: usize = "-9223372036854775808".len();
    let mut digits = [0; LONGEST];
    let mut free = &mut digits[..];
    // Every integer of 64 bits fits, so writing cannot fail.
    let _ = write!(free, "{}", values.next().unwrap_or(0));
    let written = LONGEST - free.len();
    hash(&digits[..written])
}

impl Tensor {
    /// The bin (`int64`) among `bins` of each integer by the hash of its decimal digits; under a
    /// key if there is one.
    ///
    /// ```
    /// # use ibex_graph::{Array, Tensor, interpreter::evaluate};
    /// let x = Tensor::constant(Array::from_slice([2], &[101i64, 102])?);
    /// // Of Keras 3.15, `Hashing(5)`.
    /// assert_eq!(evaluate(&x.hash_bins(5, None))?.to_f64_vec(), [3., 1.]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn hash_bins(&self, bins: usize, key: Option<[u64; 2]>) -> Tensor {
        let hashed = key.map_or(Hashed::Digits, Hashed::KeyedDigits);
        Tensor::apply(HashBins { bins, hashed }, &[self])
    }
}

impl Rule for HashBins {
    fn name(&self) -> &'static str {
        "hash_bins"
    }

    fn attributes(&self) -> String {
        match self.hashed {
            Hashed::Digits => self.bins.to_string(),
            Hashed::KeyedDigits([first, second]) => format!("{}, key {first} {second}", self.bins),
            Hashed::Combination => format!("{}, combination", self.bins),
        }
    }

    fn infer(&self, inputs: &[Type]) -> Result<Vec<Type>, OpError> {
        let wrong = |what, expected: &str, received| Err(OpError::new(what, expected, received));
        if !self.inputs().contains(&inputs.len()) {
            let expected = if self.hashed == Hashed::Combination { "two or more" } else { "one" };
            let what = "`hash_bins` takes another number of inputs";
            return wrong(what, expected, inputs.len().to_string());
        }
        if self.bins == 0 {
            return wrong("`hash_bins` has no bins", "at least one", "0".to_string());
        }
        let integer = |input: &&Type| !matches!(input.dtype, DType::I32 | DType::I64);
        if let Some(input) = inputs.iter().find(integer) {
            let what = "`hash_bins` is for integers";
            return wrong(what, "int32 or int64", input.to_string());
        }
        if let Some(other) = inputs.iter().find(|input| input.shape != inputs[0].shape) {
            let what = "`hash_bins` combines inputs of one shape";
            return wrong(what, &inputs[0].shape.to_string(), other.shape.to_string());
        }
        Ok(vec![Type::new(DType::I64, &inputs[0].shape)])
    }

    fn reference(&self, inputs: &[&Values], outputs: &[Type]) -> Vec<Values> {
        let bin = |at| self.bin(inputs.iter().map(|input| input.data[at] as i64)) as f64;
        vec![Values::new(outputs[0].clone(), (0..inputs[0].data.len()).map(bin).collect())]
    }

    fn vjp(&self, _: &Forward<'_>) -> Vjp {
        Vjp::ZeroAlmostEverywhere
    }
}

impl Described for HashBins {
    const INFO: Info = Info {
        name: "hash_bins",
        kind: Kind::Primitive,
        summary: "the bins of integers by their hash",
        samples: || {
            let of = |label: &str, hashed, inputs| {
                Sample::new(label, HashBins { bins: 1000, hashed }, inputs).without_gradient()
            };
            let x = |salt| Values::integers(DType::I64, [3, 5], -(1 << 50), 1 << 50, salt);
            let few = Values::integers(DType::I32, [40], -20, 20, 4);
            let nothing = Values::integers(DType::I64, [0, 2], 0, 1, 5);
            vec![
                of("digits", Hashed::Digits, vec![x(1)]),
                of("few digits", Hashed::Digits, vec![few]),
                of("keyed digits", Hashed::KeyedDigits([7, 1 << 60]), vec![x(2)]),
                of("combination", Hashed::Combination, vec![x(1), x(2), x(3)]),
                of("nothing", Hashed::Digits, vec![nothing]),
            ]
        },
        errors: || {
            let digits = HashBins { bins: 5, hashed: Hashed::Digits };
            let combination = HashBins { hashed: Hashed::Combination, ..digits };
            let integers = |shape: &[usize]| Type::new(DType::I64, shape);
            vec![
                BadSample::new(
                    digits,
                    &[integers(&[2]), integers(&[2])],
                    "`hash_bins` takes another number of inputs\n  expected  one\n  received  2",
                ),
                BadSample::new(
                    combination,
                    &[integers(&[2])],
                    "`hash_bins` takes another number of inputs\n  expected  two or more\n  \
                     received  1",
                ),
                BadSample::new(
                    HashBins { bins: 0, ..digits },
                    &[integers(&[2])],
                    "`hash_bins` has no bins\n  expected  at least one\n  received  0",
                ),
                BadSample::new(
                    digits,
                    &[Type::new(DType::F32, [2])],
                    "`hash_bins` is for integers\n  expected  int32 or int64\n  \
                     received  float32 (2,)",
                ),
                BadSample::new(
                    combination,
                    &[integers(&[2]), integers(&[3])],
                    "`hash_bins` combines inputs of one shape\n  expected  (2,)\n  received  (3,)",
                ),
            ]
        },
    };
}
