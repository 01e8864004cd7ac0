//! Where an inference spends its cycles: runs the network once on a drawn face and prints every operator's share, and the
//! memory it took.
#![no_std]
#![no_main]

use cortex_m_board::model::ARENA_BYTES;
use cortex_m_board::profile;
use pico2::board::{Parts, start};
use rp235x_hal::entry;

#[entry]
fn main() -> ! {
    static mut ARENA: [i8; ARENA_BYTES] = [0; ARENA_BYTES];
    let Parts { mut uart, clock, .. } = start();
    profile::run(&mut uart, || clock.cycles(), "cycles", ARENA);
    loop {
        core::hint::spin_loop();
    }
}
