//! Panics and hard faults end on UART0, and with a reset.

use core::panic::PanicInfo;

use cortex_m_board::panic::print_and_reset;
use cortex_m_rt::{ExceptionFrame, exception};
use rp235x_hal::pac::UART0;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: the registers of UART0 exist for the life of the program, which the one that had the port never goes on with.
    let uart = unsafe { &*UART0::ptr() };
    let put = |byte| {
        while uart.uartfr().read().txff().bit_is_set() {}
        // SAFETY: the register takes any byte.
        uart.uartdr().write(|w| unsafe { w.data().bits(byte) });
    };
    print_and_reset(info, put, || while uart.uartfr().read().busy().bit_is_set() {})
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault, {frame:#x?}")
}
