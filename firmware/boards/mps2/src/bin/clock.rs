//! An hour without a look at the clock, spent asleep: prints what the clock shows then, and what the FPGA's own counter of
//! seconds does. With `-icount shift=6,sleep=off` QEMU leaves the sleep out.
#![no_std]
#![no_main]

#[path = "../../../programs/bare/panic.rs"]
mod panic;

use board::clock::{Clock, seconds};
use board::uart::{BAUD, Uart};
use board::wakeup::Wakeups;
use embedded_io::Write;
use firmware::device::Clock as _;

const HOUR: u32 = 3600;

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let (mut clock, start) = (Clock::timer0(), seconds());
    let mut wakeups = Wakeups::enable();
    while seconds() - start < HOUR {
        wakeups.forget();
        wakeups.wait();
    }
    let milliseconds = clock.microseconds() / 1000;
    let mut uart = Uart::uart0(BAUD);
    write!(uart, "{milliseconds} ms after {} s\r\nend\r\n", seconds() - start).expect("this UART reports no error");
    loop {
        core::hint::spin_loop();
    }
}
