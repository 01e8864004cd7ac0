//! Sums of a depthwise convolution.

use core::arch::naked_asm;

/// A window of one pixel, or what of it lies inside the input.
#[repr(C)]
struct Frame {
    x: *const i8,
    w: *const i8,
    /// Bytes between neighbouring taps of a row, in both.
    step: u32,
    rows: u32,
    columns: u32,
    /// Bytes from the end of a row to the beginning of the next.
    x_gap: u32,
    w_gap: u32,
    input_offset: i32,
    sums: *mut i32,
    channels: u32,
}

/// The taps of a window that lie inside the input: `rows` of `columns`, each row `x_row` values behind the one before in `x`
/// and `w_row` in `w`, each column `depth` values.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Rows of taps.
    pub rows: usize,
    /// Columns of taps.
    pub columns: usize,
    /// Values between rows of the input.
    pub x_row: usize,
    /// Values between rows of the weights.
    pub w_row: usize,
    /// Values between columns of both.
    pub depth: usize,
}

/// Writes `sum (x + input_offset) * w` over the taps of `window` for as many channels as there are `sums`; `x` and `w` begin at
/// the first tap's first channel. `false`, and nothing written, if a tap lies outside.
pub fn depthwise_sums(window: &Window, x: &[i8], w: &[i8], input_offset: i32, sums: &mut [i32]) -> bool {
    let Window { rows, columns, x_row, w_row, depth } = *window;
    if rows == 0 || columns == 0 || sums.is_empty() {
        return false;
    }
    let reach = |row: usize| (rows - 1) * row + (columns - 1) * depth + sums.len();
    if x_row < columns * depth || w_row < columns * depth || x.len() < reach(x_row) || w.len() < reach(w_row) {
        return false;
    }
    let frame = Frame {
        x: x.as_ptr(),
        w: w.as_ptr(),
        step: depth as u32,
        rows: rows as u32,
        columns: columns as u32,
        x_gap: (x_row - columns * depth) as u32,
        w_gap: (w_row - columns * depth) as u32,
        input_offset,
        sums: sums.as_mut_ptr(),
        channels: sums.len() as u32,
    };
    // SAFETY: every tap of every channel was just found to lie inside both slices.
    unsafe { sum_channels(&frame) };
    true
}

/// # Safety
/// See [`depthwise_sums`].
#[unsafe(naked)]
unsafe extern "C" fn sum_channels(frame: &Frame) {
    // r0 x, r1 w, r2 step, r3 channel, r4 offset, r5 columns left, r12 sum, lr rows left, r8 frame, r9 columns, r10 and r11 gaps
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        "mov r8, r0",
        "ldr r1, [r0, #16]",
        "mov r9, r1",
        "ldr r1, [r0, #20]",
        "mov r10, r1",
        "ldr r1, [r0, #24]",
        "mov r11, r1",
        "ldr r2, [r0, #8]",
        "ldr r4, [r0, #28]",
        "movs r3, #0",
        "1:",
        "mov r7, r8",
        "ldr r0, [r7, #0]",
        "ldr r1, [r7, #4]",
        "ldr r6, [r7, #12]",
        "mov lr, r6",
        "movs r6, #0",
        "mov r12, r6",
        "2:",
        "mov r5, r9",
        "cmp r5, #3",
        "bne 3f",
        // The usual width, unrolled.
        ".rept 3",
        "ldrsb r6, [r0, r3]",
        "ldrsb r7, [r1, r3]",
        "adds r6, r6, r4",
        "muls r6, r7, r6",
        "add r12, r6",
        "adds r0, r0, r2",
        "adds r1, r1, r2",
        ".endr",
        "4:",
        "add r0, r10",
        "add r1, r11",
        "mov r6, lr",
        "subs r6, #1",
        "mov lr, r6",
        "bne 2b",
        "mov r7, r8",
        "ldr r6, [r7, #32]",
        "lsls r5, r3, #2",
        "mov r0, r12",
        "str r0, [r6, r5]",
        "adds r3, #1",
        "ldr r6, [r7, #36]",
        "cmp r3, r6",
        "bne 1b",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
        "3:",
        "ldrsb r6, [r0, r3]",
        "ldrsb r7, [r1, r3]",
        "adds r6, r6, r4",
        "muls r6, r7, r6",
        "add r12, r6",
        "adds r0, r0, r2",
        "adds r1, r1, r2",
        "subs r5, #1",
        "bne 3b",
        "b 4b",
    )
}
