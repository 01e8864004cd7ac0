//! Boards in emulation: builds their programs, starts them, and hands over their serial port.

pub mod boards;
pub mod camera;
pub mod compile;
pub mod elf;
pub mod host;
pub mod pictures;
pub mod process;
