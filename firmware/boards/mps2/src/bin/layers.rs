//! Instructions of single layers, and of the same in plain Rust; both must agree.
//!
//! Wants `-icount shift=6`, with which QEMU lets an instruction take 64 ns.
#![no_std]
#![no_main]

use cortex_m_board::layers::{self, Memory};
use cortex_m_rt::entry;
use mps2::clock::Clock;
use mps2::machine::instructions;
use mps2::uart::{BAUD, Uart};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    let clock = Clock::timer0();
    layers::run(&mut Uart::uart0(BAUD), || instructions(clock.ticks()), "instructions", MEMORY);
    loop {
        core::hint::spin_loop();
    }
}
