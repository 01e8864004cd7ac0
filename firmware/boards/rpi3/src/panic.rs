//! The end of a program that cannot go on: says why on the serial port, then sleeps; the board restarts when it is powered
//! anew.

use core::arch::asm;
use core::panic::PanicInfo;

use embedded_io::Write;

use crate::uart::{BAUD, Uart};

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut uart = Uart::uart0(BAUD);
    // Nothing is left to be done about a failure to print; this UART has none.
    let _ = write!(uart, "\r\n{info}\r\n");
    let _ = uart.flush();
    loop {
        // SAFETY: only waits.
        unsafe { asm!("wfe", options(nomem, nostack, preserves_flags)) }
    }
}
