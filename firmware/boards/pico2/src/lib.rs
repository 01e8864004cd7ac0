//! The board: what the firmware's main loop needs of a Raspberry Pi Pico 2.
//!
//! ```text
//! bin pico2     the device: UART0 in, UART0 out
//! bin profile   one inference, operator by operator, on UART0
//! board         clocks, UART0, the LED
//! panic         panics and hard faults, printed on UART0
//! ```
//!
//! The programs and the model are in `cortex_m_board`.
#![no_std]

pub mod board;
mod panic;

use rp235x_hal::block::ImageDef;

/// Tells the boot ROM that this is a program for the Arm cores, and secure code.
#[unsafe(link_section = ".start_block")]
#[used]
static IMAGE_DEFINITION: ImageDef = ImageDef::secure_exe();
