//! The end of a program that cannot go on.

use core::panic::PanicInfo;

use board::Board;
use programs::{BareBoard as _, print_last_words};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print_last_words(info, Board::last_port());
    Board::halt()
}
