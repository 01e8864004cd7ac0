//! Convolutions and fully connected operators on processors that multiply and add pairs of 16-bit values: x86-64 with AVX2, chosen at run
//! time, and WebAssembly with 128-bit vectors, chosen at compile time.
//!
//! `vpmaddwd` (`i32x4.dot_i16x8_s` in WebAssembly) multiplies pairs of 16-bit values and adds them two by two: exact for eight-bit values
//! whatever their offset, where the byte-wise `vpmaddubsw` would saturate. So activations, with their offset, and weights are widened to
//! 16 bits first, once a row of output pixels and once an inference, which a window of many products pays back.
//!
//! ```text
//! avx2/                a vector of eight words or sixteen halves in a register, and how eight sums are requantized
//! simd128/             the same in two registers
//! conv2d/              windows of a row of pixels as runs of a stripe, tiles of a few pixels x eight or sixteen filters
//! winograd.rs          3x3 by minimal filtering, with channels and filters by the sixteen
//! depthwise_conv2d.rs  eight channels at a time
//! fully_connected.rs   four dot products at a time
//! trees.rs             the finder's first trees, sixteen windows at a time
//! tile.rs              the products of a few pixels with a few filters
//! writer.rs            sums into outputs
//! ```
//!
//! On x86-64 every function that works with vectors needs AVX2, and only one that was compiled for it is inlined into another.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
#[cfg(wasm_simd128)]
mod simd128;
mod tile;
mod trees;
mod winograd;
mod writer;

#[cfg(target_arch = "x86_64")]
use self::avx2 as vector;
#[cfg(wasm_simd128)]
use self::simd128 as vector;
pub use self::trees::Passing;
pub(super) use self::{
    conv2d::{conv2d, conv2d_words},
    depthwise_conv2d::depthwise_conv2d,
    fully_connected::{fully_connected, fully_connected_words},
};

/// Words of a vector, and filters or channels that are requantized at a time.
const LANES: usize = 8;
