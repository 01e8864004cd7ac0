//! Sleeping until a byte arrives or a hundredth of a second has passed, without interrupt handlers.
//!
//! Interrupts stay masked: a pending one still wakes the core from `wfi` (Armv7-M Architecture Reference Manual, B1.5.19).
//! Calling [`forget`](Wakeups::forget), then looking at the peripherals, then [`wait`](Wakeups::wait) misses nothing: what
//! happens after `forget` makes `wait` return at once.

use core::arch::asm;
use core::ptr;

use crate::uart::{self, PERIPHERAL_HZ};

/// Registers of timer 1 in AN386's memory map (Arm DDI 0479, chapter 4.1).
const TIMER1_CTRL: *mut u32 = 0x4000_1000 as *mut u32;
const TIMER1_VALUE: *mut u32 = 0x4000_1004 as *mut u32;
const TIMER1_RELOAD: *mut u32 = 0x4000_1008 as *mut u32;
const TIMER1_INTCLEAR: *mut u32 = 0x4000_100c as *mut u32;

const CTRL_ENABLE: u32 = 1 << 0;
const CTRL_INTERRUPT: u32 = 1 << 3;

/// Interrupt set-enable and clear-pending registers 0 of the interrupt controller.
const ISER0: *mut u32 = 0xe000_e100 as *mut u32;
const ICPR0: *mut u32 = 0xe000_e280 as *mut u32;

/// UART0 receive is interrupt 0 of AN386, timer 1 is interrupt 9.
const INTERRUPTS: u32 = 1 << 0 | 1 << 9;

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
            ptr::write_volatile(TIMER1_RELOAD, PERIPHERAL_HZ / TICKS_PER_SECOND - 1);
            ptr::write_volatile(TIMER1_VALUE, PERIPHERAL_HZ / TICKS_PER_SECOND - 1);
            ptr::write_volatile(TIMER1_CTRL, CTRL_ENABLE | CTRL_INTERRUPT);
            ptr::write_volatile(ISER0, INTERRUPTS);
        }
        Self { _private: () }
    }

    /// Forgets what has happened so far.
    pub fn forget(&mut self) {
        uart::clear_receive_interrupt();
        // SAFETY: as in `enable`.
        unsafe {
            ptr::write_volatile(TIMER1_INTCLEAR, 1);
            ptr::write_volatile(ICPR0, INTERRUPTS);
        }
    }

    /// Sleeps until something happens; returns at once if it has since [`forget`](Self::forget).
    pub fn wait(&mut self) {
        // SAFETY: both instructions only wait.
        unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) }
    }
}
