//! The random order of NumPy's `RandomState`, which Keras's loaders shuffle with.
//!
//! Only the shuffle is here, so that data sets and folders come in the order that Keras's users
//! know.
//! It must not be used for anything else: Ibex's own random numbers are counter-based.
//!
//! Source: M. Matsumoto and T. Nishimura, Mersenne Twister, 1998 (MT19937), and the documented
//! behaviour of `numpy.random.RandomState.shuffle`.

const WORDS: usize = 624;
const SHIFT: usize = 397;

/// A Mersenne Twister as `numpy.random.RandomState(seed)` makes it.
pub(crate) struct RandomState {
    words: [u32; WORDS],
    next: usize,
}

impl RandomState {
    /// The generator of this seed.
    pub(crate) fn new(seed: u32) -> RandomState {
        let mut words = [seed; WORDS];
        for index in 1..WORDS {
            let before = words[index - 1];
            words[index] =
                (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(index as u32);
        }
        RandomState { words, next: WORDS }
    }

    /// Puts the items into the order of `RandomState.shuffle`.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below_or_equal(last as u32) as usize);
        }
    }

    /// A number of 0 to `largest`: masked bits, drawn again while they are beyond it.
    fn below_or_equal(&mut self, largest: u32) -> u32 {
        let mask = u32::MAX.checked_shr(largest.leading_zeros()).unwrap_or(0);
        loop {
            let value = self.next_word() & mask;
            if value <= largest {
                return value;
            }
        }
    }

    fn next_word(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut word = self.words[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for index in 0..WORDS {
            let high = self.words[index] & 0x8000_0000;
            let low = self.words[(index + 1) % WORDS] & 0x7fff_ffff;
            let joined = high | low;
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[index] = self.words[(index + SHIFT) % WORDS] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_thousandth_word_is_that_of_the_standard() {
        // ISO C++ gives this value for `std::mt19937` with its default seed.
        let mut state = RandomState::new(5489);
        let words: Vec<u32> = (0..10_000).map(|_| state.next_word()).collect();
        assert_eq!(words.last(), Some(&4_123_659_995));
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        RandomState::new(7).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
        RandomState::new(7).shuffle(&mut [0_u8; 0]);
    }
}
