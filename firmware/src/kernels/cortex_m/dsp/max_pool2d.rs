//! Max pooling with windows of 2x2, four channels at a time: `ssub8` compares four bytes, `sel` takes the larger of each.

use core::arch::asm;

use super::super::super::{PoolArguments, ShapeMismatch, max_pool2d::is_halving, taps::Axis, tensor, tensor_mut};

/// [`max_pool2d`](crate::kernels::max_pool2d), or `None` if it is not of 2x2 windows side by side inside the input, or the
/// channels are fewer than four.
pub fn max_pool2d(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Option<Result<(), ShapeMismatch>> {
    let PoolArguments { input_shape, output_shape, .. } = *arguments;
    if !is_halving(arguments) || input_shape.channels < 4 || output_shape.channels != input_shape.channels {
        return None;
    }
    Some(run(arguments, input, output))
}

fn run(arguments: &PoolArguments, input: &[i8], output: &mut [i8]) -> Result<(), ShapeMismatch> {
    let PoolArguments { window, input_shape, output_shape, activation_min, activation_max } = *arguments;
    Axis::both(&window, input_shape, output_shape)?;
    let (input, output) = (tensor(input, input_shape)?, tensor_mut(output, output_shape)?);
    let (depth, columns) = (usize::from(input_shape.channels), usize::from(output_shape.width));
    let row = usize::from(input_shape.width) * depth;
    let fourfold = |value: i8| u32::from(value as u8) * 0x0101_0101;
    let (least, most) = (fourfold(activation_min), fourfold(activation_max));
    for (rows, output) in input.chunks_exact(2 * row).zip(output.chunks_exact_mut(columns * depth)) {
        let (upper, lower) = rows.split_at(row);
        let pixels = upper.chunks_exact(2 * depth).zip(lower.chunks_exact(2 * depth));
        for ((upper, lower), output) in pixels.zip(output.chunks_exact_mut(depth)) {
            largest([upper, lower], depth, output, [least, most]);
            if !depth.is_multiple_of(4) {
                // The last four channels, some of them again.
                let last = depth - 4;
                largest([&upper[last..], &lower[last..]], depth, &mut output[last..], [least, most]);
            }
        }
    }
    Ok(())
}

/// The largest of two pixels in two rows, `depth` values apart, clamped, for the whole quadruples of `output`.
fn largest([upper, lower]: [&[i8]; 2], depth: usize, output: &mut [i8], [least, most]: [u32; 2]) {
    let quadruples = output.len() / 4;
    assert!(quadruples > 0 && upper.len() >= depth + 4 * quadruples && lower.len() >= depth + 4 * quadruples);
    // SAFETY: reads and writes whole quadruples, which the lengths were just found to hold; no access needs alignment.
    unsafe {
        asm!(
            "2:",
            "ldr {b}, [{upper}, {depth}]",
            "ldr {a}, [{upper}], #4",
            "ssub8 {d}, {a}, {b}",
            "sel {a}, {a}, {b}",
            "ldr {b}, [{lower}, {depth}]",
            "ssub8 {d}, {a}, {b}",
            "sel {a}, {a}, {b}",
            "ldr {b}, [{lower}], #4",
            "ssub8 {d}, {a}, {b}",
            "sel {a}, {a}, {b}",
            "ssub8 {d}, {a}, {least}",
            "sel {a}, {a}, {least}",
            "ssub8 {d}, {a}, {most}",
            "sel {a}, {most}, {a}",
            "subs {left}, {left}, #1",
            "str {a}, [{output}], #4",
            "bne 2b",
            a = out(reg) _, b = out(reg) _, d = out(reg) _, left = inout(reg) quadruples => _,
            upper = inout(reg) upper.as_ptr() => _, lower = inout(reg) lower.as_ptr() => _,
            output = inout(reg) output.as_mut_ptr() => _,
            depth = in(reg) depth, least = in(reg) least, most = in(reg) most,
            options(nostack),
        );
    }
}
