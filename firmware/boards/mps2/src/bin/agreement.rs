//! Random operators of every kind with every kind of parameters, by this processor's kernels and in plain Rust: prints the
//! first that differs, or how many agreed.
#![no_std]
#![no_main]

use cortex_m_board::agreement::{self, Memory};
use cortex_m_rt::entry;
use mps2::uart::{BAUD, Uart};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::ZERO;
    agreement::run(&mut Uart::uart0(BAUD), MEMORY);
    loop {
        core::hint::spin_loop();
    }
}
