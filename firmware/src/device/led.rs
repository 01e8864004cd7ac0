//! A serial link with a status LED.

use embedded_hal::digital::OutputPin;
use embedded_io::{ErrorType, Read, ReadReady, Write};

/// A serial link with a status LED that toggles with every message that the device sends: it blinks while faces are classified.
#[derive(Debug)]
pub struct StatusLed<S, P> {
    serial: S,
    pin: P,
    lit: bool,
}

impl<S, P: OutputPin> StatusLed<S, P> {
    /// `serial` with an LED at `pin`. The LED is lit at first, to show that the device runs.
    pub fn new(serial: S, pin: P) -> Self {
        let mut led = Self { serial, pin, lit: false };
        led.toggle();
        led
    }

    fn toggle(&mut self) {
        self.lit = !self.lit;
        // An LED that fails is no reason to stop talking.
        let _ = if self.lit { self.pin.set_high() } else { self.pin.set_low() };
    }
}

impl<S: ErrorType, P> ErrorType for StatusLed<S, P> {
    type Error = S::Error;
}

impl<S: ReadReady, P> ReadReady for StatusLed<S, P> {
    fn read_ready(&mut self) -> Result<bool, S::Error> {
        self.serial.read_ready()
    }
}

impl<S: Read, P> Read for StatusLed<S, P> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, S::Error> {
        self.serial.read(buffer)
    }
}

impl<S: Write, P: OutputPin> Write for StatusLed<S, P> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, S::Error> {
        self.serial.write(bytes)
    }

    fn flush(&mut self) -> Result<(), S::Error> {
        self.toggle();
        self.serial.flush()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::convert::Infallible;
    use std::vec::Vec;

    use embedded_hal::digital;

    use super::*;

    struct Pin<'a>(&'a mut Vec<bool>);

    impl digital::ErrorType for Pin<'_> {
        type Error = Infallible;
    }

    impl OutputPin for Pin<'_> {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.0.push(false);
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            self.0.push(true);
            Ok(())
        }
    }

    #[test]
    fn the_light_changes_with_every_message_and_the_bytes_go_through() {
        let (mut levels, mut bytes) = (Vec::new(), [0u8; 4]);
        let mut link = StatusLed::new(&mut bytes[..], Pin(&mut levels));
        for message in [b"ab", b"cd"] {
            link.write_all(message).unwrap();
            link.flush().unwrap();
        }
        assert_eq!(bytes, *b"abcd");
        assert_eq!(levels, [true, false, true]);
    }
}
