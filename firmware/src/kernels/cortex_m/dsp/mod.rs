//! Processors with the DSP extension, and Armv6 and Armv7-A, which have the same instructions: `smlad` multiplies two pairs of
//! halfwords and adds both products to a sum, `sxtab16` widens two bytes.
//!
//! ```text
//! conv2d.rs            convolution, also 1x1
//! depthwise_conv2d.rs  depthwise convolution
//! fully_connected.rs   products with weights that are used once
//! max_pool2d.rs        four channels at a time
//! row.rs               the inner loops of the convolutions, and requantization
//! widen.rs             bytes to halfwords
//! ```

/// The first line of every naked function. There the assembler forgets the processor that a flag or the name of the target
/// has chosen.
#[cfg(cortex_m_armv8)]
macro_rules! dsp_extension {
    () => {
        ".cpu cortex-m33"
    };
}
#[cfg(a32)]
macro_rules! dsp_extension {
    () => {
        ".arch armv6"
    };
}
#[cfg(not(any(cortex_m_armv8, a32)))]
macro_rules! dsp_extension {
    () => {
        ""
    };
}

/// The lowest bit of a code address that is jumped to. It says whether the instructions there are
/// Thumb's.
const THUMB: u32 = if cfg!(a32) { 0 } else { 1 };

/// Loads two registers from the stack, of which Arm's `ldrd` (not Thumb's) wants the first to be even.
#[cfg(not(a32))]
macro_rules! load_two {
    ($first:literal, $second:literal, $offset:literal) => {
        concat!("ldrd ", $first, ", ", $second, ", [sp, #", $offset, "]")
    };
}
#[cfg(a32)]
macro_rules! load_two {
    ($first:literal, $second:literal, $offset:literal) => {
        concat!("ldr ", $first, ", [sp, #", $offset, "]\nldr ", $second, ", [sp, #", $offset, " + 4]")
    };
}

/// The lowest bytes of r4 to r7 in r4. Armv6 has no `bfi`.
#[cfg(not(a32))]
macro_rules! pack {
    () => {
        "bfi r4, r5, #8, #8
        bfi r4, r6, #16, #8
        bfi r4, r7, #24, #8"
    };
}
#[cfg(a32)]
macro_rules! pack {
    () => {
        "pkhbt r4, r4, r6, lsl #16
        pkhbt r5, r5, r7, lsl #16
        uxtb16 r4, r4
        uxtb16 r5, r5
        orr r4, r4, r5, lsl #8"
    };
}

mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
mod max_pool2d;
mod row;
mod widen;

pub(in crate::kernels) use super::super::scratch::dsp::{conv2d_words, depthwise_conv2d_words, fully_connected_words};

pub(in crate::kernels) use self::{
    conv2d::conv2d, depthwise_conv2d::depthwise_conv2d, fully_connected::fully_connected, max_pool2d::max_pool2d,
};
