//! Convolutions and fully connected operators on x86-64 processors with AVX2, chosen at run time.
//!
//! `vpmaddwd` multiplies sixteen pairs of 16-bit values and adds them two by two: exact for eight-bit values whatever their
//! offset, where the byte-wise `vpmaddubsw` would saturate. So activations, with their offset, and weights are widened to
//! 16 bits first, once a row of output pixels and once an inference, which a window of many products pays back.
//!
//! ```text
//! conv2d/              windows of a row of pixels as runs of a stripe, tiles of 6 pixels x 16 filters
//! winograd.rs          3x3 by minimal filtering, with channels and filters by the sixteen
//! depthwise_conv2d.rs  eight channels at a time
//! fully_connected.rs   four dot products at a time
//! tile.rs              the products of a few pixels with a few filters
//! writer.rs            sums into outputs
//! requantize.rs        eight or sixteen sums to bytes
//! ```

mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
mod requantize;
mod tile;
mod winograd;
mod writer;

use core::arch::x86_64::*;

pub(super) use self::{
    conv2d::{conv2d, conv2d_words},
    depthwise_conv2d::depthwise_conv2d,
    fully_connected::{fully_connected, fully_connected_words},
};

cpufeatures::new!(avx2, "avx2");

/// Sixteen bytes as sixteen 16-bit values.
#[target_feature(enable = "avx2")]
fn widen(bytes: &[i8; 16]) -> __m256i {
    let [low, high] = bytemuck::cast::<_, [i64; 2]>(*bytes);
    _mm256_cvtepi8_epi16(_mm_set_epi64x(high, low))
}

/// Rows of eight words as columns.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose([a, b, c, d, e, f, g, h]: [__m256i; 8]) -> [__m256i; 8] {
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
