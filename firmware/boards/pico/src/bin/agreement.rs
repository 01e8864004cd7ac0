//! Random operators of every kind with every kind of parameters, by this processor's kernels and in plain Rust: prints the
//! first that differs, or how many agreed.
#![no_std]
#![no_main]

use cortex_m_board::agreement::{self, Memory};
use pico::board::{Parts, start};
use rp2040_hal::entry;

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    let Parts { mut uart, .. } = start();
    agreement::run(&mut uart, MEMORY);
    loop {
        core::hint::spin_loop();
    }
}
