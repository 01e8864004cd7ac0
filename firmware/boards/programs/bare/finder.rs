//! What a full search of a frame by the finder takes, stage by stage.
//!
//! In QEMU it counts instructions if each takes the time that the board's README names (`-icount shift=…`).
#![no_std]
#![no_main]

mod panic;

use board::Board;
use programs::finder::{self, PIXELS};
use programs::{BareBoard as _, Parts};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    static mut MEMORY: ([i8; Board::ARENA_BYTES], [u8; PIXELS]) = ([0; _], [0; _]);
    // SAFETY: startup calls this function, once, and nothing else names the memory.
    let (memory, drawing) = unsafe { (&raw mut MEMORY).as_mut_unchecked() };
    let Parts { mut serial, clock, .. } = Board::start();
    finder::run(&mut serial, &clock, memory, drawing);
    loop {
        core::hint::spin_loop();
    }
}
