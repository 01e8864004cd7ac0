//! Cycles of single layers, and of the same in plain Rust; both must agree.
#![no_std]
#![no_main]

use cortex_m_board::layers::{self, Memory};
use pico::board::{Parts, start};
use rp2040_hal::entry;

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    let Parts { mut uart, clock, .. } = start();
    layers::run(&mut uart, || clock.cycles(), "cycles", MEMORY);
    loop {
        core::hint::spin_loop();
    }
}
