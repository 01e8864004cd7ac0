//! The board: what the firmware's main loop needs of a Raspberry Pi Pico.
//!
//! ```text
//! bin pico       the device: UART0 in, UART0 out
//! bin agreement  random operators, by this processor's kernels and in plain Rust
//! bin layers     single layers, counted
//! bin profile    one inference, operator by operator, on UART0
//! board          clocks, UART0, the LED
//! panic          panics and hard faults, printed on UART0
//! ```
//!
//! The programs and the model are in `cortex_m_board`.
#![no_std]

pub mod board;
mod panic;

/// What the boot ROM starts: reads the flash fast, then jumps to the program.
#[unsafe(link_section = ".boot2")]
#[unsafe(no_mangle)]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;
