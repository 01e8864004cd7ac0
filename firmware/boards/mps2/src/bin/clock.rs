//! An hour without a look at the clock, spent asleep: prints what the clock shows then, and what the FPGA's own counter of
//! seconds does. With `-icount shift=6,sleep=off` QEMU leaves the sleep out.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use embedded_io::Write;
use firmware::device::Clock as _;
use mps2::clock::{Clock, seconds};
use mps2::uart::{BAUD, Uart};
use mps2::wakeup::Wakeups;

const HOUR: u32 = 3600;

#[entry]
fn main() -> ! {
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
