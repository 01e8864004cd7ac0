//! Convolutions on Cortex-M processors, and on the older processors of a Raspberry Pi, which know the same instructions.
//!
//! For a row of output pixels, the rows of the input that its windows see are widened once into a stripe. The weights of a
//! few filters are widened into the same order, interleaved, and kept in RAM while the whole image passes. The inner loop
//! then reads both with multiple-register loads, whatever the shape of the window.
//!
//! ```text
//! base/    processors without the DSP extension (Cortex-M0, M0+): two products in one multiplication of words
//! dsp/     processors with it (Cortex-M4, M7, M33), and Armv6 and Armv7-A: two products an instruction
//! ```

#[cfg(cortex_m_base)]
mod base;
#[cfg(cortex_m_dsp)]
mod dsp;

#[cfg(cortex_m_base)]
pub(super) use base::*;
#[cfg(cortex_m_dsp)]
pub(super) use dsp::*;
