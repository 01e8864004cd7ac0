//! The PL011 UART (Arm DDI 0183) on GPIO 14 and 15, driven by polling.

use core::convert::Infallible;

use embedded_io::{ErrorType, Read, ReadReady, Write};

use crate::{PERIPHERALS, read_register, write_register};

/// Clock of the UART in Hz, as `init_uart_clock` in config.txt says; it is the firmware's default.
const UART_HZ: u32 = 48_000_000;

/// Bits a second of this board's serial port.
pub const BAUD: u32 = 115_200;

const UART0: usize = PERIPHERALS + 0x20_1000;
const DATA: usize = UART0;
const FLAGS: usize = UART0 + 0x18;
const BAUD_INTEGER: usize = UART0 + 0x24;
const BAUD_FRACTION: usize = UART0 + 0x28;
const LINE_CONTROL: usize = UART0 + 0x2c;
const CONTROL: usize = UART0 + 0x30;

const FLAGS_BUSY: u32 = 1 << 3;
const FLAGS_RECEIVE_EMPTY: u32 = 1 << 4;
const FLAGS_TRANSMIT_FULL: u32 = 1 << 5;
/// Eight bits, queues on.
const LINE_8N1: u32 = 3 << 5 | 1 << 4;
/// UART, transmitter and receiver on.
const CONTROL_ON: u32 = 1 | 1 << 8 | 1 << 9;

/// GPIO 10 to 19 (BCM2835 ARM Peripherals, chapter 6).
const FUNCTION_SELECT_1: usize = PERIPHERALS + 0x20_0004;
/// Function 0 of GPIO 14 and 15, which is this UART.
const UART_PINS: u32 = 4 << 12 | 4 << 15;
const UART_PINS_MASK: u32 = 7 << 12 | 7 << 15;

/// UART0: eight data bits, no parity, one stop bit. Its hardware queues 16 bytes each way.
pub struct Uart {
    _private: (),
}

impl Uart {
    /// UART0 at `baud` bits a second.
    ///
    /// May be called again, as the panic handler does: two drivers share the one port, byte by byte.
    pub fn uart0(baud: u32) -> Self {
        write_register(CONTROL, 0);
        write_register(FUNCTION_SELECT_1, read_register(FUNCTION_SELECT_1) & !UART_PINS_MASK | UART_PINS);
        // The divisor is UART_HZ / (16 baud), in 64ths.
        let divisor = (UART_HZ * 4 + baud / 2) / baud;
        write_register(BAUD_INTEGER, divisor / 64);
        write_register(BAUD_FRACTION, divisor % 64);
        write_register(LINE_CONTROL, LINE_8N1);
        write_register(CONTROL, CONTROL_ON);
        Self { _private: () }
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(read_register(FLAGS) & FLAGS_RECEIVE_EMPTY == 0)
    }
}

impl Read for Uart {
    /// Blocks until one byte is there, then takes the bytes that have arrived by then.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut count = 0;
        while count < buffer.len() {
            if self.read_ready()? {
                buffer[count] = read_register(DATA) as u8;
                count += 1;
            } else if count > 0 {
                break;
            }
        }
        Ok(count)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for &byte in bytes {
            while read_register(FLAGS) & FLAGS_TRANSMIT_FULL != 0 {}
            write_register(DATA, byte.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while read_register(FLAGS) & FLAGS_BUSY != 0 {}
        Ok(())
    }
}
