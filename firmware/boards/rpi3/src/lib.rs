//! The board: what the firmware's main loop needs of a Raspberry Pi 3, or a Zero 2 W, without an operating system.
//!
//! ```text
//! boot          from the first instruction to `main`: one core, stack, translation tables, caches
//! exceptions    faults, which are panics
//! uart  led  clock   what the programs run on
//! ```
#![no_std]

mod boot;
pub mod clock;
mod exceptions;
pub mod led;
pub mod uart;

use core::arch::asm;

use embedded_io::{Read, ReadReady, Write};
use firmware::camera::{Camera, NoCamera};
use firmware::device::Light;
use programs::{BareBoard, Counter, Parts};

use crate::clock::Clock;
use crate::led::Led;
use crate::uart::{BAUD, Uart};

/// A Raspberry Pi 3.
#[derive(Debug)]
pub struct Board;

impl BareBoard for Board {
    // As `fer-linux` has it: a network of a million weights takes over a megabyte, for kernels keep those of a layer in 16 bits.
    const ARENA_BYTES: usize = 4 * 1024 * 1024;
    const POOL_BYTES: usize = 1024 * 1024;

    fn start() -> Parts<impl Read + ReadReady + Write, impl Counter, impl FnMut(), impl Camera, impl Light> {
        Parts {
            serial: Uart::uart0(BAUD),
            clock: Clock::start(),
            idle: core::hint::spin_loop,
            // The time that the board took to start differs from startup to startup.
            boot: Clock::since_power_on() as u32,
            camera: None::<NoCamera>,
            light: firmware::device::Led(Led::gpio21()),
        }
    }

    fn last_port() -> impl Write {
        Uart::uart0(BAUD)
    }

    /// Sleeps; the board restarts when it is powered anew.
    fn halt() -> ! {
        loop {
            // SAFETY: only waits.
            unsafe { asm!("wfe", options(nomem, nostack, preserves_flags)) }
        }
    }
}

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
