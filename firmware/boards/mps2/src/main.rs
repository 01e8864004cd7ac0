#![no_std]
#![no_main]
mod uart;
mod nvic;

mod stack;
use embedded_io::{Read, Write};
use uart::Uart;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let _ = writeln!(Uart::uart0(115_200), "{info}");
    loop {}
}

#[cortex_m_rt::entry]
fn main() -> ! {
    let mut uart = Uart::uart0(115_200);
    let _ = writeln!(uart, "echo, stack {}", stack::high_water_mark());
    let mut b = [0; 64];
    loop {
        let Ok(n) = uart.read(&mut b);
        let _ = Write::write_all(&mut uart, &b[..n]);
    }
}
