//! Processors without the DSP extension (Cortex-M0, M0+): one product an instruction, and none of 64 bits.
//!
//! ```text
//! conv2d.rs            convolution, also 1x1
//! depthwise.rs         sums of a depthwise convolution
//! fully_connected.rs   products with weights that are used once
//! requantize.rs        the multiplication of a sum, from halves
//! row.rs               the inner loop of the convolution, and requantization
//! units.rs             the inner loop of the fully connected operator
//! ```

mod conv2d;
mod depthwise;
mod fully_connected;
mod requantize;
mod row;
mod units;

pub(in crate::kernels) use self::{
    conv2d::{conv2d, conv2d_words},
    depthwise::{Window as Taps, depthwise_sums},
    fully_connected::{fully_connected, fully_connected_words},
    requantize::requantize,
};
