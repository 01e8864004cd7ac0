//! A light-emitting diode on a GPIO pin, behind `embedded-hal`'s interface. (The green one on the board itself hangs behind
//! the graphics processor.)

use core::convert::Infallible;

use embedded_hal::digital::{ErrorType, OutputPin};

use crate::{PERIPHERALS, read_register, write_register};

/// Pin of the diode: GPIO 21, number 40 on the header.
const PIN: usize = 21;

/// Registers of the GPIO controller (BCM2835 ARM Peripherals, chapter 6).
const GPIO: usize = PERIPHERALS + 0x20_0000;
const FUNCTION_SELECT: usize = GPIO;
const SET: usize = GPIO + 0x1c;
const CLEAR: usize = GPIO + 0x28;

/// The pin as an output.
pub struct Led {
    _private: (),
}

impl Led {
    /// Makes the pin an output; the diode is dark.
    pub fn gpio21() -> Self {
        let (register, shift) = (FUNCTION_SELECT + PIN / 10 * 4, PIN % 10 * 3);
        write_register(CLEAR, 1 << PIN);
        write_register(register, read_register(register) & !(7 << shift) | 1 << shift);
        Self { _private: () }
    }
}

impl ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        write_register(CLEAR, 1 << PIN);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        write_register(SET, 1 << PIN);
        Ok(())
    }
}
