//! Processors without the DSP extension (Cortex-M0, M0+): multiplications of 32 bits, and none of 64.
//!
//! ```text
//! conv2d.rs            convolution, also 1x1
//! depthwise.rs         sums of a depthwise convolution
//! fully_connected.rs   products with weights that are used once
//! pairs.rs             two values in a word, two products in a multiplication
//! requantize.rs        the multiplication of a sum, from halves
//! row.rs               the inner loop of the convolution, and requantization
//! trees.rs             the finder's comparisons
//! units.rs             the inner loop of the fully connected operator
//! ```

mod conv2d;
mod depthwise;
mod fully_connected;
mod pairs;
mod requantize;
mod row;
mod trees;
mod units;

pub(in crate::kernels) use super::super::scratch::base::{conv2d_words, fully_connected_words};

pub(in crate::kernels) use self::{
    conv2d::conv2d,
    depthwise::{Window as Taps, depthwise_sums},
    fully_connected::fully_connected,
    requantize::requantize,
    trees::tree_sum,
};
