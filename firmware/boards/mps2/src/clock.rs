//! Microseconds since startup, from CMSDK timer 0 (Arm DDI 0479, chapter 4.1) and the FPGA's counter of hundredths of a second
//! (Arm DAI 0386).

use core::ptr;

use firmware::device;
use programs::Counter;

use crate::machine::{FPGAIO, PERIPHERAL_HZ, TIMER0, instructions};

/// Registers of the timer, in words from the base address.
const CTRL: usize = 0;
const VALUE: usize = 1;
const RELOAD: usize = 2;

const CTRL_ENABLE: u32 = 1 << 0;

/// Registers of the FPGA, likewise: counters of seconds and of their hundredths.
const CLK1HZ: usize = 4;
const CLK100HZ: usize = 5;

const TICKS_PER_MICROSECOND: u64 = PERIPHERAL_HZ as u64 / 1_000_000;
const TICKS_PER_HUNDREDTH: u64 = PERIPHERAL_HZ as u64 / 100;

/// Timer 0, counting down over all of its 32 bits, which takes it 171 s or more. How often it has is seen by the hundredths of a
/// second, 32 bits of them, so the clock may go unread for as long as it likes: for 497 days.
pub struct Clock {
    /// What the counter of hundredths showed at the start.
    start: u32,
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
        Self { start: read_fpga(CLK100HZ) }
    }

    /// Ticks, [`PERIPHERAL_HZ`] a second, since the start of the clock: of all numbers that the timer agrees with, the one
    /// nearest to what the hundredths say.
    pub fn ticks(&self) -> u64 {
        let about = u64::from(read_fpga(CLK100HZ).wrapping_sub(self.start)) * TICKS_PER_HUNDREDTH;
        // SAFETY: as in `timer0`.
        let ticks = u32::MAX - unsafe { ptr::read_volatile(TIMER0.add(VALUE)) };
        about.wrapping_add_signed((ticks.wrapping_sub(about as u32) as i32).into())
    }
}

impl device::Clock for Clock {
    fn microseconds(&mut self) -> u64 {
        self.ticks() / TICKS_PER_MICROSECOND
    }
}

impl Counter for Clock {
    /// If QEMU lets each take 64 ns, by `-icount shift=6`.
    const UNIT: &'static str = "instructions";

    fn count(&self) -> u64 {
        instructions(self.ticks())
    }
}

/// Seconds since the FPGA was started, by a counter of its own.
pub fn seconds() -> u32 {
    read_fpga(CLK1HZ)
}

fn read_fpga(register: usize) -> u32 {
    // SAFETY: callers pass the constants above; the counters exist for the life of the program, alias no Rust object and access
    // no memory.
    unsafe { ptr::read_volatile(FPGAIO.add(register)) }
}
