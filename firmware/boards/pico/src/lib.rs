//! The board: what the firmware's programs need of a Raspberry Pi Pico. What it shares with a Pico 2 is in `rp2_board`.
#![no_std]

pub use rp2_board::{Board, flash};

use rp2_board::layout::header;
use shared::image::HEADER_BYTES;

/// What the boot ROM starts: reads the flash fast, then jumps to the program.
#[unsafe(link_section = ".boot2")]
#[unsafe(no_mangle)]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

/// What a host reads of the image.
#[unsafe(link_section = ".image_header")]
#[used]
static IMAGE_HEADER: [u8; HEADER_BYTES] = header("pico").to_bytes();
