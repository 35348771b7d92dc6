//! Damage to files, for the test of the readers and for `cargo xtask mutate`.
//!
//! It must not know any format.

/// A small generator (xorshift64*), enough to place damage.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Damages up to four places: bytes, bits, lengths and addresses, digits, copied parts, ends.
pub(crate) fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(damaged.len());
        let width = [1, 2, 4, 8][random.below(4)].min(damaged.len() - at);
        match random.below(9) {
            0 => damaged[at] = random.next() as u8,
            1 => damaged[at] ^= 1 << random.below(8),
            2 => damaged[at..at + width].fill(0xff),
            3 => damaged[at..at + width].fill(0),
            4 => damaged[at + width - 1] = 0x7f,
            5 => {
                let from = random.below(damaged.len() - width + 1);
                damaged.copy_within(from..from + width, at);
            }
            6 => damaged[at..at + width].fill(b'9'),
            // The low bytes of 2^30: as a length, a gibibyte.
            7 => damaged[at..at + width].copy_from_slice(&[0, 0, 0, 0x40, 0, 0, 0, 0][..width]),
            _ if random.below(8) == 0 => damaged.truncate(at.max(1)),
            _ => damaged[at] = damaged[at].wrapping_add(1),
        }
    }
    damaged
}
