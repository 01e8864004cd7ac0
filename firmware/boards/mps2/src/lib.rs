//! The board: what the firmware's main loop needs of an Arm MPS2 with FPGA image AN386 (Cortex-M4F) or AN505 (Cortex-M33),
//! as QEMU's `mps2-an386` and `mps2-an505` are.
//!
//! ```text
//! bin mps2       the device: UART0 in, UART0 out
//! bin agreement  random operators, by this processor's kernels and in plain Rust
//! bin layers     single layers, counted
//! bin profile    one inference, operator by operator, on UART0
//! machine                          what differs between the two
//! uart  clock                      what all run on
//! wakeup                           sleeping until a byte or a timer tick arrives
//! panic                            panics and hard faults, printed on UART0
//! ```
#![no_std]

pub mod clock;
pub mod machine;
mod panic;
pub mod uart;
pub mod wakeup;
