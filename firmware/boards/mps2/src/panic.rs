//! The end of a program that cannot go on: says why on UART0, then resets the board.

use core::panic::PanicInfo;
use core::ptr;

use cortex_m_rt::{ExceptionFrame, exception};
use embedded_io::Write;

use crate::uart::{BAUD, Uart};

/// Application interrupt and reset control register (Armv7-M Architecture Reference Manual, B3.2.6).
const AIRCR: *mut u32 = 0xe000_ed0c as *mut u32;
const AIRCR_KEY: u32 = 0x05fa << 16;
const AIRCR_SYSRESETREQ: u32 = 1 << 2;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut uart = Uart::uart0(BAUD);
    // Nothing is left to be done about a failure to print; this UART has none.
    let _ = write!(uart, "\r\n{info}\r\n");
    let _ = uart.flush();
    reset()
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault, {frame:#x?}")
}

fn reset() -> ! {
    // SAFETY: the register takes a write with its key only, and this one ends the program.
    unsafe { ptr::write_volatile(AIRCR, AIRCR_KEY | AIRCR_SYSRESETREQ) };
    loop {
        core::hint::spin_loop();
    }
}
