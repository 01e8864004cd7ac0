//! Where an inference spends its instructions.
//!
//! Wants `-icount shift=6`, with which QEMU lets an instruction take 64 ns.
#![no_std]
#![no_main]

use cortex_m_board::model::ARENA_BYTES;
use cortex_m_board::profile;
use cortex_m_rt::entry;
use mps2::clock::Clock;
use mps2::machine::instructions;
use mps2::uart::{BAUD, Uart};

#[entry]
fn main() -> ! {
    static mut ARENA: [i8; ARENA_BYTES] = [0; ARENA_BYTES];
    let clock = Clock::timer0();
    profile::run(&mut Uart::uart0(BAUD), || instructions(clock.ticks()), "instructions", ARENA);
    loop {
        core::hint::spin_loop();
    }
}
