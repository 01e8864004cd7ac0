//! Sums of products of a few units of a fully connected operator, and what becomes of the sums.

use core::arch::naked_asm;

use shared::quantization::ChannelParameters;

/// Units whose sums are in registers at a time at most.
pub(super) const UNITS: usize = 5;

/// Activations in the body of the inner loop.
pub(super) const UNROLLED: usize = 16;

/// Arguments of [`multiply`], in the order of its loads.
#[repr(C)]
pub(super) struct Frame {
    /// The units' outputs; moves on.
    pub output: *mut i8,
    /// Where they end.
    pub end: *const i8,
    /// The output's zero point.
    pub output_offset: i32,
    /// Lower end of the clamp.
    pub activation_min: i32,
    /// Upper end of the clamp.
    pub activation_max: i32,
    /// The units' parameters; moves on.
    pub channels: *const ChannelParameters,
    /// Activations of the unrolled loop that are skipped the first time.
    pub skipped: u32,
    /// Bytes of words in a pass, as many as a row has weights in whole fours.
    pub pass: u32,
    /// The activations, pass by pass.
    pub words: *mut u32,
    /// What is added to the sums.
    pub sums: [i32; UNITS],
    /// Bytes between rows of weights.
    pub row: usize,
    /// The first unit's row.
    pub weights: *const i8,
    /// The activations as they came.
    pub input: *const i8,
    /// What is added to them.
    pub input_offset: i32,
}

const _: () = assert!(size_of::<Frame>() == 72, "the assembly counts on 32-bit pointers");

/// The outputs of as many as `COUNT` units; where `FIRST` is 1, their activations are taken from `input` and written to
/// `words`.
///
/// # Safety
/// From the frame's pointers on, `COUNT` rows of weights, `row` apart and each of `pass` bytes or more, and as many activations
/// and words can be read; so can the parameters of the units up to `end`, at least one and at most `COUNT`, whose outputs can be
/// written, and with `FIRST` the words. The fours of a row and `skipped` make a multiple of [`UNROLLED`].
#[unsafe(naked)]
pub(super) unsafe extern "C" fn multiply<const COUNT: usize, const FIRST: usize>(frame: &mut Frame) {
    // r0 word, r1 activation, r2 weight, r3-r7 from the word to the rows, r8-r12 sums, lr end of the pass. With `FIRST`: r7 to
    // the input, r12 its offset.
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        // An activation and its products take so many bytes of code.
        "ldr r1, [r0, #24]",
        "movs r2, #2 + 6 * {count} + 4 * {first}",
        "muls r1, r2, r1",
        "adr r2, 2f",
        "adds r1, r1, r2",
        "adds r1, #1",
        "ldr r2, [r0, #28]",
        "ldr r3, [r0, #32]",
        "lsls r4, r2, #2",
        "adds r4, r4, r3",
        "movs r5, #1",
        "subs r5, r5, r2",
        // Frame, entry, bytes of a pass, end of the last, from a pass to the next.
        "push {{r0, r1, r2, r4, r5}}",
        "adds r2, r2, r3",
        "mov lr, r2",
        ".if {first}",
        "ldr r1, [r0, #68]",
        "mov r12, r1",
        "ldr r7, [r0, #64]",
        "subs r7, r7, r3",
        ".endif",
        "adds r0, #36",
        "ldmia r0!, {{r1, r2}}",
        "mov r8, r1",
        "mov r9, r2",
        ".if {count} > 2",
        "ldmia r0!, {{r1, r2, r4}}",
        "mov r10, r1",
        "mov r11, r2",
        "mov r12, r4",
        ".else",
        "adds r0, #12",
        ".endif",
        "ldmia r0!, {{r2, r4}}",
        "mov r0, r3",
        // Behind the word when the weights are loaded.
        "subs r3, r4, r3",
        "subs r3, #4",
        "adds r4, r3, r2",
        ".if {count} > 2",
        "adds r5, r4, r2",
        "adds r6, r5, r2",
        "adds r7, r6, r2",
        ".endif",
        "ldr r1, [sp, #4]",
        "bx r1",
        ".balign 4",
        "2:",
        ".rept {unrolled}",
        ".if {first}",
        "ldrsb r1, [r0, r7]",
        "add r1, r12",
        "stmia r0!, {{r1}}",
        ".else",
        "ldmia r0!, {{r1}}",
        ".endif",
        "ldrsb r2, [r0, r3]",
        "muls r2, r1, r2",
        "add r8, r2",
        ".if {count} > 1",
        "ldrsb r2, [r0, r4]",
        "muls r2, r1, r2",
        "add r9, r2",
        ".endif",
        ".if {count} > 2",
        "ldrsb r2, [r0, r5]",
        "muls r2, r1, r2",
        "add r10, r2",
        ".endif",
        ".if {count} > 3",
        "ldrsb r2, [r0, r6]",
        "muls r2, r1, r2",
        "add r11, r2",
        ".endif",
        ".if {count} > 4",
        "ldrsb r2, [r0, r7]",
        "muls r2, r1, r2",
        "add r12, r2",
        ".endif",
        ".endr",
        "cmp r0, lr",
        "beq 3f",
        // Too far for a branch with a condition.
        "b 2b",
        "3:",
        "ldr r1, [sp, #12]",
        "cmp r0, r1",
        "beq 4f",
        "ldr r1, [sp, #16]",
        "adds r3, r3, r1",
        "adds r4, r4, r1",
        "adds r5, r5, r1",
        "adds r6, r6, r1",
        "adds r7, r7, r1",
        "ldr r1, [sp, #8]",
        "add lr, r1",
        "ldr r1, [sp, #4]",
        "bx r1",
        "4:",
        "mov r3, r8",
        "mov r4, r9",
        "mov r5, r10",
        "mov r6, r11",
        "mov r7, r12",
        "push {{r3-r7}}",
        "bl {store}",
        "add sp, #40",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
        count = const COUNT,
        first = const FIRST,
        unrolled = const UNROLLED,
        store = sym store,
    )
}

/// Requantizes the sums on the stack, above which is the frame's address, as [`requantize`](super::requantize) does, clamps and
/// stores them.
///
/// # Safety
/// Called by [`multiply`] alone.
#[unsafe(naked)]
unsafe extern "C" fn store() {
    // r6 parameters, r7 sums, r8 output's zero point, r9 and r10 clamp, r11 output, r12 half of 2^31 in units of 2^16, lr end
    naked_asm!(
        "mov r7, sp",
        "ldr r5, [sp, #20]",
        "push {{r5, lr}}",
        "ldmia r5!, {{r0-r4, r6}}",
        "mov r11, r0",
        "mov lr, r1",
        "mov r8, r2",
        "mov r9, r3",
        "mov r10, r4",
        "movs r0, #1",
        "lsls r0, r0, #14",
        "mov r12, r0",
        "2:",
        "ldmia r7!, {{r0}}",
        "ldmia r6!, {{r1-r3}}",
        "adds r0, r0, r1",
        "sxth r1, r0",
        "subs r0, r0, r1",
        "asrs r0, r0, #16",
        "uxth r4, r2",
        "lsrs r2, r2, #16",
        "movs r5, r1",
        "muls r5, r4, r5",
        "muls r1, r2, r1",
        "muls r4, r0, r4",
        "muls r2, r0, r2",
        "asrs r5, r5, #16",
        "adds r1, r1, r5",
        "adds r1, r1, r4",
        "add r1, r12",
        "asrs r5, r1, #16",
        "adds r2, r2, r5",
        "rsbs r3, r3, #0",
        "lsls r1, r1, #17",
        "adcs r2, r2",
        "asrs r0, r2, #31",
        "adds r2, r2, r0",
        "asrs r2, r3",
        "mov r0, r8",
        "adcs r2, r0",
        "cmp r2, r9",
        "bge 3f",
        "mov r2, r9",
        "3:",
        "cmp r2, r10",
        "ble 3f",
        "mov r2, r10",
        "3:",
        "mov r0, r11",
        "strb r2, [r0]",
        "adds r0, #1",
        "mov r11, r0",
        "cmp r0, lr",
        "bne 2b",
        "pop {{r1}}",
        "str r0, [r1, #0]",
        "str r6, [r1, #20]",
        "pop {{pc}}",
    )
}
