//! Time since startup, from the cores' own counter.

use core::arch::asm;

use firmware::device;
use programs::Counter;

/// The counter of the generic timer (Arm Architecture Reference Manual, D12).
pub struct Clock {
    start: u64,
    hertz: u64,
}

impl Clock {
    /// The clock reads 0 now.
    pub fn start() -> Self {
        let hertz: u64;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, cntfrq_el0", out(reg) hertz, options(nomem, nostack, preserves_flags)) };
        Self { start: read(), hertz: hertz.max(1) }
    }

    /// Ticks of the counter since the board has had power.
    pub fn since_power_on() -> u64 {
        read()
    }
}

fn read() -> u64 {
    let count: u64;
    // SAFETY: reads a register, after everything before has been executed.
    unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) count, options(nomem, nostack, preserves_flags)) };
    count
}

impl device::Clock for Clock {
    fn microseconds(&mut self) -> u64 {
        (u128::from(self.count()) * 1_000_000 / u128::from(self.hertz)) as u64
    }
}

impl Counter for Clock {
    /// If QEMU lets each take a tick of the counter, by `-icount shift=4`.
    const UNIT: &'static str = "instructions";

    fn count(&self) -> u64 {
        read().wrapping_sub(self.start)
    }
}
