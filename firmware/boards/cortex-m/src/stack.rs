//! How deep the stack has been, from the pattern that startup paints it with.

use core::ptr;

use cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    /// Lowest address of the stack, from `memory.x`.
    static _stack_end: u32;
    /// First address above the stack, from `memory.x`.
    static _stack_start: u32;
}

/// The most bytes of the stack that were ever in use since startup, at most its size in `memory.x`.
pub fn high_water_mark() -> u32 {
    let mut word = &raw const _stack_end;
    let end = &raw const _stack_start;
    // SAFETY: the linker script places both symbols, 4-byte aligned, around RAM that is only ever the stack; startup has
    // painted it, so every word is initialized, and `word` stays below `end`. A volatile read, because the part in use
    // belongs to this very thread's frames.
    while word < end && unsafe { ptr::read_volatile(word) } == STACK_PAINT_VALUE {
        word = unsafe { word.add(1) };
    }
    (end as usize - word as usize) as u32
}
