//! Convolutions of one group with stride 1 on the tile unit of recent Intel processors (AMX): factors in bfloat16, sums in 32-bit
//! floats.
//!
//! A tile register holds 16 rows of 64 bytes; an instruction adds the product of two tiles to a third, 8,192 products in sixteen
//! cycles. Nothing is copied for each tap: images lie in planes with zeros around them, and the tiles of a tap are read from
//! another place of the same planes.
//!
//! ```text
//! mod.rs              working memory
//! plan.rs             places and tiles of a shape
//! stream.rs           images in bfloat16
//! correlate.rs        forward pass and input gradient: kernels times pairs of channels
//! weight_gradient.rs  the kernels' gradient: inputs times gradients, summed over places
//! unit.rs             the tile unit
//! ```
//!
//! The same inputs give the same bits on any number of threads.

mod correlate;
mod plan;
mod stream;
mod unit;
mod weight_gradient;

use std::cell::RefCell;

use self::stream::Stream;

pub(super) use self::{correlate::correlate, plan::Plan, unit::available, weight_gradient::weight_gradient};

/// Working memory of one thread, kept from call to call.
#[derive(Default)]
struct Buffers {
    /// Inputs, channels in pairs.
    pairs: Stream<u32>,
    /// Inputs, channel by channel.
    inputs: Stream<u16>,
    /// Gradients, channel by channel.
    gradients: Stream<u16>,
    /// Gradients, places in pairs with outputs side by side.
    turned: Vec<u32>,
    /// What a loop has summed.
    sums: Vec<f32>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}
