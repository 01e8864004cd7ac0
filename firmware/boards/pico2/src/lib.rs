//! The board: what the firmware's programs need of a Raspberry Pi Pico 2. What it shares with a Pico is in `rp2_board`.
#![no_std]

pub use rp2_board::{Board, flash};

use rp2_board::layout::header;
use rp235x_hal::block::ImageDef;
use shared::image::HEADER_BYTES;

/// Tells the boot ROM that this is a program for the Arm cores, and secure code.
#[unsafe(link_section = ".start_block")]
#[used]
static IMAGE_DEFINITION: ImageDef = ImageDef::secure_exe();

/// What a host reads of the image.
#[unsafe(link_section = ".image_header")]
#[used]
static IMAGE_HEADER: [u8; HEADER_BYTES] = header("pico2").to_bytes();
