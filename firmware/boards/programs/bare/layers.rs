//! What single layers take, and the same in plain Rust; both must agree.
//!
//! In QEMU it counts instructions if each takes the time that the board's README names (`-icount shift=…`).
#![no_std]
#![no_main]

mod panic;

use board::Board;
use programs::layers::{self, Memory};
use programs::{BareBoard as _, Counter as _, Parts};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    // SAFETY: startup calls this function, once, and nothing else names the memory.
    let memory = unsafe { (&raw mut MEMORY).as_mut_unchecked() };
    let Parts { mut serial, clock, .. } = Board::start();
    layers::run(&mut serial, || clock.count(), clock.unit(), 1, memory);
    loop {
        core::hint::spin_loop();
    }
}
