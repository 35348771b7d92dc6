//! Vectors of AVX2 with FMA and of AVX-512.

use std::arch::x86_64::*;

use super::{Kernel, MAX_LANES, Simd, operations};

/// The token of AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

/// The token of AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx2 {
    /// The token.
    ///
    /// # Safety
    /// The processor has AVX2 and FMA.
    #[inline(always)]
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

/// Runs `kernel` compiled for AVX2.
///
/// # Safety
/// The processor has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

impl Avx512 {
    /// The token.
    ///
    /// # Safety
    /// The processor has AVX-512 F, BW, DQ and VL.
    #[inline(always)]
    #[must_use]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

/// Runs `kernel` compiled for AVX-512.
///
/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(crate) unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// Eight ones, then eight zeros: a window into it is the mask of the first lanes.
static FIRST_LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The mask of the first `count <= 8` lanes.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn first_lanes(count: usize) -> __m256i {
    debug_assert!(count <= 8);
    // SAFETY: the window of eight lies within the sixteen entries.
    unsafe { _mm256_loadu_si256(FIRST_LANES.as_ptr().add(8 - count).cast()) }
}

impl Simd for Avx2 {
    type F = __m256;
    type I = __m256i;
    type M = __m256;
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        // SAFETY: the token proves AVX2; the caller promises the memory.
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, value: __m256) {
        // SAFETY: the token proves AVX2; the caller promises the memory.
        unsafe { _mm256_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, from: *const f32, count: usize) -> __m256 {
        // SAFETY: the token proves AVX2; only `count` floats are read.
        unsafe { _mm256_maskload_ps(from, first_lanes(count)) }
    }
    #[inline(always)]
    unsafe fn load_up_to(self, from: *const f32, count: usize) -> __m256 {
        // Without a branch: loops with many vectors in hand are not copied for both ways then.
        // SAFETY: as this function's caller promises.
        unsafe { self.load_partial(from, count) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, value: __m256, count: usize) {
        // Stores under a mask take tens of cycles on some processors: four, two and one instead.
        // SAFETY: the token proves AVX2; only `count` floats are written.
        unsafe {
            let (mut to, mut rest) = (to, _mm256_castps256_ps128(value));
            if count & 4 != 0 {
                _mm_storeu_ps(to, rest);
                (to, rest) = (to.add(4), _mm256_extractf128_ps::<1>(value));
            }
            if count & 2 != 0 {
                _mm_storel_pd(to.cast(), _mm_castps_pd(rest));
                (to, rest) = (to.add(2), _mm_movehl_ps(rest, rest));
            }
            if count & 1 != 0 {
                _mm_store_ss(to, rest);
            }
        }
    }
    operations! {
        splat(value: f32) -> __m256 = _mm256_set1_ps(value);
        add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a);
        floor(a: __m256) -> __m256 = _mm256_floor_ps(a);
        ceil(a: __m256) -> __m256 = _mm256_ceil_ps(a);
        round(a: __m256) -> __m256 =
            _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        lt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        le(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        eq(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        is_nan(a: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a);
        select(mask: __m256, yes: __m256, no: __m256) -> __m256 = _mm256_blendv_ps(no, yes, mask);
        any(mask: __m256) -> bool = _mm256_movemask_ps(mask) != 0;
        splat_i(value: i32) -> __m256i = _mm256_set1_epi32(value);
        add_i(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        sub_i(a: __m256i, b: __m256i) -> __m256i = _mm256_sub_epi32(a, b);
        and_i(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
        or_i(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
        xor_i(a: __m256i, b: __m256i) -> __m256i = _mm256_xor_si256(a, b);
        mul_wide(a: __m256i, b: __m256i) -> (__m256i, __m256i) = {
            let even = _mm256_mul_epu32(a, b);
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b));
            let high = _mm256_blend_epi32::<0xAA>(_mm256_srli_epi64::<32>(even), odd);
            (high, _mm256_blend_epi32::<0xAA>(even, _mm256_slli_epi64::<32>(odd)))
        };
        bits(a: __m256) -> __m256i = _mm256_castps_si256(a);
        from_bits(a: __m256i) -> __m256 = _mm256_castsi256_ps(a);
        to_int(a: __m256) -> __m256i = _mm256_cvtps_epi32(a);
        from_int(a: __m256i) -> __m256 = _mm256_cvtepi32_ps(a);
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sll_epi32(a, _mm_cvtsi32_si128(BITS.cast_signed())) }
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: the token proves AVX2.
        unsafe { _mm256_sra_epi32(a, _mm_cvtsi32_si128(BITS.cast_signed())) }
    }

    #[inline(always)]
    unsafe fn load_mask(self, from: *const u8) -> __m256 {
        // SAFETY: the token proves AVX2; the caller promises eight bytes.
        unsafe {
            let bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()));
            _mm256_castsi256_ps(_mm256_cmpgt_epi32(bytes, _mm256_setzero_si256()))
        }
    }
    #[inline(always)]
    unsafe fn store_mask(self, to: *mut u8, mask: __m256) {
        // SAFETY: the token proves AVX2; the caller promises eight bytes.
        unsafe {
            let ones = _mm256_srli_epi32::<31>(_mm256_castps_si256(mask));
            let low = _mm256_castsi256_si128(ones);
            let words = _mm_packs_epi32(low, _mm256_extracti128_si256::<1>(ones));
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
        }
    }

    #[inline(always)]
    unsafe fn transpose(
        self,
        rows: &[*const f32; MAX_LANES],
        offset: usize,
        to: *mut f32,
        step: usize,
        height: usize,
    ) {
        // SAFETY: the token proves AVX2; the caller promises the memory.
        unsafe {
            let row = |index: usize| _mm256_loadu_ps(rows[index].add(offset));
            // Pairs of rows interleave, then pairs of pairs, then the halves change places.
            let mut quads = [_mm256_setzero_ps(); 8];
            for half in 0..2 {
                let [a, b, c, d] = [0, 1, 2, 3].map(|index| row(4 * half + index));
                let [low_ab, high_ab] = [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)];
                let [low_cd, high_cd] = [_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d)];
                quads[4 * half] = _mm256_shuffle_ps::<0x44>(low_ab, low_cd);
                quads[4 * half + 1] = _mm256_shuffle_ps::<0xee>(low_ab, low_cd);
                quads[4 * half + 2] = _mm256_shuffle_ps::<0x44>(high_ab, high_cd);
                quads[4 * half + 3] = _mm256_shuffle_ps::<0xee>(high_ab, high_cd);
            }
            for column in 0..4 {
                let (upper, lower) = (quads[column], quads[column + 4]);
                let first = _mm256_permute2f128_ps::<0x20>(upper, lower);
                let second = _mm256_permute2f128_ps::<0x31>(upper, lower);
                self.store_up_to(to.add(column * step), first, height);
                self.store_up_to(to.add((column + 4) * step), second, height);
            }
        }
    }
}

/// The mask of the first `count <= 16` lanes.
#[inline(always)]
fn mask_of(count: usize) -> __mmask16 {
    ((1_u32 << count) - 1) as __mmask16
}

impl Simd for Avx512 {
    type F = __m512;
    type I = __m512i;
    type M = __mmask16;
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        // SAFETY: the token proves AVX-512; the caller promises the memory.
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, value: __m512) {
        // SAFETY: the token proves AVX-512; the caller promises the memory.
        unsafe { _mm512_storeu_ps(to, value) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, from: *const f32, count: usize) -> __m512 {
        // SAFETY: the token proves AVX-512; only `count` floats are read.
        unsafe { _mm512_maskz_loadu_ps(mask_of(count), from) }
    }
    #[inline(always)]
    unsafe fn load_up_to(self, from: *const f32, count: usize) -> __m512 {
        // Without a branch, as with AVX2.
        // SAFETY: as this function's caller promises.
        unsafe { self.load_partial(from, count) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, to: *mut f32, value: __m512, count: usize) {
        // SAFETY: the token proves AVX-512; only `count` floats are written.
        unsafe { _mm512_mask_storeu_ps(to, mask_of(count), value) }
    }
    operations! {
        splat(value: f32) -> __m512 = _mm512_set1_ps(value);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        floor(a: __m512) -> __m512 =
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(a);
        ceil(a: __m512) -> __m512 =
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(a);
        round(a: __m512) -> __m512 =
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        le(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b);
        eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        is_nan(a: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
        select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 =
            _mm512_mask_blend_ps(mask, no, yes);
        splat_i(value: i32) -> __m512i = _mm512_set1_epi32(value);
        add_i(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        sub_i(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        and_i(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        or_i(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        xor_i(a: __m512i, b: __m512i) -> __m512i = _mm512_xor_si512(a, b);
        mul_wide(a: __m512i, b: __m512i) -> (__m512i, __m512i) = {
            let even = _mm512_mul_epu32(a, b);
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(a), _mm512_srli_epi64::<32>(b));
            let high = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64::<32>(even), odd);
            (high, _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64::<32>(odd)))
        };
        bits(a: __m512) -> __m512i = _mm512_castps_si512(a);
        from_bits(a: __m512i) -> __m512 = _mm512_castsi512_ps(a);
        to_int(a: __m512) -> __m512i = _mm512_cvtps_epi32(a);
        from_int(a: __m512i) -> __m512 = _mm512_cvtepi32_ps(a);
    }
    #[inline(always)]
    fn any(self, mask: __mmask16) -> bool {
        mask != 0
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_slli_epi32::<BITS>(a) }
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: the token proves AVX-512.
        unsafe { _mm512_srai_epi32::<BITS>(a) }
    }

    #[inline(always)]
    unsafe fn load_mask(self, from: *const u8) -> __mmask16 {
        // SAFETY: the token proves AVX-512; the caller promises sixteen bytes.
        unsafe {
            let bytes = _mm_loadu_si128(from.cast());
            _mm_test_epi8_mask(bytes, bytes)
        }
    }
    #[inline(always)]
    unsafe fn store_mask(self, to: *mut u8, mask: __mmask16) {
        // SAFETY: the token proves AVX-512; the caller promises sixteen bytes.
        unsafe { _mm_storeu_si128(to.cast(), _mm_maskz_set1_epi8(mask, 1)) }
    }

    #[inline(always)]
    unsafe fn transpose(
        self,
        rows: &[*const f32; MAX_LANES],
        offset: usize,
        to: *mut f32,
        step: usize,
        height: usize,
    ) {
        // SAFETY: the token proves AVX-512; the caller promises the memory.
        unsafe {
            // Four rows at a time: within each 128-bit quarter, columns 4q + c of the four rows.
            let mut quads = [[_mm512_setzero_ps(); 4]; 4];
            for group in 0..4 {
                let [a, b, c, d] =
                    [0, 1, 2, 3].map(|row| _mm512_loadu_ps(rows[4 * group + row].add(offset)));
                let [low_ab, high_ab] = [_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)];
                let [low_cd, high_cd] = [_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)];
                quads[group] = [
                    _mm512_shuffle_ps::<0x44>(low_ab, low_cd),
                    _mm512_shuffle_ps::<0xee>(low_ab, low_cd),
                    _mm512_shuffle_ps::<0x44>(high_ab, high_cd),
                    _mm512_shuffle_ps::<0xee>(high_ab, high_cd),
                ];
            }
            // Then the quarters of the four groups change places.
            for column in 0..4 {
                let [a, b, c, d] = [0, 1, 2, 3].map(|group| quads[group][column]);
                let even_ab = _mm512_shuffle_f32x4::<0x88>(a, b);
                let odd_ab = _mm512_shuffle_f32x4::<0xdd>(a, b);
                let even_cd = _mm512_shuffle_f32x4::<0x88>(c, d);
                let odd_cd = _mm512_shuffle_f32x4::<0xdd>(c, d);
                let quarters = [
                    _mm512_shuffle_f32x4::<0x88>(even_ab, even_cd),
                    _mm512_shuffle_f32x4::<0x88>(odd_ab, odd_cd),
                    _mm512_shuffle_f32x4::<0xdd>(even_ab, even_cd),
                    _mm512_shuffle_f32x4::<0xdd>(odd_ab, odd_cd),
                ];
                for (quarter, value) in quarters.into_iter().enumerate() {
                    self.store_up_to(to.add((4 * quarter + column) * step), value, height);
                }
            }
        }
    }
}
