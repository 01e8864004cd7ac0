//! Random operators of every kind with every kind of parameters, by this processor's kernels and in plain Rust: prints the
//! first that differs, or how many agreed.
#![no_std]
#![no_main]

mod panic;

use board::Board;
use programs::memory::Pool;
use programs::{BareBoard as _, Parts, agreement};

/// Operators of each kind.
const COUNT: u32 = 250;

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    static mut MEMORY: Pool<{ Board::POOL_BYTES }> = Pool::ZERO;
    // SAFETY: startup calls this function, once, and nothing else names the memory.
    let memory = unsafe { (&raw mut MEMORY).as_mut_unchecked() };
    let Parts { mut serial, .. } = Board::start();
    agreement::run(&mut serial, memory, COUNT);
    loop {
        core::hint::spin_loop();
    }
}
