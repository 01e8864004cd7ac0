//! Boards in emulation: builds their programs, starts them, and hands over their serial port.

pub mod boards;
pub mod camera;
pub mod compile;
pub mod copied;
pub mod elf;
pub mod host;
pub mod pictures;
pub mod process;
pub mod store;
pub mod uploads;
pub mod usb;
pub mod usb_port;

/// First address of the flash of RP2040 and RP2350, and of their RAM.
pub const PICO_FLASH: u32 = 0x1000_0000;
pub const PICO_RAM: u32 = 0x2000_0000;

/// Variables and the deepest stack of a Pico that finds faces, in bytes, a picture of 320x240 among them.
pub const MOST_PICO_RAM: u32 = 190 * 1024;
