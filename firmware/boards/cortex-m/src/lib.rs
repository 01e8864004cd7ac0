//! What the boards with a Cortex-M share.
//!
//! ```text
//! clock   microseconds, and cycles of the processor
//! fault   hard faults, which are panics
//! ```
#![no_std]

pub mod clock;
mod fault;

// Startup, which paints the stack, is `cortex_m_rt`'s.
const _: () = assert!(cortex_m_rt::STACK_PAINT_VALUE == programs::stack::PAINT);

/// Ends the program: the board starts again.
pub fn reset() -> ! {
    cortex_m::peripheral::SCB::sys_reset()
}
