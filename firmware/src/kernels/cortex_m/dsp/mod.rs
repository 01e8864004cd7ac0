//! Processors with the DSP extension: `smlad` multiplies two pairs of halfwords and adds both products to a sum, `sxtab16`
//! widens two bytes.
//!
//! ```text
//! conv2d.rs            convolution, also 1x1
//! depthwise_conv2d.rs  depthwise convolution
//! fully_connected.rs   products with weights that are used once
//! max_pool2d.rs        four channels at a time
//! row.rs               the inner loops of the convolutions, and requantization
//! widen.rs             bytes to halfwords
//! ```

/// The first line of every naked function: what is compiled for a processor named by a flag forgets it there.
#[cfg(cortex_m_armv8)]
macro_rules! dsp_extension {
    () => {
        ".cpu cortex-m33"
    };
}
#[cfg(not(cortex_m_armv8))]
macro_rules! dsp_extension {
    () => {
        ""
    };
}

mod conv2d;
mod depthwise_conv2d;
mod fully_connected;
mod max_pool2d;
mod row;
mod widen;

pub(in crate::kernels) use self::{
    conv2d::{conv2d, conv2d_words},
    depthwise_conv2d::{depthwise_conv2d, depthwise_conv2d_words},
    fully_connected::{fully_connected, fully_connected_words},
    max_pool2d::max_pool2d,
};
