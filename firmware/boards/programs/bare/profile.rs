//! Where an inference spends its time: runs the network on a drawn face and prints every operator's share, and the memory it
//! took.
//!
//! In QEMU it counts instructions if each takes the time that the board's README names (`-icount shift=…`).
#![no_std]
#![no_main]

mod panic;

use board::Board;
use programs::{BareBoard as _, Parts, profile};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    static mut ARENA: [i8; Board::ARENA_BYTES] = [0; _];
    // SAFETY: startup calls this function, once, and nothing else names the memory.
    let arena = unsafe { (&raw mut ARENA).as_mut_unchecked() };
    let Parts { mut serial, clock, .. } = Board::start();
    profile::run(&mut serial, &clock, arena);
    loop {
        core::hint::spin_loop();
    }
}
