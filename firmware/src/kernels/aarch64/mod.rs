//! Convolutions and fully connected operators on AArch64, all of whose processors have NEON.
//!
//! `smlal` multiplies four or eight pairs of 16-bit values and adds the products to 32-bit sums, one factor being a lane of
//! a register. So activations, with their offset, and weights are widened to 16 bits first, once a row of output pixels and
//! once a band, which a window of many products pays back.
//!
//! ```text
//! conv2d.rs           windows of a row of pixels as runs of a stripe, tiles of 4 pixels x 8 filters
//! fully_connected.rs  four dot products at a time
//! requantize.rs       eight sums to bytes
//! ```

mod conv2d;
mod fully_connected;
mod requantize;

use core::arch::{aarch64::int16x8_t, asm};

pub(super) use self::{
    conv2d::{conv2d, conv2d_words},
    fully_connected::{fully_connected, fully_connected_words},
};

// Where the target says that unaligned loads fault (bare metal), the compiler would make eight loads of one. They fault with
// translation off, where nobody runs a network; so these are instructions of their own.

/// Eight 16-bit values.
#[inline(always)]
fn load(values: &[i16; 8]) -> int16x8_t {
    let vector;
    // SAFETY: reads the eight values.
    unsafe {
        asm!(
            "ldr {vector:q}, [{values}]", vector = out(vreg) vector, values = in(reg) values,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    vector
}

/// Eight bytes as eight 16-bit values.
#[inline(always)]
fn widen(bytes: &[i8; 8]) -> int16x8_t {
    let vector;
    // SAFETY: reads the eight bytes.
    unsafe {
        asm!(
            "ldr {vector:d}, [{bytes}]", "sxtl {vector:v}.8h, {vector:v}.8b", vector = out(vreg) vector, bytes = in(reg) bytes,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    vector
}
