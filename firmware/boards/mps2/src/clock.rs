//! Microseconds since startup, from CMSDK timer 0 (Arm DDI 0479, chapter 4.1).

use core::ptr;

use firmware::device;

use crate::machine::{PERIPHERAL_HZ, TIMER0};

/// Registers, in words from the base address.
const CTRL: usize = 0;
const VALUE: usize = 1;
const RELOAD: usize = 2;

const CTRL_ENABLE: u32 = 1 << 0;

const TICKS_PER_MICROSECOND: u64 = PERIPHERAL_HZ as u64 / 1_000_000;

/// Timer 0, counting down over all of its 32 bits.
///
/// It wraps every 171 s or later, and a wrap is only seen when the clock is read: read it more often.
pub struct Clock {
    last: u32,
    ticks: u64,
}

impl Clock {
    /// Starts timer 0; the clock reads 0 now.
    pub fn timer0() -> Self {
        // SAFETY: these are the registers of timer 0, which exists for the life of the program, aliases no Rust object
        // and accesses no memory.
        unsafe {
            ptr::write_volatile(TIMER0.add(CTRL), 0);
            ptr::write_volatile(TIMER0.add(RELOAD), u32::MAX);
            ptr::write_volatile(TIMER0.add(VALUE), u32::MAX);
            ptr::write_volatile(TIMER0.add(CTRL), CTRL_ENABLE);
        }
        Self { last: u32::MAX, ticks: 0 }
    }

    /// Ticks, [`PERIPHERAL_HZ`] a second, since the start of the clock.
    pub fn ticks(&mut self) -> u64 {
        // SAFETY: as in `timer0`.
        let value = unsafe { ptr::read_volatile(TIMER0.add(VALUE)) };
        self.ticks += u64::from(self.last.wrapping_sub(value));
        self.last = value;
        self.ticks
    }
}

impl device::Clock for Clock {
    fn microseconds(&mut self) -> u64 {
        self.ticks() / TICKS_PER_MICROSECOND
    }
}
