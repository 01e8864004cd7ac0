//! Vectors of eight words, or sixteen halves, in two of WebAssembly's 128 bits.

mod requantize;

use core::arch::wasm32::*;

use bytemuck::cast;

pub use self::requantize::{Ends, Requantizer, Words, words};

/// Eight words or sixteen halves.
pub type Vector = [v128; 2];

/// Pixels of a tile. Browsers have sixteen registers on x86-64, one of which they keep: with a vector of filters there are eight sums, two
/// weights, an activation and a product.
pub const PIXELS: usize = 4;

/// Vectors of filters of a tile.
pub const FILTERS: usize = 1;

/// Whether the processor has these vectors: a module that contains them is not even compiled elsewhere.
pub const fn exists() -> bool {
    true
}

/// All zeros.
#[inline]
pub fn zero() -> Vector {
    of_word(0)
}

/// A value in all words.
#[inline]
pub fn of_word(value: i32) -> Vector {
    [i32x4_splat(value); 2]
}

/// A value in all halves.
#[inline]
pub fn of_half(value: i16) -> Vector {
    [i16x8_splat(value); 2]
}

/// Reads a vector.
///
/// # Safety
/// It is readable.
#[inline]
pub unsafe fn load(from: *const [i32; 8]) -> Vector {
    // SAFETY: as the caller says.
    unsafe { from.cast::<Vector>().read_unaligned() }
}

/// Sixteen bytes as halves.
#[inline]
pub fn widen(bytes: &[i8; 16]) -> Vector {
    let bytes = cast(*bytes);
    [i16x8_extend_low_i8x16(bytes), i16x8_extend_high_i8x16(bytes)]
}

/// Eight bytes as words.
#[inline]
pub fn widen_to_words(bytes: &[i8; 8]) -> Vector {
    let halves = i16x8_extend_low_i8x16(i64x2(cast(*bytes), 0));
    [i32x4_extend_low_i16x8(halves), i32x4_extend_high_i16x8(halves)]
}

/// Eight bytes as halves, and an offset.
#[inline]
pub fn widen_eight(bytes: &[i8; 8], offset: i16) -> [i16; 8] {
    cast(i16x8_add(i16x8_extend_low_i8x16(i64x2(cast(*bytes), 0)), i16x8_splat(offset)))
}

/// Sums of words.
#[inline]
pub fn add_words(a: Vector, b: Vector) -> Vector {
    [i32x4_add(a[0], b[0]), i32x4_add(a[1], b[1])]
}

/// Differences of words.
#[inline]
pub fn sub_words(a: Vector, b: Vector) -> Vector {
    [i32x4_sub(a[0], b[0]), i32x4_sub(a[1], b[1])]
}

/// The lower words of products of words.
#[inline]
pub fn mul_words(a: Vector, b: Vector) -> Vector {
    [i32x4_mul(a[0], b[0]), i32x4_mul(a[1], b[1])]
}

/// A quarter of each word, rounded down.
#[inline]
pub fn quarter_words(a: Vector) -> Vector {
    [i32x4_shr(a[0], 2), i32x4_shr(a[1], 2)]
}

/// Sums of halves.
#[inline]
pub fn add_halves(a: Vector, b: Vector) -> Vector {
    [i16x8_add(a[0], b[0]), i16x8_add(a[1], b[1])]
}

/// Differences of halves.
#[inline]
pub fn sub_halves(a: Vector, b: Vector) -> Vector {
    [i16x8_sub(a[0], b[0]), i16x8_sub(a[1], b[1])]
}

/// Products of halves, added two by two.
#[inline]
pub fn multiply_pairs(a: Vector, b: Vector) -> Vector {
    [i32x4_dot_i16x8(a[0], b[0]), i32x4_dot_i16x8(a[1], b[1])]
}

/// Sixteen bytes.
pub type Bytes = v128;

/// Reads sixteen bytes.
///
/// # Safety
/// They are readable.
#[inline]
pub unsafe fn load_bytes(from: *const u8) -> Bytes {
    // SAFETY: as the caller says.
    unsafe { v128_load(from.cast()) }
}

/// A value in all bytes.
#[inline]
pub fn of_byte(value: i8) -> Bytes {
    i8x16_splat(value)
}

/// All bits of the bytes, without signs, in which `a` is at most `b`.
#[inline]
pub fn at_most(a: Bytes, b: Bytes) -> Bytes {
    u8x16_le(a, b)
}

/// Bytes of `a` where all bits of the mask are set, of `b` where none is.
#[inline]
pub fn select(mask: Bytes, a: Bytes, b: Bytes) -> Bytes {
    v128_bitselect(a, b, mask)
}

/// Bytes as halves.
#[inline]
pub fn widen_bytes(bytes: Bytes) -> Vector {
    [i16x8_extend_low_i8x16(bytes), i16x8_extend_high_i8x16(bytes)]
}

/// A bit for each half that is below a limit, the first in the lowest.
#[inline]
pub fn below([low, high]: Vector, limit: i16) -> u16 {
    let limit = i16x8_splat(limit);
    i8x16_bitmask(i8x16_narrow_i16x8(i16x8_lt(low, limit), i16x8_lt(high, limit)))
}

/// Rows of eight words as columns.
#[inline]
pub fn transpose([a, b, c, d, e, f, g, h]: [Vector; 8]) -> [Vector; 8] {
    let quarter = |[a, b, c, d]: [Vector; 4], half: usize| transpose_four([a[half], b[half], c[half], d[half]]);
    let (above, below) = ([a, b, c, d], [e, f, g, h]);
    let (left, right) = ([quarter(above, 0), quarter(below, 0)], [quarter(above, 1), quarter(below, 1)]);
    let column = |[above, below]: [[v128; 4]; 2], at: usize| [above[at], below[at]];
    [
        column(left, 0),
        column(left, 1),
        column(left, 2),
        column(left, 3),
        column(right, 0),
        column(right, 1),
        column(right, 2),
        column(right, 3),
    ]
}

/// Rows of four words as columns.
#[inline]
fn transpose_four([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let pairs = |a, b| (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let ((ab, ab2), (cd, cd2)) = (pairs(a, b), pairs(c, d));
    let fours = |ab, cd| (i64x2_shuffle::<0, 2>(ab, cd), i64x2_shuffle::<1, 3>(ab, cd));
    let ((first, second), (third, fourth)) = (fours(ab, cd), fours(ab2, cd2));
    [first, second, third, fourth]
}
