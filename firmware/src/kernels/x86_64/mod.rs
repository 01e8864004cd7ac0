//! Convolutions and fully connected operators on x86-64 processors with AVX2, chosen at run time.
//!
//! `vpmaddwd` multiplies sixteen pairs of 16-bit values and adds them two by two: exact for eight-bit values whatever their
//! offset, where the byte-wise `vpmaddubsw` would saturate. So activations, with their offset, and weights are widened to
//! 16 bits first, once a row of output pixels and once an inference, which a window of many products pays back.
//!
//! ```text
//! conv2d.rs           windows of a row of pixels as runs of a stripe, tiles of 6 pixels x 16 filters
//! fully_connected.rs  four dot products at a time
//! requantize.rs       eight sums to bytes
//! ```

mod conv2d;
mod fully_connected;
mod requantize;

use core::arch::x86_64::{__m256i, _mm_set_epi64x, _mm256_cvtepi8_epi16};

pub(super) use self::{
    conv2d::{conv2d, conv2d_words},
    fully_connected::{fully_connected, fully_connected_words},
};

cpufeatures::new!(avx2, "avx2");

/// Sixteen bytes as sixteen 16-bit values.
#[target_feature(enable = "avx2")]
fn widen(bytes: &[i8; 16]) -> __m256i {
    let [low, high] = bytemuck::cast::<_, [i64; 2]>(*bytes);
    _mm256_cvtepi8_epi16(_mm_set_epi64x(high, low))
}
