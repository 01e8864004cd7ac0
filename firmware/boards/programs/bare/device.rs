//! The device: [`firmware::device`] at the board's serial port.
#![no_std]
#![no_main]

mod panic;

use board::Board;
use programs::BareBoard as _;
use programs::device::{self, PICTURE_BYTES};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    static mut ARENA: [i8; Board::ARENA_BYTES] = [0; _];
    static mut PICTURE: [u8; PICTURE_BYTES] = [0; _];
    // SAFETY: startup calls this function, once, and nothing else names the memory.
    let (arena, picture) = unsafe { ((&raw mut ARENA).as_mut_unchecked(), (&raw mut PICTURE).as_mut_unchecked()) };
    device::run::<Board>(arena, picture)
}
