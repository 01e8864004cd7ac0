//! What differs between the FPGA images: AN386 with a Cortex-M4F, and AN505 with a Cortex-M33, whose program runs as secure
//! code and sees its peripherals at their secure addresses.

/// What QEMU calls the machine.
#[cfg(not(an505))]
pub const NAME: &str = "mps2-an386";
/// What QEMU calls the machine.
#[cfg(an505)]
pub const NAME: &str = "mps2-an505";

/// Clock of the core and of the peripherals, in Hz.
#[cfg(not(an505))]
pub const PERIPHERAL_HZ: u32 = 25_000_000;
/// Clock of the core and of the peripherals, in Hz.
#[cfg(an505)]
pub const PERIPHERAL_HZ: u32 = 20_000_000;

#[cfg(not(an505))]
pub(crate) const UART0: *mut u32 = 0x4000_4000 as *mut u32;
#[cfg(an505)]
pub(crate) const UART0: *mut u32 = 0x5020_0000 as *mut u32;

#[cfg(not(an505))]
pub(crate) const TIMER0: *mut u32 = 0x4000_0000 as *mut u32;
#[cfg(an505)]
pub(crate) const TIMER0: *mut u32 = 0x5000_0000 as *mut u32;

#[cfg(not(an505))]
pub(crate) const TIMER1: *mut u32 = 0x4000_1000 as *mut u32;
#[cfg(an505)]
pub(crate) const TIMER1: *mut u32 = 0x5000_1000 as *mut u32;

/// The FPGA's system registers.
#[cfg(not(an505))]
pub(crate) const FPGAIO: *const u32 = 0x4002_8000 as *const u32;
/// The FPGA's system registers.
#[cfg(an505)]
pub(crate) const FPGAIO: *const u32 = 0x5030_2000 as *const u32;

/// The interrupts of UART0 and of timer 1, 32 of them a word: UART0 receive is number 0 of AN386, timer 1 number 9.
#[cfg(not(an505))]
pub(crate) const INTERRUPTS: [u32; 2] = [1 << 0 | 1 << 9, 0];
/// Timer 1 is number 4 of AN505, the two of UART0 are 32 and 33.
#[cfg(an505)]
pub(crate) const INTERRUPTS: [u32; 2] = [1 << 4, 1 << 0 | 1 << 1];

/// Instructions that take so many ticks of the timers if QEMU lets each take 64 ns (`-icount shift=6`).
pub fn instructions(ticks: u64) -> u64 {
    ticks * (1_000_000_000 / 64) / u64::from(PERIPHERAL_HZ)
}
