//! The store of models in the board's flash: [`programs::store`].
#![no_std]
#![no_main]

mod panic;

use board::{Board, flash};
use programs::{BareBoard as _, Parts, store};

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let Parts { serial, .. } = Board::start();
    // SAFETY: this is the only one. The second core and DMA are idle, and the program keeps no slice of a slot.
    let flash = unsafe { flash::Flash::new() };
    store::run(serial, flash, flash::LAYOUT, flash::mapped)
}
