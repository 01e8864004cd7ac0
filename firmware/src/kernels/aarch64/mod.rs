//! Convolutions, fully connected operators and pools on AArch64, all of whose processors have NEON.
//!
//! `smlal` multiplies four or eight pairs of 16-bit values and adds the products to 32-bit sums, one factor being a lane of
//! a register. So activations, with their offset, and weights are widened to 16 bits first, once a row of output pixels and
//! once a band, which a window of many products pays back. Processors with the dot-product extension multiply bytes as they
//! are, sixteen pairs an instruction.
//!
//! ```text
//! conv2d.rs            windows of a row of pixels as runs of a stripe, tiles of up to 8 pixels x 8 filters
//! windows.rs           filling the stripe, ordering the weights
//! smlal.rs             the products of a tile, in 16 bits
//! sdot.rs              the same in bytes
//! depthwise_conv2d.rs  eight channels at a time
//! fully_connected.rs   four dot products at a time
//! max_pool2d.rs        2x2, eight or sixteen channels at a time
//! requantize.rs        eight sums to bytes
//! features.rs          which processor it is
//! ```

mod conv2d;
mod depthwise_conv2d;
mod features;
mod fully_connected;
mod max_pool2d;
mod requantize;
mod sdot;
mod smlal;
mod windows;

use core::arch::{
    aarch64::{int8x8_t, int8x16_t},
    asm,
};

use self::features::has_dotprod;
pub(super) use self::{
    conv2d::{conv2d, conv2d_words},
    depthwise_conv2d::{depthwise_conv2d, depthwise_conv2d_words},
    fully_connected::{fully_connected, fully_connected_words},
    max_pool2d::max_pool2d,
};

// Where the target says that unaligned loads fault (bare metal), the compiler would make many loads of one. They fault with
// translation off, where nobody runs a network; so these are instructions of their own.

/// Four bytes, and zeros.
#[inline(always)]
fn load_4(bytes: &[i8; 4]) -> int8x16_t {
    let vector;
    // SAFETY: reads the four bytes.
    unsafe {
        asm!(
            "ldr {vector:s}, [{bytes}]", vector = out(vreg) vector, bytes = in(reg) bytes,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    vector
}

/// Eight bytes.
#[inline(always)]
fn load_8(bytes: &[i8; 8]) -> int8x8_t {
    let vector;
    // SAFETY: reads the eight bytes.
    unsafe {
        asm!(
            "ldr {vector:d}, [{bytes}]", vector = out(vreg) vector, bytes = in(reg) bytes,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    vector
}

/// Sixteen bytes.
#[inline(always)]
fn load_16(bytes: &[i8; 16]) -> int8x16_t {
    let vector;
    // SAFETY: reads the sixteen bytes.
    unsafe {
        asm!(
            "ldr {vector:q}, [{bytes}]", vector = out(vreg) vector, bytes = in(reg) bytes,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    vector
}

/// 64 bytes in four vectors.
#[inline(always)]
fn load_64(bytes: &[[i8; 16]; 4]) -> [int8x16_t; 4] {
    let (a, b, c, d);
    // SAFETY: reads the 64 bytes.
    unsafe {
        asm!(
            "ldp {a:q}, {b:q}, [{bytes}]", "ldp {c:q}, {d:q}, [{bytes}, #32]",
            a = out(vreg) a, b = out(vreg) b, c = out(vreg) c, d = out(vreg) d, bytes = in(reg) bytes,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    [a, b, c, d]
}
