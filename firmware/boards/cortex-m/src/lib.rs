//! What the boards with a Cortex-M share: programs that need a serial port, a counter and memory, and nothing else of a
//! board; and what such boards have in common.
//!
//! ```text
//! profile     one inference, operator by operator
//! layers      single layers, counted, beside the same in plain Rust
//! agreement   random operators, by the processor's kernels and in plain Rust
//! random      numbers for layers and agreement
//! model       the network that ships with the firmware, and its memory
//! clock       microseconds, and cycles of the processor
//! stack       how deep the stack has been
//! panic       a program's last words
//! ```
//!
//! A program ends with a line `end`.
#![no_std]

pub mod agreement;
pub mod clock;
pub mod layers;
pub mod model;
pub mod panic;
pub mod profile;
pub mod random;
pub mod stack;

use embedded_io::Write;

/// Prints to a serial port. A program that measures can do nothing about a port that fails.
fn print(serial: &mut impl Write, text: core::fmt::Arguments<'_>) {
    let _ = serial.write_fmt(text);
}
