//! Sleeping until a byte arrives or a hundredth of a second has passed, without interrupt handlers.
//!
//! Interrupts stay masked: a pending one still wakes the core from `wfi` (Armv7-M Architecture Reference Manual, B1.5.19).
//! Calling [`forget`](Wakeups::forget), then looking at the peripherals, then [`wait`](Wakeups::wait) misses nothing: what
//! happens after `forget` makes `wait` return at once.

use core::arch::asm;
use core::ptr;

use crate::machine::{INTERRUPTS, PERIPHERAL_HZ, TIMER1};
use crate::uart;

/// Registers of timer 1, in words from its first (Arm DDI 0479, chapter 4.1).
const CTRL: usize = 0;
const VALUE: usize = 1;
const RELOAD: usize = 2;
const INTCLEAR: usize = 3;

const CTRL_ENABLE: u32 = 1 << 0;
const CTRL_INTERRUPT: u32 = 1 << 3;

/// The first of the interrupt controller's set-enable and clear-pending registers.
const ISER0: *mut u32 = 0xe000_e100 as *mut u32;
const ICPR0: *mut u32 = 0xe000_e280 as *mut u32;

const TICKS_PER_SECOND: u32 = 100;

/// The two interrupts, masked but enabled; timer 1 is running.
pub struct Wakeups {
    _private: (),
}

impl Wakeups {
    /// Masks interrupt handlers, starts timer 1 and lets both interrupts wake the core.
    pub fn enable() -> Self {
        // SAFETY: no handler ever runs, because interrupts are masked before any is enabled. The registers are those of
        // timer 1 and of the interrupt controller; they alias no Rust object and access no memory.
        unsafe {
            asm!("cpsid i", options(nomem, nostack, preserves_flags));
            ptr::write_volatile(TIMER1.add(RELOAD), PERIPHERAL_HZ / TICKS_PER_SECOND - 1);
            ptr::write_volatile(TIMER1.add(VALUE), PERIPHERAL_HZ / TICKS_PER_SECOND - 1);
            ptr::write_volatile(TIMER1.add(CTRL), CTRL_ENABLE | CTRL_INTERRUPT);
            for (word, interrupts) in INTERRUPTS.into_iter().enumerate() {
                ptr::write_volatile(ISER0.add(word), interrupts);
            }
        }
        Self { _private: () }
    }

    /// Forgets what has happened so far.
    pub fn forget(&mut self) {
        uart::clear_receive_interrupt();
        // SAFETY: as in `enable`.
        unsafe {
            ptr::write_volatile(TIMER1.add(INTCLEAR), 1);
            for (word, interrupts) in INTERRUPTS.into_iter().enumerate() {
                ptr::write_volatile(ICPR0.add(word), interrupts);
            }
        }
    }

    /// Sleeps until something happens; returns at once if it has since [`forget`](Self::forget).
    pub fn wait(&mut self) {
        // SAFETY: both instructions only wait.
        unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) }
    }
}
