//! Faults: whatever exception arrives ends the program with a message. Interrupts stay masked and never arrive.

use core::arch::{asm, global_asm};

global_asm!(
    ".section .text.vectors, \"ax\"",
    ".balign 2048",
    ".global exception_vectors",
    "exception_vectors:",
    ".rept 16",
    ".balign 128",
    "b exception",
    ".endr",
);

#[unsafe(no_mangle)]
extern "C" fn exception() -> ! {
    let (syndrome, address, instruction): (u64, u64, u64);
    // SAFETY: reads three registers that describe the exception.
    unsafe {
        asm!(
            "mrs {}, esr_el2", "mrs {}, far_el2", "mrs {}, elr_el2",
            out(reg) syndrome, out(reg) address, out(reg) instruction, options(nomem, nostack, preserves_flags),
        );
    }
    panic!("exception: syndrome {syndrome:#x}, address {address:#x}, instruction at {instruction:#x}")
}
