//! How deep the stack has been, from the pattern that startup paints it with.

use core::ptr;

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
    let mut word = &raw const _stack_end;
    let end = &raw const _stack_start;
    // SAFETY: the linker script places both symbols, 16-byte aligned, around memory that is only ever the stack; startup has
    // painted it, so every word is initialized, and `word` stays below `end`. A volatile read, because the part in use
    // belongs to this very thread's frames.
    while word < end && unsafe { ptr::read_volatile(word) } == PAINT {
        word = unsafe { word.add(1) };
    }
    (end as usize - word as usize) as u32
}
