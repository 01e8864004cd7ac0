//! Time since startup, in microseconds and in cycles of the processor.

use cortex_m::Peripherals;
use cortex_m::peripheral::{SYST, syst::SystClkSource};
use firmware::device;
use programs::Counter;

/// SysTick counts over so many bits, downwards (Armv6-M Architecture Reference Manual, B3.3).
const TICK_BITS: u32 = 24;

/// A timer of the board, which counts microseconds, and SysTick, which counts cycles and begins again several times a second.
pub struct Clock<M> {
    microseconds: M,
    megahertz: u64,
}

impl<M: Fn() -> u64> Clock<M> {
    /// Starts SysTick. `microseconds` reads the timer; the processor runs at `megahertz`.
    ///
    /// # Panics
    /// If the processor's own peripherals were taken before.
    pub fn start(microseconds: M, megahertz: u32) -> Self {
        let mut ticks = Peripherals::take().expect("nobody else takes the processor's peripherals").SYST;
        ticks.set_clock_source(SystClkSource::Core);
        ticks.set_reload((1 << TICK_BITS) - 1);
        ticks.clear_current();
        ticks.enable_counter();
        Self { microseconds, megahertz: megahertz.into() }
    }
}

impl<M: Fn() -> u64> device::Clock for Clock<M> {
    fn microseconds(&mut self) -> u64 {
        (self.microseconds)()
    }
}

impl<M: Fn() -> u64> Counter for Clock<M> {
    const UNIT: &'static str = "cycles";

    /// Cycles since the timer has counted. The difference between two of them is exact, however long it is: of all numbers
    /// that SysTick agrees with, this is the one nearest to what the timer says.
    fn count(&self) -> u64 {
        let about = (self.microseconds)() * self.megahertz;
        let apart = SYST::get_current().wrapping_neg().wrapping_sub(about as u32);
        // The lowest bits of the difference, with a sign.
        let unused = u32::BITS - TICK_BITS;
        about.wrapping_add_signed(((apart << unused) as i32 >> unused).into())
    }
}
