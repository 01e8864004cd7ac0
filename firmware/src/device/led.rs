//! A status LED that a person can read.
//!
//! | what the LED does | what it means |
//! |---|---|
//! | a short flash every two seconds | waiting: nothing to look at, or no face |
//! | dark for as long as it takes | working |
//! | lit | the last answer was certain |
//! | blinks five times a second | the last answer was uncertain |
//! | three flashes, a pause, and again | a fault: the camera stopped, or something else that the port tells |
//!
//! An answer is shown for two seconds, or until the next.

use core::fmt;

use embedded_hal::digital::OutputPin;
use shared::wire::{Classified, Seen};

use super::{Clock, Device};

/// So long an answer is shown, and so long is a period of the patterns, in microseconds.
const PERIOD_US: u64 = 2_000_000;

/// A short flash, in microseconds.
const FLASH_US: u64 = 60_000;

/// From one of three flashes to the next.
const STEP_US: u64 = 250_000;

/// Half of a fast blink.
const BLINK_US: u64 = 100_000;

/// An LED.
pub trait Light {
    /// Lights it, or makes it dark.
    fn set(&mut self, lit: bool);
}

/// An LED at a pin that is lit by a high level.
#[derive(Debug)]
pub struct Led<P>(pub P);

impl<P: OutputPin> Light for Led<P> {
    fn set(&mut self, lit: bool) {
        // An LED that fails is no reason to stop talking.
        let _ = if lit { self.0.set_high() } else { self.0.set_low() };
    }
}

/// The LED of a board that has none.
#[derive(Clone, Copy, Debug)]
pub struct NoLight;

impl Light for NoLight {
    fn set(&mut self, _: bool) {}
}

/// What the LED tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    #[default]
    Waiting,
    Certain,
    Uncertain,
    Fault,
}

impl Status {
    pub(super) fn of_face(face: &Classified) -> Self {
        if face.uncertain { Self::Uncertain } else { Self::Certain }
    }

    pub(super) fn of_picture(seen: &Seen) -> Self {
        seen.face.as_ref().map_or(Self::Waiting, |face| Self::of_face(&face.emotion))
    }

    /// Whether the LED is lit, so many microseconds after this was first told.
    pub(super) fn is_lit(self, elapsed_us: u64) -> bool {
        let phase = elapsed_us % PERIOD_US;
        match self {
            Self::Certain if elapsed_us < PERIOD_US => true,
            Self::Uncertain if elapsed_us < PERIOD_US => (elapsed_us / BLINK_US).is_multiple_of(2),
            Self::Waiting | Self::Certain | Self::Uncertain => phase < FLASH_US,
            Self::Fault => phase < 3 * STEP_US && phase % STEP_US < FLASH_US,
        }
    }
}

/// The LED of a device, and what it tells.
pub(super) struct StatusLed<'arena> {
    light: &'arena mut dyn Light,
    status: Status,
    since_us: u64,
    lit: Option<bool>,
}

impl fmt::Debug for StatusLed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusLed").field("status", &self.status).finish_non_exhaustive()
    }
}

impl<'arena> StatusLed<'arena> {
    pub(super) fn new(light: &'arena mut dyn Light) -> Self {
        Self { light, status: Status::Waiting, since_us: 0, lit: None }
    }

    /// From now on the LED tells this.
    pub(super) fn tell(&mut self, status: Status, now: u64) {
        (self.status, self.since_us) = (status, now);
        self.update(now);
    }

    /// Makes it dark while the device works.
    pub(super) fn work(&mut self) {
        self.set(false);
    }

    /// Sets it as the time has it.
    pub(super) fn update(&mut self, now: u64) {
        self.set(self.status.is_lit(now.saturating_sub(self.since_us)));
    }

    fn set(&mut self, lit: bool) {
        if self.lit.replace(lit) != Some(lit) {
            self.light.set(lit);
        }
    }
}

impl<'arena, S, C, V> Device<'_, 'arena, S, C, V> {
    /// Has an LED tell what the device does.
    #[must_use]
    pub fn with_light(mut self, light: &'arena mut dyn Light) -> Self {
        self.led = Some(StatusLed::new(light));
        self
    }

    /// The LED is dark while the device works.
    pub(super) fn work(&mut self) {
        if let Some(led) = &mut self.led {
            led.work();
        }
    }
}

impl<S, C: Clock, V> Device<'_, '_, S, C, V> {
    /// Has the LED, if there is one, tell this from now on.
    pub(super) fn show(&mut self, status: Status) {
        if let Some(led) = &mut self.led {
            led.tell(status, self.clock.microseconds());
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::convert::Infallible;
    use std::vec::Vec;

    use embedded_hal::digital;

    use super::*;

    /// What the LED does in three periods, hundredths of a second each: lit, dark, lit, …
    fn lengths(status: Status) -> Vec<u64> {
        let mut lengths = Vec::new();
        let mut last = true;
        for hundredth in 0..600 {
            let lit = status.is_lit(hundredth * 10_000);
            if lengths.is_empty() || lit != last {
                lengths.push(0);
            }
            *lengths.last_mut().unwrap() += 1;
            last = lit;
        }
        lengths
    }

    #[test]
    fn each_status_has_a_pattern_of_its_own() {
        assert_eq!(lengths(Status::Waiting), [6, 194, 6, 194, 6, 194]);
        let certain = [206, 194, 6, 194];
        assert_eq!(lengths(Status::Certain), certain, "then it waits");
        let mut uncertain = std::vec![10; 20];
        uncertain.extend([6, 194, 6, 194]);
        assert_eq!(lengths(Status::Uncertain), uncertain);
        assert_eq!(lengths(Status::Fault), [6, 19, 6, 19, 6, 144].repeat(3));
    }

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
    fn a_pin_is_set_only_when_something_changes() {
        let mut levels = Vec::new();
        let mut light = Led(Pin(&mut levels));
        let mut led = StatusLed::new(&mut light);
        for now in [0, 10_000, 50_000, 70_000, 1_000_000] {
            led.update(now);
        }
        led.work();
        led.tell(Status::Certain, 1_500_000);
        led.update(3_000_000);
        led.work();
        led.tell(Status::Fault, 3_200_000);
        assert_eq!(levels, [true, false, true, false, true]);
    }
}
