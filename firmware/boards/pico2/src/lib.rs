//! The board: what the firmware's programs need of a Raspberry Pi Pico 2. What it shares with a Pico is in `rp2_board`.
#![no_std]

pub use rp2_board::Board;

use rp235x_hal::block::ImageDef;

/// Tells the boot ROM that this is a program for the Arm cores, and secure code.
#[unsafe(link_section = ".start_block")]
#[used]
static IMAGE_DEFINITION: ImageDef = ImageDef::secure_exe();
