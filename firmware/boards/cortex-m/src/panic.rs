//! The end of a program that cannot go on: says why, then resets the board.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;

/// A serial port that takes byte after byte and waits where it must.
struct Port<P>(P);

impl<P: FnMut(u8)> Write for Port<P> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(&mut self.0);
        Ok(())
    }
}

/// Prints the reason with `put`, has `flush` wait until it is on the line, and resets the board.
pub fn print_and_reset(info: &PanicInfo<'_>, put: impl FnMut(u8), flush: impl FnOnce()) -> ! {
    // Nothing is left to be done about a failure to print.
    let _ = write!(Port(put), "\r\n{info}\r\n");
    flush();
    SCB::sys_reset()
}
