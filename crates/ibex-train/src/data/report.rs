//! [`Diagnosis`]: what the errors of people, training, development and test say to do next.
//!
//! The errors are shares of wrong answers, or whatever else is smaller where it is better; the
//! largest gap between two of them tells which of a few things to do.
//! Source: A. Ng, Machine Learning Yearning, 2018.

use std::fmt;

/// The errors of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// What people reach, or whatever else is the best that there can be.
    pub human: f64,
    /// On what was trained on.
    pub train: f64,
    /// On data like it that was kept apart.
    pub train_dev: Option<f64>,
    /// On data like what the model will meet, that choices are made by.
    pub dev: f64,
    /// On such data that nothing was chosen by.
    pub test: Option<f64>,
}

/// What a gap between two errors is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// From people to training: the model does not fit what it sees.
    Bias,
    /// From training to what was kept apart: the model knows its data by heart.
    Variance,
    /// To data of another kind.
    Mismatch,
    /// From development to test: choices fit the development data by chance.
    Overtuned,
    /// None is larger than a tenth of the error.
    None,
}

impl Gap {
    /// What to do next.
    pub fn advice(self) -> &'static str {
        match self {
            Gap::Bias => {
                "bias: train longer, with a larger model, another architecture or another \
                 optimizer; look at what people use that the model is not given"
            }
            Gap::Variance => {
                "variance: get more data, augment it, regularize (dropout, weight decay, early \
                 stopping), or use a smaller model"
            }
            Gap::Mismatch => {
                "mismatch: look at what is different in the development data, and train on data \
                 that is more like it"
            }
            Gap::Overtuned => "overtuned to the development data: get more of it, and choose again",
            Gap::None => {
                "no gap stands out: measure again with more data, or ask for a smaller error"
            }
        }
    }
}

/// The gaps between errors, and the largest.
///
/// ```
/// use ibex_train::data::report::{Diagnosis, Errors, Gap};
///
/// let errors = Errors { human: 0.01, train: 0.02, dev: 0.10, ..Errors::default() };
/// let diagnosis = Diagnosis::of(errors);
/// assert_eq!(diagnosis.worst(), Gap::Variance);
/// assert!(diagnosis.to_string().contains("get more data"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    errors: Errors,
    gaps: Vec<(Gap, f64)>,
}

impl Diagnosis {
    /// What these errors say.
    pub fn of(errors: Errors) -> Diagnosis {
        let mut gaps = vec![(Gap::Bias, errors.train - errors.human)];
        match errors.train_dev {
            Some(train_dev) => {
                gaps.push((Gap::Variance, train_dev - errors.train));
                gaps.push((Gap::Mismatch, errors.dev - train_dev));
            }
            None => gaps.push((Gap::Variance, errors.dev - errors.train)),
        }
        gaps.extend(errors.test.map(|test| (Gap::Overtuned, test - errors.dev)));
        Diagnosis { errors, gaps }
    }

    /// The gaps, in the order in which the errors grow.
    pub fn gaps(&self) -> &[(Gap, f64)] {
        &self.gaps
    }

    /// The largest gap, unless all are small.
    pub fn worst(&self) -> Gap {
        let last = self.errors.test.unwrap_or(self.errors.dev);
        let worst = self.gaps.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        match worst {
            Some(&(gap, size)) if size > last.abs() / 10.0 && size > 0.0 => gap,
            _ => Gap::None,
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Errors { human, train, train_dev, dev, test } = self.errors;
        let rows = [
            ("human level", Some(human)),
            ("training", Some(train)),
            ("training kept apart", train_dev),
            ("development", Some(dev)),
            ("test", test),
        ];
        let mut gaps = self.gaps.iter();
        for (i, (name, error)) in rows.iter().filter(|(_, error)| error.is_some()).enumerate() {
            let gap = if i == 0 { None } else { gaps.next() };
            let error = error.unwrap_or_default();
            match gap {
                None => writeln!(f, "{name:<20} {error:>8.4}")?,
                Some((kind, size)) => {
                    let kind = format!("{kind:?}").to_lowercase();
                    writeln!(f, "{name:<20} {error:>8.4}  {size:>+8.4} {kind}")?;
                }
            }
        }
        write!(f, "next: {}", self.worst().advice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_gap_tells_what_to_do() {
        let errors = |human, train, dev| Errors { human, train, dev, train_dev: None, test: None };
        let worst = |errors| Diagnosis::of(errors).worst();
        assert_eq!(worst(errors(0.01, 0.08, 0.10)), Gap::Bias);
        assert_eq!(worst(errors(0.01, 0.02, 0.10)), Gap::Variance);
        assert_eq!(worst(errors(0.10, 0.101, 0.102)), Gap::None);
        let mixed = Errors { train_dev: Some(0.03), ..errors(0.01, 0.02, 0.10) };
        assert_eq!(worst(mixed), Gap::Mismatch);
        let tuned = Errors { test: Some(0.30), ..errors(0.01, 0.02, 0.03) };
        assert_eq!(worst(tuned), Gap::Overtuned);
        assert_eq!(
            Diagnosis::of(mixed).to_string(),
            "human level            0.0100\n\
             training               0.0200   +0.0100 bias\n\
             training kept apart    0.0300   +0.0100 variance\n\
             development            0.1000   +0.0700 mismatch\n\
             next: mismatch: look at what is different in the development data, and train on \
             data that is more like it"
        );
    }
}
