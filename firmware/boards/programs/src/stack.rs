//! How deep the stack has been, from the pattern that startup paints it with.

use core::{arch::asm, ptr};

/// What startup fills the stack with.
pub const PAINT: u32 = 0xcccc_cccc;

unsafe extern "C" {
    /// Lowest address of the stack, from the board's linker script.
    static _stack_end: u32;
    /// First address above the stack, from the board's linker script.
    static _stack_start: u32;
}

/// The most bytes of the stack that were ever in use since startup, at most its size in the linker script.
pub fn high_water_mark() -> u32 {
    // Addresses alone: neither symbol is an object to read or to walk through.
    let (mut word, start) = ((&raw const _stack_end).addr(), (&raw const _stack_start).addr());
    let top: usize;
    // SAFETY: copies a register.
    unsafe { asm!("mov {}, sp", out(reg) top, options(nomem, nostack, preserves_flags)) };
    // SAFETY: every board's linker script places the stack's end, a multiple of 4, at the bottom of RAM that is only ever the
    // stack. What lies between it and the top of the stack is in no Rust object: frames that were there have ended, and no
    // interrupt has its own. Startup has written it, or a frame since. So a volatile read through an address alone is a read of
    // plain memory.
    while word < top && unsafe { ptr::read_volatile(ptr::without_provenance::<u32>(word)) } == PAINT {
        word += size_of::<u32>();
    }
    (start - word) as u32
}
