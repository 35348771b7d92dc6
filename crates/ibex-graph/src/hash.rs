//! Hashes of bytes that never change: those by which Keras puts strings into bins.
//!
//! FarmHash's `Fingerprint64` without a key, SipHash-2-4 with one.
//! Sources: FarmHash, <https://github.com/google/farmhash>, and Aumasson and Bernstein, "SipHash:
//! a fast short-input PRF", 2012.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// FarmHash's `Fingerprint64`.
///
/// ```
/// assert_eq!(ibex_graph::hash::fingerprint(b""), 0x9ae1_6a3b_2f90_404f);
/// ```
pub fn fingerprint(bytes: &[u8]) -> u64 {
    match bytes.len() {
        0..=16 => up_to_16(bytes),
        17..=32 => up_to_32(bytes),
        33..=64 => up_to_64(bytes),
        _ => longer(bytes),
    }
}

/// A fingerprint of two fingerprints in order, as TensorFlow joins them.
pub fn join(first: u64, second: u64) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    let second = mixed(second.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    let joined = (first ^ FACTOR ^ second).wrapping_mul(FACTOR);
    mixed(mixed(joined).wrapping_mul(FACTOR))
}

/// A fingerprint of any number of fingerprints in order, as TensorFlow crosses features.
pub fn combination(parts: impl Iterator<Item = u64>) -> u64 {
    const FIRST: u64 = 0x00DE_CAFC_AFFE;
    parts.fold(FIRST, join)
}

/// SipHash-2-4 under a key.
///
/// ```
/// // The example of the paper: the key and the message count up from 0.
/// let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
/// let message: Vec<u8> = (0..15).collect();
/// assert_eq!(ibex_graph::hash::keyed(&message, key), 0xa129_ca61_49be_45e5);
/// ```
pub fn keyed(bytes: &[u8], key: [u64; 2]) -> u64 {
    let mut state = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let words = bytes.chunks_exact(8);
    let mut last = (bytes.len() as u64) << 56;
    for (place, &byte) in words.remainder().iter().enumerate() {
        last |= u64::from(byte) << (8 * place);
    }
    for word in words.map(|word| word64(word, 0)).chain([last]) {
        state[3] ^= word;
        (0..2).for_each(|_| sip_round(&mut state));
        state[0] ^= word;
    }
    state[2] ^= 0xff;
    (0..4).for_each(|_| sip_round(&mut state));
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

fn sip_round(state: &mut [u64; 4]) {
    let [a, b, c, d] = state;
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

/// The eight bytes at `at`, lowest first; missing ones are zero.
fn word64(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.iter().skip(at).take(8).enumerate();
    bytes.fold(0, |word, (place, &byte)| word | u64::from(byte) << (8 * place))
}

/// The four bytes at `at`, lowest first.
fn word32(bytes: &[u8], at: usize) -> u64 {
    word64(bytes, at) & 0xffff_ffff
}

fn mixed(value: u64) -> u64 {
    value ^ (value >> 47)
}

fn combined(u: u64, v: u64, factor: u64) -> u64 {
    let a = mixed((u ^ v).wrapping_mul(factor));
    let b = mixed((v ^ a).wrapping_mul(factor));
    b.wrapping_mul(factor)
}

fn factor_for(length: usize) -> u64 {
    K2.wrapping_add(length as u64 * 2)
}

fn up_to_16(s: &[u8]) -> u64 {
    let length = s.len();
    match length {
        0 => K2,
        1..4 => {
            let [a, b, c] = [0, length / 2, length - 1].map(|place| u64::from(s[place]));
            let (y, z) = (a + (b << 8), length as u64 + (c << 2));
            mixed(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
        }
        4..8 => {
            let first = length as u64 + (word32(s, 0) << 3);
            combined(first, word32(s, length - 4), factor_for(length))
        }
        _ => {
            let factor = factor_for(length);
            let a = word64(s, 0).wrapping_add(K2);
            let b = word64(s, length - 8);
            let c = b.rotate_right(37).wrapping_mul(factor).wrapping_add(a);
            let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(factor);
            combined(c, d, factor)
        }
    }
}

/// The sums in which 32 bytes end.
fn folded(a: u64, b: u64, c: u64, d: u64, factor: u64) -> u64 {
    let first = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30));
    let second = a.wrapping_add(b.wrapping_add(K2).rotate_right(18)).wrapping_add(c);
    combined(first.wrapping_add(d), second, factor)
}

fn up_to_32(s: &[u8]) -> u64 {
    let length = s.len();
    let factor = factor_for(length);
    let a = word64(s, 0).wrapping_mul(K1);
    let c = word64(s, length - 8).wrapping_mul(factor);
    let d = word64(s, length - 16).wrapping_mul(K2);
    folded(a, word64(s, 8), c, d, factor)
}

fn up_to_64(s: &[u8]) -> u64 {
    let length = s.len();
    let factor = factor_for(length);
    let a = word64(s, 0).wrapping_mul(K2);
    let b = word64(s, 8);
    let c = word64(s, length - 8).wrapping_mul(factor);
    let d = word64(s, length - 16).wrapping_mul(K2);
    let y = a.wrapping_add(b).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let z = folded(a, b, c, d, factor);
    let e = word64(s, 16).wrapping_mul(factor);
    let f = word64(s, 24);
    let g = y.wrapping_add(word64(s, length - 32)).wrapping_mul(factor);
    let h = z.wrapping_add(word64(s, length - 24)).wrapping_mul(factor);
    let first = e.wrapping_add(f).rotate_right(43).wrapping_add(g.rotate_right(30));
    let second = e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g);
    combined(first.wrapping_add(h), second, factor)
}

/// The state of the hash of a string longer than 64 bytes.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: [u64; 2],
    w: [u64; 2],
}

impl State {
    /// Takes in the 64 bytes at `at`; the last ones count otherwise.
    fn take(&mut self, s: &[u8], at: usize, factor: u64, weight: u64) {
        let State { x, y, z, v, w } = self;
        let word = |place: usize| word64(s, at + place);
        *x = x.wrapping_add(*y).wrapping_add(v[0]).wrapping_add(word(8));
        *x = x.rotate_right(37).wrapping_mul(factor) ^ w[1].wrapping_mul(weight);
        *y = y.wrapping_add(v[1]).wrapping_add(word(48)).rotate_right(42).wrapping_mul(factor);
        *y = y.wrapping_add(v[0].wrapping_mul(weight)).wrapping_add(word(40));
        *z = z.wrapping_add(w[0]).rotate_right(33).wrapping_mul(factor);
        let words = |from: usize| [0, 8, 16, 24].map(|place| word(from + place));
        *v = weak(words(0), v[1].wrapping_mul(factor), x.wrapping_add(w[0]));
        *w = weak(words(32), z.wrapping_add(w[1]), y.wrapping_add(word(16)));
        std::mem::swap(z, x);
    }
}

fn weak([w, x, y, z]: [u64; 4], a: u64, b: u64) -> [u64; 2] {
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let sum = a.wrapping_add(x).wrapping_add(y);
    [sum.wrapping_add(z), b.wrapping_add(sum.rotate_right(44)).wrapping_add(a)]
}

fn longer(s: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let z = mixed(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let x = SEED.wrapping_mul(K2).wrapping_add(word64(s, 0));
    let mut state = State { x, y, z, v: [0; 2], w: [0; 2] };
    for block in 0..(s.len() - 1) / 64 {
        state.take(s, block * 64, K1, 1);
    }
    let factor = K1.wrapping_add((state.z & 0xff) << 1);
    state.w[0] = state.w[0].wrapping_add(((s.len() - 1) & 63) as u64);
    state.v[0] = state.v[0].wrapping_add(state.w[0]);
    state.w[0] = state.w[0].wrapping_add(state.v[0]);
    state.take(s, s.len() - 64, factor, 9);
    let State { x, y, z, v, w } = state;
    let first = combined(v[0], w[0], factor);
    let first = first.wrapping_add(mixed(y).wrapping_mul(K0)).wrapping_add(z);
    combined(first, combined(v[1], w[1], factor).wrapping_add(x), factor)
}
