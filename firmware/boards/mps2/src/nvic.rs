//! Sleeping until something happens, without interrupt handlers.
//!
//! Interrupts stay masked: a pending one still wakes the core from `wfi` (Armv7-M Architecture Reference Manual, B1.5.19),
//! and the loop that slept then looks at the peripherals.

use core::arch::asm;
use core::ptr;

/// Interrupt numbers of AN386.
#[derive(Clone, Copy)]
pub enum Interrupt {
    /// A byte has arrived at UART0.
    Uart0Receive = 0,
    /// Timer 1 has reached zero.
    Timer1 = 9,
}

/// Interrupt set-enable and clear-pending registers 0 of the interrupt controller.
const ISER0: *mut u32 = 0xe000_e100 as *mut u32;
const ICPR0: *mut u32 = 0xe000_e280 as *mut u32;

impl Interrupt {
    /// Lets this interrupt wake the core, and masks all handlers.
    pub fn enable_wakeup(self) {
        // SAFETY: masking interrupts before enabling one means that no handler ever runs; the register belongs to the
        // interrupt controller and only bits written as one have an effect.
        unsafe {
            asm!("cpsid i", options(nostack, preserves_flags));
            ptr::write_volatile(ISER0, 1 << self as u32);
        }
    }

    /// Forgets that this interrupt was requested.
    pub fn clear_pending(self) {
        // SAFETY: as in `enable_wakeup`.
        unsafe { ptr::write_volatile(ICPR0, 1 << self as u32) }
    }
}

/// Sleeps until an enabled interrupt is pending; returns at once if one is.
pub fn wait_for_interrupt() {
    // SAFETY: both instructions only wait.
    unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) }
}
