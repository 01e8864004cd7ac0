//! The CMSDK APB UART (Arm DDI 0479, chapter 4.3), driven by polling; a received byte also raises an interrupt, for
//! [`wakeup`](crate::wakeup).

use core::convert::Infallible;
use core::ptr;

use embedded_io::{ErrorType, Read, ReadReady, Write};

use crate::machine::{PERIPHERAL_HZ, UART0};

/// Bits a second of this board's serial port; QEMU takes any.
pub const BAUD: u32 = 115_200;

/// Registers, in words from the base address.
const DATA: usize = 0;
const STATE: usize = 1;
const CTRL: usize = 2;
const INTCLEAR: usize = 3;
const BAUDDIV: usize = 4;

const STATE_TX_FULL: u32 = 1 << 0;
const STATE_RX_FULL: u32 = 1 << 1;
const CTRL_TX_ENABLE: u32 = 1 << 0;
const CTRL_RX_ENABLE: u32 = 1 << 1;
const CTRL_RX_INTERRUPT: u32 = 1 << 3;
const INTCLEAR_RX: u32 = 1 << 1;

/// UART0: eight data bits, no parity, one stop bit. Its hardware buffers one byte each way and reports no error.
pub struct Uart {
    _private: (),
}

/// Forgets that a byte was received; the byte itself stays.
pub fn clear_receive_interrupt() {
    write_register(INTCLEAR, INTCLEAR_RX);
}

fn read_register(register: usize) -> u32 {
    // SAFETY: callers pass the constants above, and each is a register of UART0, which exists for the life of the program
    // and aliases no Rust object.
    unsafe { ptr::read_volatile(UART0.add(register)) }
}

fn write_register(register: usize, value: u32) {
    // SAFETY: as in `read_register`; no register of this UART makes it access memory by itself.
    unsafe { ptr::write_volatile(UART0.add(register), value) }
}

impl Uart {
    /// UART0 at `baud` bits a second.
    ///
    /// May be called again, as the panic handler does: two drivers share the one port, byte by byte.
    pub fn uart0(baud: u32) -> Self {
        write_register(BAUDDIV, PERIPHERAL_HZ / baud);
        write_register(CTRL, CTRL_TX_ENABLE | CTRL_RX_ENABLE | CTRL_RX_INTERRUPT);
        Self { _private: () }
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(read_register(STATE) & STATE_RX_FULL != 0)
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
            while read_register(STATE) & STATE_TX_FULL != 0 {}
            write_register(DATA, byte.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while read_register(STATE) & STATE_TX_FULL != 0 {}
        Ok(())
    }
}
