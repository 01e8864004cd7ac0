//! Products of weights that are used once: nothing is kept for later, two units share the activations.
//!
//! The parameters are not checked beforehand. A step that overflows sets the processor's sticky bit Q, and then the caller
//! must use other arithmetic.

use core::arch::naked_asm;

use shared::quantization::ChannelParameters;

use super::{
    super::super::{FullyConnectedArguments, ShapeMismatch, filters, scratch::dsp::fully_connected_words, span},
    widen::widen_eights,
};

/// Values that the inner loop takes at a time.
const CHUNK: usize = 8;

/// Chunks in the body of the inner loop.
const UNROLLED: usize = 9;

/// [`fully_connected`](crate::kernels::fully_connected), or `None` if the inputs are no multiple of eight, the weights are
/// not aligned, a parameter is too large for the fast arithmetic, or the scratch is too small.
pub fn fully_connected(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [u32],
) -> Option<Result<(), ShapeMismatch>> {
    let inputs = input.len();
    let widened = scratch.get_mut(..fully_connected_words(inputs))?;
    if inputs == 0 || !inputs.is_multiple_of(CHUNK) || !weights.as_ptr().cast::<u32>().is_aligned() {
        return None;
    }
    run(arguments, input, weights, channels, output, widened).map(|fits| fits.then_some(())).transpose()
}

/// Arguments of [`units`].
#[repr(C)]
struct Frame {
    values: *const u32,
    end: *const u32,
    /// Bytes of a row of weights.
    row: u32,
    weights: *const i8,
    channels: *const ChannelParameters,
    output: *mut i8,
    /// Units left.
    units: i32,
    output_offset: i32,
    activation_min: i32,
    activation_max: i32,
    /// Chunks of the unrolled loops that are skipped the first time; the assembly makes addresses of it.
    skipped: u32,
    entry: u32,
}

/// `false` if a sum or a shift did not fit; then the outputs are of no use.
fn run(
    arguments: &FullyConnectedArguments,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    widened: &mut [u32],
) -> Result<bool, ShapeMismatch> {
    let inputs = input.len();
    let channels = span(channels, 0, output.len())?;
    let weights = filters(weights, channels.len(), inputs)?;
    widen_eights(input, widened, arguments.input_offset)?;
    if channels.is_empty() {
        return Ok(true);
    }
    let frame = Frame {
        values: widened.as_ptr(),
        end: widened.as_ptr_range().end,
        row: inputs as u32,
        weights: weights.as_ptr(),
        channels: channels.as_ptr(),
        output: output.as_mut_ptr(),
        units: output.len() as i32,
        output_offset: arguments.output_offset,
        activation_min: arguments.activation_min.into(),
        activation_max: arguments.activation_max.into(),
        skipped: ((UNROLLED - inputs / CHUNK % UNROLLED) % UNROLLED) as u32,
        entry: 0,
    };
    // SAFETY: `widened` holds `inputs` halfwords, a whole number of chunks; there are a row of as many weights, parameters
    // and an output for each unit; the rows are whole words long and the first is aligned.
    Ok(unsafe { units(&frame) } == 0)
}

/// Requantizes the sum in `$sum`, whose parameters are at lr, into the byte at r12; both go on. The last bit that the shift
/// drops is in the carry and rounds; without a shift, the carry is that of the addition before and takes it back.
macro_rules! requantize {
    ($sum:literal) => {
        concat!(
            "ldmia lr!, {{r0, r1, r2}}
            qadd r0, ",
            $sum,
            ", ",
            $sum,
            "
            smmulr r0, r0, r1
            rsb r2, r2, #0
            usat r2, #5, r2
            adds r0, r0, r0, asr #31
            asrs r0, r0, r2
            adc r0, r0, r5
            cmp r0, r3
            it lt
            movlt r0, r3
            cmp r0, r4
            it gt
            movgt r0, r4
            strb r0, [r12], #1"
        )
    };
}

/// Whether anything did not fit, as 1 or 0.
///
/// # Safety
/// See [`run`].
#[unsafe(naked)]
unsafe extern "C" fn units(frame: &Frame) -> u32 {
    // r0-r3 activations, r4-r5 weights, r6 widened weights, r7-r8 sums, r9-r10 rows, r11 end, r12 activations to come, lr
    // parameters
    naked_asm!(
        dsp_extension!(),
        "push {{r4-r11, lr}}",
        "sub sp, sp, #52",
        "mov lr, sp",
        "ldmia r0!, {{r1-r6}}",
        "stmia lr!, {{r1-r6}}",
        "ldmia r0, {{r1-r6}}",
        "stmia lr, {{r1-r6}}",
        "ldr r9, [sp, #12]",
        "ldr r11, [sp, #4]",
        "ldr lr, [sp, #16]",
        // A chunk takes 76 bytes of code for two units, 40 for one.
        "movs r0, #76",
        "muls r0, r5, r0",
        "adr r1, 2f",
        "adds r0, r0, r1",
        "adds r0, r0, #{thumb}",
        "str r0, [sp, #44]",
        "movs r0, #40",
        "muls r0, r5, r0",
        "adr.w r1, 6f",
        "adds r0, r0, r1",
        "adds r0, r0, #{thumb}",
        "str r0, [sp, #48]",
        "movs r0, #0",
        "msr apsr_nzcvq, r0",
        "1:",
        "ldr r4, [sp, #24]",
        "ldr r7, [lr]",
        "subs r4, r4, #2",
        "blt 5f",
        "ldr r8, [lr, #12]",
        "str r4, [sp, #24]",
        "ldr r1, [sp, #8]",
        "ldr r12, [sp, #0]",
        "add r10, r9, r1",
        "ldr pc, [sp, #44]",
        ".balign 4",
        "2:",
        ".rept 9",
        "ldmia.w r12!, {{r0-r3}}",
        "ldmia.w r9!, {{r4-r5}}",
        "sxtb16 r6, r4",
        "smlad r7, r0, r6, r7",
        "sxtb16 r6, r4, ror #8",
        "smlad r7, r1, r6, r7",
        "sxtb16 r6, r5",
        "smlad r7, r2, r6, r7",
        "sxtb16 r6, r5, ror #8",
        "smlad r7, r3, r6, r7",
        "ldmia.w r10!, {{r4-r5}}",
        "sxtb16 r6, r4",
        "smlad r8, r0, r6, r8",
        "sxtb16 r6, r4, ror #8",
        "smlad r8, r1, r6, r8",
        "sxtb16 r6, r5",
        "smlad r8, r2, r6, r8",
        "sxtb16 r6, r5, ror #8",
        "smlad r8, r3, r6, r8",
        ".endr",
        "cmp r12, r11",
        "bne.w 2b",
        "mov r9, r10",
        "ldr r12, [sp, #20]",
        "ldr r5, [sp, #28]",
        load_two!("r3", "r4", "32"),
        requantize!("r7"),
        requantize!("r8"),
        "str r12, [sp, #20]",
        "ldr r4, [sp, #24]",
        "cmp r4, #0",
        "bgt.w 1b",
        "3:",
        "mrs r0, apsr",
        // Armv6 has no `ubfx`.
        "lsr r0, r0, #27",
        "and r0, r0, #1",
        "add sp, sp, #52",
        "pop {{r4-r11, pc}}",
        // One unit is left.
        "5:",
        "ldr r12, [sp, #0]",
        "ldr pc, [sp, #48]",
        ".balign 4",
        "6:",
        ".rept 9",
        "ldmia.w r12!, {{r0-r3}}",
        "ldmia.w r9!, {{r4-r5}}",
        "sxtb16 r6, r4",
        "smlad r7, r0, r6, r7",
        "sxtb16 r6, r4, ror #8",
        "smlad r7, r1, r6, r7",
        "sxtb16 r6, r5",
        "smlad r7, r2, r6, r7",
        "sxtb16 r6, r5, ror #8",
        "smlad r7, r3, r6, r7",
        ".endr",
        "cmp r12, r11",
        "bne.w 6b",
        "ldr r12, [sp, #20]",
        "ldr r5, [sp, #28]",
        load_two!("r3", "r4", "32"),
        requantize!("r7"),
        "b 3b",
        thumb = const super::THUMB,
    )
}
