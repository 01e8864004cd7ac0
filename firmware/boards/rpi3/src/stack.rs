//! How deep the stack has been, from the pattern that startup paints it with.

use core::{arch::asm, ptr};

/// What `boot` fills the stack with.
const PAINT: u64 = 0xcccc_cccc_cccc_cccc;

unsafe extern "C" {
    /// Lowest address of the stack, from `kernel8.ld`.
    static _stack_end: u64;
    /// First address above the stack, from `kernel8.ld`.
    static _stack_start: u64;
}

/// The most bytes of the stack that were ever in use since startup, at most its size in `kernel8.ld`.
pub fn high_water_mark() -> u32 {
    // Addresses alone: neither symbol is an object to read or to walk through.
    let (mut word, start) = ((&raw const _stack_end).addr(), (&raw const _stack_start).addr());
    let top: usize;
    // SAFETY: copies a register.
    unsafe { asm!("mov {}, sp", out(reg) top, options(nomem, nostack, preserves_flags)) };
    // SAFETY: `kernel8.ld` places the stack's end, a multiple of 16, at the bottom of memory that is only ever the stack. What
    // lies between it and the top of the stack is in no Rust object: frames that were there have ended, and no interrupt has
    // its own. Startup has written it, or a frame since. So a volatile read through an address alone is a read of plain memory.
    while word < top && unsafe { ptr::read_volatile(ptr::without_provenance::<u64>(word)) } == PAINT {
        word += size_of::<u64>();
    }
    (start - word) as u32
}
