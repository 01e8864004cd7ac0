//! Fully connected operator: four units at a time, whose weights lie a row apart and are loaded with the row's distance in a
//! register. Activations are copied first, each 128 more, for their distance to the weights to be the same all along.

use core::arch::naked_asm;

use shared::quantization::ChannelParameters;

use super::{
    super::super::{FullyConnectedArguments, ShapeMismatch, filters, span},
    requantize,
};

/// Units whose sums are in registers at a time.
const UNITS: usize = 4;

/// Products of each unit in the body of the inner loop.
const UNROLLED: usize = 8;

/// Words of scratch that so many inputs take.
pub const fn fully_connected_words(inputs: usize) -> usize {
    inputs.div_ceil(4)
}

/// [`fully_connected`](crate::kernels::fully_connected), or `None` if the scratch is too small.
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [u32],
) -> Option<Result<(), ShapeMismatch>> {
    let shifted = bytemuck::cast_slice_mut::<_, u8>(scratch).get_mut(..input.len())?;
    Some(run(arguments, input, weights, channels, output, shifted))
}

fn run(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    shifted: &mut [u8],
) -> Result<(), ShapeMismatch> {
    let channels = span(channels, 0, output.len())?;
    let length = input.len();
    let weights = filters(weights, output.len(), length)?;
    for (to, &from) in shifted.iter_mut().zip(input) {
        *to = from as u8 ^ 0x80;
    }
    let missing = arguments.input_offset.wrapping_sub(128);
    let fours = output.chunks_mut(UNITS).zip(channels.chunks(UNITS)).zip(weights.chunks((UNITS * length).max(1)));
    for ((output, channels), weights) in fours {
        let mut sums = sums(shifted, weights, length)?;
        if missing != 0 {
            for (sum, weights) in sums.iter_mut().zip(weights.chunks_exact(length.max(1))) {
                let total = weights.iter().fold(0i32, |total, &weight| total.wrapping_add(weight.into()));
                *sum = sum.wrapping_add(missing.wrapping_mul(total));
            }
        }
        for ((out, channel), sum) in output.iter_mut().zip(channels).zip(sums) {
            *out = arguments.store(requantize(channel, sum));
        }
    }
    Ok(())
}

/// The sums of products of `activations` with up to four rows of `length` weights.
fn sums(activations: &[u8], weights: &[i8], length: usize) -> Result<[i32; UNITS], ShapeMismatch> {
    let mut sums = [0; UNITS];
    if length == 0 {
        return Ok(sums);
    }
    let rows = weights.len() / length;
    if activations.len() < length || rows == 0 {
        return Err(ShapeMismatch);
    }
    // The last row stands in for rows that are missing.
    let row = |index: usize| index.min(rows - 1) * length;
    let frame = Frame {
        weights: weights.as_ptr(),
        // Addresses wrap, as the assembly's sums do.
        activations: (activations.as_ptr() as usize).wrapping_sub(weights.as_ptr() as usize),
        rows: [row(1), row(2), row(3)],
        end: weights.as_ptr().wrapping_add(length),
        entry: length.wrapping_neg() % UNROLLED,
        sums: &mut sums,
    };
    // SAFETY: the rows lie in `weights`, and there are as many activations as a row has weights.
    unsafe { multiply(&frame) };
    Ok(sums)
}

/// Arguments of the assembly, in the order of its loads.
#[repr(C)]
struct Frame<'a> {
    weights: *const i8,
    /// From a weight of the first row to its activation.
    activations: usize,
    /// From a weight of the first row to those of the others.
    rows: [usize; 3],
    end: *const i8,
    /// Products of the unrolled loop that are skipped the first time.
    entry: usize,
    sums: &'a mut [i32; UNITS],
}

/// # Safety
/// The four rows and the activations are readable from their beginnings up to where the first row is at `end`, a row is not
/// empty, and lacks `entry` products to whole multiples of [`UNROLLED`].
#[unsafe(naked)]
unsafe extern "C" fn multiply(frame: &Frame<'_>) {
    // r8-r11 sums, r12 end
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        "ldmia r0!, {{r5}}",
        "ldmia r0!, {{r1-r4}}",
        "ldmia r0!, {{r6-r7}}",
        "mov r12, r6",
        "ldr r0, [r0]",
        "push {{r0}}",
        // A product of each unit takes 28 bytes of code.
        "movs r6, #28",
        "muls r7, r6, r7",
        "adr r6, 2f",
        "adds r6, r6, r7",
        "adds r6, #1",
        "movs r0, #0",
        "mov r8, r0",
        "mov r9, r0",
        "mov r10, r0",
        "mov r11, r0",
        "bx r6",
        ".balign 4",
        "2:",
        ".rept 8",
        "ldrb r6, [r5, r1]",
        "ldrsb r7, [r5, r0]",
        "muls r7, r6, r7",
        "add r8, r7",
        "ldrsb r7, [r5, r2]",
        "muls r7, r6, r7",
        "add r9, r7",
        "ldrsb r7, [r5, r3]",
        "muls r7, r6, r7",
        "add r10, r7",
        "ldrsb r7, [r5, r4]",
        "muls r7, r6, r7",
        "add r11, r7",
        "adds r5, #1",
        ".endr",
        "cmp r5, r12",
        "bne 2b",
        "pop {{r0}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "stmia r0!, {{r4-r7}}",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
    )
}
