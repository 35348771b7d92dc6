//! The tokens of vocabularies, and where those go that are in none.

use std::fmt::Display;
use std::hash::Hash;

use serde::{Deserialize, Deserializer, Serialize};

use crate::text::hash;

/// What a vocabulary is of.
pub(super) trait Token: Clone + Eq + Hash + Ord + Display {
    /// The bin among `bins` of a token that is in no vocabulary.
    fn bin(&self, bins: usize, method: OovMethod, salt: Option<Salt>) -> i64;
}

impl Token for i64 {
    fn bin(&self, bins: usize, method: OovMethod, salt: Option<Salt>) -> i64 {
        match method {
            OovMethod::Floormod => self.rem_euclid(bins.max(1) as i64),
            OovMethod::Farmhash => self.to_string().bin(bins, method, salt),
        }
    }
}

impl Token for String {
    fn bin(&self, bins: usize, _: OovMethod, salt: Option<Salt>) -> i64 {
        bin_of(self, bins, salt)
    }
}

/// The bin among `bins` of a text.
pub(super) fn bin_of(text: &str, bins: usize, salt: Option<Salt>) -> i64 {
    let hash = match salt {
        None => hash::fingerprint(text.as_bytes()),
        Some(salt) => hash::keyed(text.as_bytes(), salt.0),
    };
    (hash % bins.max(1) as u64) as i64
}

/// How integers outside the vocabulary are spread over several indices; strings are always hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OovMethod {
    /// By the remainder.
    #[default]
    Floormod,
    /// By the hash of their decimal digits.
    Farmhash,
}

/// The key of a hash: two numbers, or one that stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Salt(pub [u64; 2]);

impl From<u64> for Salt {
    fn from(salt: u64) -> Salt {
        Salt([salt; 2])
    }
}

impl From<[u64; 2]> for Salt {
    fn from(salt: [u64; 2]) -> Salt {
        Salt(salt)
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Salt, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number")]
        enum Form {
            Unsigned(u64),
            Signed(i64),
        }
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number or two of them")]
        enum Forms {
            One(Form),
            Two([Form; 2]),
        }
        let bits = |form: Form| match form {
            Form::Unsigned(value) => value,
            // The hash takes the bits.
            Form::Signed(value) => value as u64,
        };
        Ok(match Forms::deserialize(from)? {
            Forms::One(form) => Salt::from(bits(form)),
            Forms::Two(forms) => Salt(forms.map(bits)),
        })
    }
}
