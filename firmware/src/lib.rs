//! The inference core and the device's main loop: from 48x48 grey levels to an emotion, in integers, without an operating
//! system and without an allocator.
//!
//! ```text
//! normalization     grey levels -> the network's input
//! kernels           one operator each, over slices: in plain Rust, and for many processors in their own instructions
//! engine            a checked model, step by step, in the caller's arena
//! readout           logits -> emotion, confidence, margin
//! finder            a frame -> faces with their eyes, and each face as the network knows it
//! camera            where frames come from
//! store             models in flash, replaced while the device runs
//! device            the main loop at a serial link
//! ```
//!
//! Each layer uses those above it and `shared`; none knows a board or a host. Nothing allocates, nothing panics on any
//! input, and every result is the same on every machine: integers throughout, and at the very end a softmax made of
//! single-precision additions and multiplications.
//!
//! ```no_run
//! use firmware::engine::Engine;
//! use shared::model::{Aligned, Model};
//!
//! static MODEL: &Aligned<[u8]> = &Aligned(*b"include_bytes!(...)");
//! # fn camera() -> [u8; 2304] { [0; 2304] }
//! let model = Model::parse(&MODEL.0)?;
//! // `Engine::arena_bytes(&model)?` of them, on this processor.
//! let mut arena = [0i8; 88 * 1024];
//! let mut engine = Engine::new(&model, &mut arena)?;
//! let readout = engine.classify(&camera())?;
//! println!("{} {:.2}", readout.label, readout.confidence);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
// Only the kernels for particular processors may allow it.
#![deny(unsafe_code)]

pub mod camera;
pub mod device;
pub mod engine;
pub mod finder;
pub mod kernels;
pub mod normalization;
pub mod readout;
pub mod store;
