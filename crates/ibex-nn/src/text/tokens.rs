//! From a text to its tokens: standardized, split, joined to n-grams.

use serde::{Deserialize, Serialize};

/// What is done to a text before it is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standardize {
    /// ASCII letters become small and ASCII punctuation goes.
    LowerAndStripPunctuation,
    /// ASCII letters become small.
    Lower,
    /// ASCII punctuation goes.
    StripPunctuation,
}

impl Standardize {
    /// The text as it is then.
    ///
    /// ```
    /// use ibex_nn::text::Standardize;
    ///
    /// let clean = Standardize::LowerAndStripPunctuation.apply("It's 5 o'clock, ÉVA!");
    /// assert_eq!(clean, "its 5 oclock Éva");
    /// ```
    pub fn apply(self, text: &str) -> String {
        let text = match self {
            Standardize::StripPunctuation => text.to_string(),
            _ => text.to_ascii_lowercase(),
        };
        match self {
            Standardize::Lower => text,
            _ => text.chars().filter(|c| !c.is_ascii_punctuation()).collect(),
        }
    }
}

/// How a text becomes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Words between ASCII white space.
    Whitespace,
    /// Every character is a token.
    Character,
}

impl Split {
    /// The tokens of a text.
    ///
    /// ```
    /// use ibex_nn::text::Split;
    ///
    /// assert_eq!(Split::Whitespace.apply(" to  be\n"), ["to", "be"]);
    /// assert_eq!(Split::Character.apply("été"), ["é", "t", "é"]);
    /// ```
    pub fn apply(self, text: &str) -> Vec<String> {
        // The vertical tab is white space here, though not for `char::is_ascii_whitespace`.
        let is_space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
        match self {
            Split::Whitespace => {
                text.split(is_space).filter(|word| !word.is_empty()).map(str::to_string).collect()
            }
            Split::Character => text.chars().map(String::from).collect(),
        }
    }
}

/// The runs of tokens of each of these widths, joined by a blank; width after width.
///
/// ```
/// let tokens = ["to", "be", "or"].map(String::from);
/// let found = ibex_nn::text::ngrams(&tokens, &[1, 2]);
/// assert_eq!(found, ["to", "be", "or", "to be", "be or"]);
/// ```
pub fn ngrams(tokens: &[String], widths: &[usize]) -> Vec<String> {
    let runs = |&width: &usize| tokens.windows(width.max(1)).map(|run| run.join(" "));
    widths.iter().flat_map(runs).collect()
}
