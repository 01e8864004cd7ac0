//! Vectors of eight words, or sixteen halves, in a register of AVX2.

mod requantize;

use core::arch::x86_64::*;

use bytemuck::cast;

pub use self::requantize::{Ends, Requantizer, Words, words};

/// Eight words or sixteen halves.
pub type Vector = __m256i;

/// Pixels of a tile. With two vectors of filters there are twelve sums, two weights and an activation: all but one of the
/// registers.
pub const PIXELS: usize = 6;

/// Vectors of filters of a tile.
pub const FILTERS: usize = 2;

cpufeatures::new!(has_avx2, "avx2");

/// Whether the processor has these vectors.
pub fn exists() -> bool {
    has_avx2::get()
}

/// All zeros.
#[target_feature(enable = "avx2")]
#[inline]
pub fn zero() -> Vector {
    _mm256_setzero_si256()
}

/// A value in all words.
#[target_feature(enable = "avx2")]
#[inline]
pub fn of_word(value: i32) -> Vector {
    _mm256_set1_epi32(value)
}

/// A value in all halves.
#[target_feature(enable = "avx2")]
#[inline]
pub fn of_half(value: i16) -> Vector {
    _mm256_set1_epi16(value)
}

/// Reads a vector.
///
/// # Safety
/// It is readable.
#[target_feature(enable = "avx2")]
#[inline]
pub unsafe fn load(from: *const [i32; 8]) -> Vector {
    // SAFETY: as the caller says.
    unsafe { _mm256_loadu_si256(from.cast()) }
}

/// Sixteen bytes as halves.
#[target_feature(enable = "avx2")]
#[inline]
pub fn widen(bytes: &[i8; 16]) -> Vector {
    let [low, high] = cast::<_, [i64; 2]>(*bytes);
    _mm256_cvtepi8_epi16(_mm_set_epi64x(high, low))
}

/// Eight bytes as words.
#[target_feature(enable = "avx2")]
#[inline]
pub fn widen_to_words(bytes: &[i8; 8]) -> Vector {
    _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(cast(*bytes)))
}

/// Eight bytes as halves, and an offset.
#[target_feature(enable = "avx2")]
#[inline]
pub fn widen_eight(bytes: &[i8; 8], offset: i16) -> [i16; 8] {
    cast(_mm_add_epi16(_mm_cvtepi8_epi16(_mm_cvtsi64_si128(cast(*bytes))), _mm_set1_epi16(offset)))
}

/// Sums of words.
#[target_feature(enable = "avx2")]
#[inline]
pub fn add_words(a: Vector, b: Vector) -> Vector {
    _mm256_add_epi32(a, b)
}

/// Differences of words.
#[target_feature(enable = "avx2")]
#[inline]
pub fn sub_words(a: Vector, b: Vector) -> Vector {
    _mm256_sub_epi32(a, b)
}

/// The lower words of products of words.
#[target_feature(enable = "avx2")]
#[inline]
pub fn mul_words(a: Vector, b: Vector) -> Vector {
    _mm256_mullo_epi32(a, b)
}

/// A quarter of each word, rounded down.
#[target_feature(enable = "avx2")]
#[inline]
pub fn quarter_words(a: Vector) -> Vector {
    _mm256_srai_epi32::<2>(a)
}

/// Sums of halves.
#[target_feature(enable = "avx2")]
#[inline]
pub fn add_halves(a: Vector, b: Vector) -> Vector {
    _mm256_add_epi16(a, b)
}

/// Differences of halves.
#[target_feature(enable = "avx2")]
#[inline]
pub fn sub_halves(a: Vector, b: Vector) -> Vector {
    _mm256_sub_epi16(a, b)
}

/// Products of halves, added two by two.
#[target_feature(enable = "avx2")]
#[inline]
pub fn multiply_pairs(a: Vector, b: Vector) -> Vector {
    _mm256_madd_epi16(a, b)
}

/// Sixteen bytes.
pub type Bytes = __m128i;

/// Reads sixteen bytes.
///
/// # Safety
/// They are readable.
#[target_feature(enable = "avx2")]
#[inline]
pub unsafe fn load_bytes(from: *const u8) -> Bytes {
    // SAFETY: as the caller says.
    unsafe { _mm_loadu_si128(from.cast()) }
}

/// A value in all bytes.
#[target_feature(enable = "avx2")]
#[inline]
pub fn of_byte(value: i8) -> Bytes {
    _mm_set1_epi8(value)
}

/// All bits of the bytes, without signs, in which `a` is at most `b`.
#[target_feature(enable = "avx2")]
#[inline]
pub fn at_most(a: Bytes, b: Bytes) -> Bytes {
    _mm_cmpeq_epi8(_mm_max_epu8(a, b), b)
}

/// Bytes of `a` where all bits of the mask are set, of `b` where none is.
#[target_feature(enable = "avx2")]
#[inline]
pub fn select(mask: Bytes, a: Bytes, b: Bytes) -> Bytes {
    _mm_blendv_epi8(b, a, mask)
}

/// Bytes as halves.
#[target_feature(enable = "avx2")]
#[inline]
pub fn widen_bytes(bytes: Bytes) -> Vector {
    _mm256_cvtepi8_epi16(bytes)
}

/// A bit for each half that is below a limit, the first in the lowest.
#[target_feature(enable = "avx2")]
#[inline]
pub fn below(a: Vector, limit: i16) -> u16 {
    let below = _mm256_cmpgt_epi16(of_half(limit), a);
    let bytes = _mm_packs_epi16(_mm256_castsi256_si128(below), _mm256_extracti128_si256::<1>(below));
    _mm_movemask_epi8(bytes) as u16
}

/// Rows of eight words as columns.
#[target_feature(enable = "avx2")]
#[inline]
pub fn transpose([a, b, c, d, e, f, g, h]: [Vector; 8]) -> [Vector; 8] {
    let pairs = |a, b| (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let [(ab, ab2), (cd, cd2), (ef, ef2), (gh, gh2)] = [pairs(a, b), pairs(c, d), pairs(e, f), pairs(g, h)];
    let fours = |a, b| (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let [(a0, a1), (a2, a3)] = [fours(ab, cd), fours(ab2, cd2)];
    let [(e0, e1), (e2, e3)] = [fours(ef, gh), fours(ef2, gh2)];
    // In each vector two columns, four apart.
    let low = |a, e| _mm256_permute2x128_si256::<0x20>(a, e);
    let high = |a, e| _mm256_permute2x128_si256::<0x31>(a, e);
    [low(a0, e0), low(a1, e1), low(a2, e2), low(a3, e3), high(a0, e0), high(a1, e1), high(a2, e2), high(a3, e3)]
}
