//! The innermost loop of the matrix product: one tile of C in registers, for every set.
//!
//! A tile is up to `rows` × (2 vectors); its rows of A are either packed (step by step, all rows
//! side by side) or read where they lie through a table of row pointers.
//! Must not know: blocking, threads, views.

use super::ahead::Stream;
use crate::isa::Isa;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512};
use crate::simd::{Portable, Simd};

/// Everything one tile needs; the pointers must be valid for the sizes that go with them.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    /// Steps along the inner dimension; with row pointers, steps within one segment.
    pub(crate) steps: usize,
    /// Packed A: floats from one step to the next. Row pointers: likewise, along each row.
    pub(crate) a_step: isize,
    /// Packed A.
    pub(crate) a: *const f32,
    /// Row pointers: `segments` groups of as many pointers as the tile has rows.
    pub(crate) rows: *const *const f32,
    /// How many groups of row pointers follow one another along the inner dimension.
    pub(crate) segments: usize,
    pub(crate) b: *const f32,
    /// Floats from one step of B to the next; columns are neighbours.
    pub(crate) b_step: isize,
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    /// Columns of an edge tile that exist.
    pub(crate) columns: usize,
    /// C is larger than the second cache.
    pub(crate) far: bool,
    /// What is asked for meanwhile, where A is packed.
    pub(crate) ahead: Stream,
    pub(crate) finish: Finish,
}

/// What happens to a tile before it is written.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    pub(crate) alpha: f32,
    /// Add what C holds.
    pub(crate) accumulate: bool,
    /// One value per column, or null.
    pub(crate) column_bias: *const f32,
    /// One value per row, or null.
    pub(crate) row_bias: *const f32,
    pub(crate) relu: bool,
}

impl Finish {
    /// The product as it is.
    pub(crate) const PLAIN: Self = Self {
        alpha: 1.0,
        accumulate: false,
        column_bias: std::ptr::null(),
        row_bias: std::ptr::null(),
        relu: false,
    };
}

/// A compiled tile.
pub(crate) type TileFn = unsafe fn(&Tile);

/// The tiles of one instruction set, by kind and number of rows.
pub(crate) struct Tiles {
    /// The most rows of a tile.
    pub(crate) rows: usize,
    /// Floats in a vector; a full tile has twice as many columns.
    pub(crate) lanes: usize,
    packed: [&'static [TileFn]; 3],
    indirect: [&'static [TileFn]; 3],
}

impl Tiles {
    /// Columns of a full tile.
    pub(crate) fn columns(&self) -> usize {
        2 * self.lanes
    }

    /// The tile for `rows` × `columns`.
    #[inline]
    pub(crate) fn get(&self, rows: usize, columns: usize, packed: bool) -> TileFn {
        let kind =
            if columns == 2 * self.lanes { 0 } else { 1 + usize::from(columns > self.lanes) };
        let table = if packed { &self.packed } else { &self.indirect };
        table[kind][rows - 1]
    }

    /// The tiles of the set in use.
    pub(crate) fn current() -> &'static Self {
        match Isa::current() {
            Isa::Portable => &PORTABLE,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => &NEON,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &AVX2,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &AVX512,
        }
    }
}

/// One tile of `ROWS` × (`VECTORS` vectors).
///
/// `EDGE`: the last vector holds only some columns. `PACKED`: see the module.
///
/// # Safety
/// As [`Tile`] says.
#[inline(always)]
unsafe fn tile<
    S: Simd,
    const ROWS: usize,
    const VECTORS: usize,
    const EDGE: bool,
    const PACKED: bool,
>(
    s: S,
    t: &Tile,
) {
    // SAFETY: the pointers of `t` are valid for its sizes, and every offset stays within them.
    unsafe {
        let last = t.columns.wrapping_sub((VECTORS - 1) * S::LANES);
        let mut sums = [[s.splat(0.0); VECTORS]; ROWS];
        // Every tile has other lines of C, which are not near when the sum is done. Tiles of long
        // vectors have so many that asking for them pays only where C is far (BENCHMARKS.md).
        if S::LANES <= 8 || t.far {
            for row in 0..ROWS {
                let row = t.c.wrapping_add(row * t.c_row);
                s.prefetch(row);
                s.prefetch(row.wrapping_add(VECTORS * S::LANES - 1));
            }
        }
        let mut b = t.b;
        if PACKED {
            let mut a = t.a;
            let mut ahead = t.ahead;
            // Without a wish, a line that is there anyway: a branch would cost more.
            if ahead.from.is_null() {
                ahead.from = t.b;
            }
            for _ in 0..t.steps {
                s.prefetch_second(ahead.from);
                ahead.advance();
                let values = load_row::<S, VECTORS, EDGE>(s, b, last);
                for row in 0..ROWS {
                    let x = s.splat(*a.add(row));
                    for vector in 0..VECTORS {
                        sums[row][vector] = s.mul_add(x, values[vector], sums[row][vector]);
                    }
                }
                a = a.offset(t.a_step);
                b = b.offset(t.b_step);
            }
        } else {
            // A loop that tests its end last: else the sums of an edge tile are moved about in
            // every step, and most of them to memory and back.
            let segments = if t.steps == 0 { 0 } else { t.segments };
            for segment in 0..segments {
                let rows = t.rows.add(segment * ROWS).cast::<[*const f32; ROWS]>().read();
                let (mut offset, mut left) = (0, t.steps);
                loop {
                    let values = load_row::<S, VECTORS, EDGE>(s, b, last);
                    for row in 0..ROWS {
                        let x = s.splat(*rows[row].offset(offset));
                        for vector in 0..VECTORS {
                            sums[row][vector] = s.mul_add(x, values[vector], sums[row][vector]);
                        }
                    }
                    offset += t.a_step;
                    b = b.offset(t.b_step);
                    left -= 1;
                    if left == 0 {
                        break;
                    }
                }
            }
        }
        finish::<S, ROWS, VECTORS, EDGE>(s, t, sums, last);
    }
}

/// Reads one step of B.
///
/// # Safety
/// `from` is valid for the columns of the tile.
#[inline(always)]
unsafe fn load_row<S: Simd, const VECTORS: usize, const EDGE: bool>(
    s: S,
    from: *const f32,
    last: usize,
) -> [S::F; VECTORS] {
    let mut values = [s.splat(0.0); VECTORS];
    for vector in 0..VECTORS {
        // SAFETY: the caller promises the columns; the last vector of an edge reads only those.
        values[vector] = unsafe {
            let from = from.add(vector * S::LANES);
            if EDGE && vector == VECTORS - 1 { s.load_up_to(from, last) } else { s.load(from) }
        };
    }
    values
}

/// One pass over the registers of a tile.
#[inline(always)]
fn each<F: Copy, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[F; VECTORS]; ROWS],
    f: impl Fn(usize, usize, F) -> F,
) {
    for row in 0..ROWS {
        for vector in 0..VECTORS {
            sums[row][vector] = f(row, vector, sums[row][vector]);
        }
    }
}

/// Scales, accumulates, adds the bias, activates and writes a tile.
///
/// # Safety
/// As [`Tile`] says.
#[inline(always)]
unsafe fn finish<S: Simd, const ROWS: usize, const VECTORS: usize, const EDGE: bool>(
    s: S,
    t: &Tile,
    mut sums: [[S::F; VECTORS]; ROWS],
    last: usize,
) {
    // Each wish is one pass over the registers: a branch per value would be copied per value.
    let wish = &t.finish;
    if wish.alpha != 1.0 {
        let alpha = s.splat(wish.alpha);
        each(&mut sums, |_, _, value| s.mul(value, alpha));
    }
    // SAFETY: C and the bias are valid for the rows and columns of the tile.
    unsafe {
        if wish.accumulate {
            for row in 0..ROWS {
                let old = load_row::<S, VECTORS, EDGE>(s, t.c.add(row * t.c_row), last);
                for vector in 0..VECTORS {
                    sums[row][vector] = s.add(sums[row][vector], old[vector]);
                }
            }
        }
        if !wish.column_bias.is_null() {
            let bias = load_row::<S, VECTORS, EDGE>(s, wish.column_bias, last);
            each(&mut sums, |_, vector, value| s.add(value, bias[vector]));
        }
        if !wish.row_bias.is_null() {
            each(&mut sums, |row, _, value| s.add(value, s.splat(*wish.row_bias.add(row))));
        }
        if wish.relu {
            // The zero first: then NaN passes through.
            each(&mut sums, |_, _, value| s.max(s.splat(0.0), value));
        }
        for row in 0..ROWS {
            for vector in 0..VECTORS {
                let to = t.c.add(row * t.c_row + vector * S::LANES);
                if EDGE && vector == VECTORS - 1 {
                    s.store_up_to(to, sums[row][vector], last);
                } else {
                    s.store(to, sums[row][vector]);
                }
            }
        }
    }
}

/// Compiles the tiles of one set: a table per kind, an entry per number of rows.
macro_rules! tiles {
    ($name:ident, $token:ty, $make:expr, $(#[$feature:meta])? [$($rows:literal)*]) => {
        static $name: Tiles = {
            /// # Safety
            /// The processor has the set, and the tile is as [`Tile`] says.
            $(#[$feature])?
            unsafe fn compiled<
                const ROWS: usize,
                const VECTORS: usize,
                const EDGE: bool,
                const PACKED: bool,
            >(
                t: &Tile,
            ) {
                // SAFETY: as the caller promises.
                unsafe { tile::<$token, ROWS, VECTORS, EDGE, PACKED>($make, t) }
            }
            Tiles {
                rows: [$($rows),*].len(),
                lanes: <$token as Simd>::LANES,
                packed: [
                    &[$(compiled::<$rows, 2, false, true>),*],
                    &[$(compiled::<$rows, 1, true, true>),*],
                    &[$(compiled::<$rows, 2, true, true>),*],
                ],
                indirect: [
                    &[$(compiled::<$rows, 2, false, false>),*],
                    &[$(compiled::<$rows, 1, true, false>),*],
                    &[$(compiled::<$rows, 2, true, false>),*],
                ],
            }
        };
    };
}

tiles!(PORTABLE, Portable, Portable, [1 2 3 4 5 6]);
#[cfg(target_arch = "aarch64")]
tiles!(
    NEON,
    crate::simd::Neon,
    crate::simd::Neon::assume(),
    #[target_feature(enable = "neon")]
    [1 2 3 4 5 6 7 8 9 10 11 12]
);
#[cfg(target_arch = "x86_64")]
tiles!(
    AVX2,
    Avx2,
    Avx2::assume(),
    #[target_feature(enable = "avx2,fma")]
    [1 2 3 4 5 6]
);
#[cfg(target_arch = "x86_64")]
tiles!(
    AVX512,
    Avx512,
    Avx512::assume(),
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14]
);
