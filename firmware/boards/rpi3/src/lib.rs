//! The board: what the firmware's main loop needs of a Raspberry Pi 3, or a Zero 2 W, without an operating system.
//!
//! ```text
//! bin rpi3      the device: PL011 in, PL011 out
//! bin profile   one inference, operator by operator
//! boot          from the first instruction to `main`: one core, stack, translation tables, caches
//! exceptions    faults, printed on the serial port
//! uart  led  clock  stack  model   what the programs run on
//! panic         panics, printed on the serial port
//! ```
#![no_std]

mod boot;
pub mod clock;
mod exceptions;
pub mod led;
pub mod model;
mod panic;
pub mod stack;
pub mod uart;

/// First address of the peripherals (BCM2837, as the cores see it).
const PERIPHERALS: usize = 0x3f00_0000;

fn read_register(address: usize) -> u32 {
    // SAFETY: callers pass addresses of peripherals' registers, which exist for the life of the program and alias no Rust
    // object.
    unsafe { core::ptr::with_exposed_provenance::<u32>(address).read_volatile() }
}

fn write_register(address: usize, value: u32) {
    // SAFETY: as in `read_register`; none of the registers used here makes a peripheral access memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
}
