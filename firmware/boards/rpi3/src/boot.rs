//! From the first instruction to `main`.
//!
//! The firmware of the board enters at exception level 2 with translation and caches off. The program stays at that level:
//! it is alone on the machine. The first gigabyte is mapped to itself, memory as cacheable and the peripherals at its end
//! as devices: without caches the core would be many times slower, and unaligned loads would fault.

use core::arch::global_asm;

/// A translation table of blocks, 2 MiB each.
#[repr(C, align(4096))]
struct Table([u64; 512]);

/// Level 2, for the first gigabyte.
#[unsafe(no_mangle)]
static BLOCKS: Table = Table(blocks());

/// Descriptors of blocks (Arm Architecture Reference Manual, D8.3): valid, accessed, readable and writable.
const BLOCK: u64 = 1 | 1 << 6 | 1 << 10;
/// Inner shareable, attributes 0 of the register below.
const MEMORY: u64 = BLOCK | 3 << 8;
/// Never executed, attributes 1.
const DEVICE: u64 = BLOCK | 1 << 2 | 1 << 54;

const fn blocks() -> [u64; 512] {
    let mut blocks = [0; 512];
    let mut index = 0;
    while index < blocks.len() {
        let address = (index as u64) << 21;
        blocks[index] = address | if address < super::PERIPHERALS as u64 { MEMORY } else { DEVICE };
        index += 1;
    }
    blocks
}

global_asm!(
    ".section .text.boot, \"ax\"",
    ".global _start",
    "_start:",
    // Cores 1 to 3 sleep for ever.
    "mrs x0, mpidr_el1",
    "tst x0, #3",
    "b.ne 9f",
    // An emulator that loads the ELF file itself enters at level 3: down to level 2, 64 bits, hypervisor calls allowed.
    "mrs x0, CurrentEL",
    "cmp x0, #12",
    "b.ne 4f",
    "mov x0, #0x5b1",
    "msr scr_el3, x0",
    "mov x0, #0x3c9",
    "msr spsr_el3, x0",
    "adr x0, 4f",
    "msr elr_el3, x0",
    "eret",
    "4:",
    // Floating point and vectors do not trap.
    "mov x0, #0x33ff",
    "msr cptr_el2, x0",
    "ldr x0, =exception_vectors",
    "msr vbar_el2, x0",
    // The root of the tables has one entry, the first gigabyte.
    "ldr x0, =BLOCKS",
    "orr x0, x0, #3",
    "ldr x1, =translation_root",
    "str x0, [x1]",
    "msr ttbr0_el2, x1",
    // Attributes 0: memory, write-back; 1: device, in order, with early acknowledgement.
    "mov x0, #0x04ff",
    "msr mair_el2, x0",
    // 4 GiB of addresses, pages of 4 KiB, tables cacheable; bits 23 and 31 are to be 1.
    "ldr x0, =0x80803520",
    "msr tcr_el2, x0",
    "tlbi alle2",
    "ic iallu",
    "dsb sy",
    "isb",
    // Translation, caches of data and instructions; the other bits are to be 1.
    "ldr x0, =0x30c51835",
    "msr sctlr_el2, x0",
    "isb",
    // Nothing is in the stack and the zeroed variables yet.
    "ldr x0, =_bss_start",
    "ldr x1, =_bss_end",
    "1: cmp x0, x1",
    "b.hs 2f",
    "stp xzr, xzr, [x0], #16",
    "b 1b",
    "2: ldr x0, =_stack_end",
    "ldr x1, =_stack_start",
    "ldr x2, =0xcccccccccccccccc",
    "mov sp, x1",
    "3: stp x2, x2, [x0], #16",
    "cmp x0, x1",
    "b.lo 3b",
    "bl main",
    "9: wfe",
    "b 9b",
    ".ltorg",
    ".section .data.translation, \"aw\"",
    ".balign 4096",
    "translation_root: .fill 512, 8, 0",
);
