//! What the trainer and the device must agree on, and nothing else.
//!
//! ```text
//! label  shape  preprocessing  quantization    emotions; NHWC shapes and windows; what is done to pixels; scales
//!    |     |       |            |
//!    |   tensor  folding        |              feature maps in an arena; two convolutions as one
//!    |      \       |          /
//!    |         operator                        what a network computes, an operator a file: shape, weights, checks
//!    |            |
//!    |           step                          an operator with its tensors, as stored and as checked
//!     \           |
//!           model                              the model file: raw envelope, checked network, classifier of faces
//!             |
//!          finder                              the finder file: trees of comparisons, and two model files
//!             |
//!           slot                               both files in a device's flash
//!
//!   checksum                                   CRC-32, for the files and for the link
//!   image                                      what a board's program says of itself and of its flash
//!   wire                                       frames and messages on the serial link
//! ```
//!
//! The crate knows neither a host nor a board: `no_std`, and without the feature `alloc` no allocator either. No function
//! panics on any input; whatever comes from outside (a model file, a frame) becomes a checked value or an error.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("model files are read in place and are little-endian; a big-endian target would need a copying reader");

pub mod checksum;
pub mod finder;
pub mod folding;
pub mod image;
pub mod label;
pub mod model;
pub mod operator;
pub mod preprocessing;
pub mod quantization;
pub mod shape;
pub mod slot;
pub mod step;
pub mod tensor;
pub mod wire;
