//! Bytes to halfwords.

use core::arch::asm;

use super::super::super::ShapeMismatch;

/// Values 0 and 2, and 1 and 3, of a quadruple, each with its half of `offset` added.
pub(super) fn widen(values: [i8; 4], offset: u32) -> (u32, u32) {
    let word = u32::from_le_bytes(values.map(|value| value as u8));
    let (even, odd): (u32, u32);
    // SAFETY: two additions of registers.
    unsafe {
        asm!(
            "sxtab16 {even}, {offset}, {word}",
            "sxtab16 {odd}, {offset}, {word}, ror #8",
            even = out(reg) even, odd = lateout(reg) odd, offset = in(reg) offset, word = in(reg) word,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    (even, odd)
}

/// Widens eights of values, two at a time; the first of an odd number is the second of its two.
///
/// # Errors
/// [`ShapeMismatch`] if there is no value, they are no whole eights, or `to` is too short.
pub(super) fn widen_eights(values: &[i8], to: &mut [u32], offset: i32) -> Result<(), ShapeMismatch> {
    let eights = values.len() / 8;
    if eights == 0 || values.len() != eights * 8 || to.len() < eights * 4 {
        return Err(ShapeMismatch);
    }
    // SAFETY: reads `values` from end to end and writes four words for each eight of them, which `to` holds; the loads need no
    // alignment.
    unsafe {
        asm!(
            "lsrs {left}, {left}, #1",
            "bcc 3f",
            "2:",
            "ldr {first}, [{from}], #4",
            "ldr {second}, [{from}], #4",
            "sxtab16 r0, {offsets}, {first}",
            "sxtab16 r1, {offsets}, {first}, ror #8",
            "sxtab16 r2, {offsets}, {second}",
            "sxtab16 r3, {offsets}, {second}, ror #8",
            "stmia {to}!, {{r0-r3}}",
            "3:",
            "ldr {first}, [{from}], #4",
            "ldr {second}, [{from}], #4",
            "sxtab16 r0, {offsets}, {first}",
            "sxtab16 r1, {offsets}, {first}, ror #8",
            "sxtab16 r2, {offsets}, {second}",
            "sxtab16 r3, {offsets}, {second}, ror #8",
            "subs {left}, {left}, #1",
            "stmia {to}!, {{r0-r3}}",
            "bne 2b",
            first = out(reg) _, second = out(reg) _, left = inout(reg) eights + 1 => _,
            from = inout(reg) values.as_ptr() => _, to = inout(reg) to.as_mut_ptr() => _,
            offsets = in(reg) (offset as u32 & 0xffff) * 0x1_0001,
            out("r0") _, out("r1") _, out("r2") _, out("r3") _,
            options(nostack),
        );
    }
    Ok(())
}

/// Widens a row of pixels of `depth` values, every pixel `column` values behind the one before.
///
/// # Errors
/// [`ShapeMismatch`] if `to` is too short.
pub(super) fn widen_row(
    values: &[i8],
    depth: usize,
    to: &mut [i16],
    column: usize,
    offset: i32,
) -> Result<(), ShapeMismatch> {
    let pixels = values.len() / depth.max(1);
    let last = pixels.checked_sub(1).ok_or(ShapeMismatch)?;
    if values.len() != pixels * depth || column < depth || to.len() < last * column + depth {
        return Err(ShapeMismatch);
    }
    let (offsets, gap) = ((offset as u32 & 0xffff) * 0x1_0001, (column - depth) * 2);
    let (from, to) = (values.as_ptr(), to.as_mut_ptr());
    // SAFETY: each of the loops reads `values` from end to end and writes `depth` values for each pixel, `column` values
    // apart, which `to` holds; words in `to` are aligned where `depth` is even, the loads need no alignment.
    unsafe {
        if depth.is_multiple_of(8) {
            asm!(
                "2:",
                "mov {left}, {eights}",
                "3:",
                "ldr {first}, [{from}], #4",
                "ldr {second}, [{from}], #4",
                "sxtab16 r0, {offsets}, {first}",
                "sxtab16 r1, {offsets}, {first}, ror #8",
                "sxtab16 r2, {offsets}, {second}",
                "sxtab16 r3, {offsets}, {second}, ror #8",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r0-r3}}",
                "bne 3b",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                first = out(reg) _, second = out(reg) _, left = out(reg) _, eights = in(reg) depth / 8,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offsets = in(reg) offsets,
                out("r0") _, out("r1") _, out("r2") _, out("r3") _,
                options(nostack),
            );
        } else if depth.is_multiple_of(4) {
            asm!(
                "2:",
                "mov {left}, {quadruples}",
                "3:",
                "ldr {word}, [{from}], #4",
                "sxtab16 r0, {offsets}, {word}",
                "sxtab16 r1, {offsets}, {word}, ror #8",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r0-r1}}",
                "bne 3b",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                word = out(reg) _, left = out(reg) _, quadruples = in(reg) depth / 4,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offsets = in(reg) offsets, out("r0") _, out("r1") _,
                options(nostack),
            );
        } else if depth.is_multiple_of(2) {
            // Quadruples in their order, then a pair.
            asm!(
                "2:",
                "movs {left}, {quadruples}",
                "beq 4f",
                "3:",
                "ldr {word}, [{from}], #4",
                "sxtab16 r0, {offsets}, {word}",
                "sxtab16 r1, {offsets}, {word}, ror #8",
                "pkhbt r2, r0, r1, lsl #16",
                "pkhtb r3, r1, r0, asr #16",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r2-r3}}",
                "bne 3b",
                "4:",
                "ldrh {word}, [{from}], #2",
                "orr {word}, {word}, {word}, lsl #8",
                "sxtab16 {word}, {offsets}, {word}",
                "str {word}, [{to}], #4",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                word = out(reg) _, left = out(reg) _, quadruples = in(reg) depth / 4,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offsets = in(reg) offsets,
                out("r0") _, out("r1") _, out("r2") _, out("r3") _,
                options(nostack),
            );
        } else {
            asm!(
                "2:",
                "mov {left}, {depth}",
                "3:",
                "ldrsb {value}, [{from}], #1",
                "add {value}, {value}, {offset}",
                "strh {value}, [{to}], #2",
                "subs {left}, {left}, #1",
                "bne 3b",
                "add {to}, {to}, {gap}",
                "subs {pixels}, {pixels}, #1",
                "bne 2b",
                value = out(reg) _, left = out(reg) _, depth = in(reg) depth,
                from = inout(reg) from => _, to = inout(reg) to => _, pixels = inout(reg) pixels => _,
                gap = in(reg) gap, offset = in(reg) offset,
                options(nostack),
            );
        }
    }
    Ok(())
}

/// Moves every halfword to the place of the one before it; what comes last stays. The first is lost.
pub(super) fn move_up(values: &mut [u32]) {
    let (fours, rest) = values.as_chunks_mut::<4>();
    let left = fours.len();
    if left > 1 {
        // SAFETY: reads 16 bytes from 2 behind the beginning of each four on but the last, and writes 16 to the beginning,
        // which the loads have passed; loads of single words need no alignment.
        unsafe {
            asm!(
                "2:",
                "ldr r0, [{to}, #2]",
                "ldr r1, [{to}, #6]",
                "ldr r2, [{to}, #10]",
                "ldr r3, [{to}, #14]",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r0-r3}}",
                "bne 2b",
                left = inout(reg) left - 1 => _, to = inout(reg) fours.as_mut_ptr() => _,
                out("r0") _, out("r1") _, out("r2") _, out("r3") _,
                options(nostack),
            );
        }
    }
    let moved = left.saturating_sub(1) * 8;
    let length = rest.len() * 2 + left.min(1) * 8;
    let halves: &mut [i16] = bytemuck::cast_slice_mut(values);
    if let Some(last) = halves.get_mut(moved..moved + length).filter(|last| !last.is_empty()) {
        last.copy_within(1.., 0);
    }
}

/// Widens two rows of pixels of `depth` values, a multiple of four, into words that hold a value of each, every pixel
/// `column` words behind the one before.
///
/// # Errors
/// [`ShapeMismatch`] if the rows differ in length or `to` is too short.
pub(super) fn widen_rows(
    [upper, lower]: [&[i8]; 2],
    depth: usize,
    to: &mut [u32],
    column: usize,
    offset: i32,
) -> Result<(), ShapeMismatch> {
    let pixels = upper.len() / depth.max(1);
    let last = pixels.checked_sub(1).ok_or(ShapeMismatch)?;
    if lower.len() != upper.len()
        || column < depth
        || to.len() < last * column + depth
        || depth == 0
        || !depth.is_multiple_of(4)
    {
        return Err(ShapeMismatch);
    }
    let offsets = (offset as u32 & 0xffff) * 0x1_0001;
    let rows = upper.chunks_exact(depth).zip(lower.chunks_exact(depth));
    for ((upper, lower), to) in rows.zip(to.chunks_mut(column)) {
        // SAFETY: reads both pixels, a whole number of words each, and writes as many fours of words to `to`; the loads
        // need no alignment.
        unsafe {
            asm!(
                "2:",
                "ldr r2, [{upper}], #4",
                "ldr r3, [{lower}], #4",
                "sxtab16 r0, {offsets}, r2",
                "sxtab16 r1, {offsets}, r3",
                "sxtab16 r2, {offsets}, r2, ror #8",
                "sxtab16 r3, {offsets}, r3, ror #8",
                "pkhtb r4, r1, r0, asr #16",
                "pkhbt r0, r0, r1, lsl #16",
                "pkhtb r5, r3, r2, asr #16",
                "pkhbt r1, r2, r3, lsl #16",
                "subs {left}, {left}, #1",
                "stmia {to}!, {{r0, r1, r4, r5}}",
                "bne 2b",
                left = inout(reg) depth / 4 => _, offsets = in(reg) offsets,
                upper = inout(reg) upper.as_ptr() => _, lower = inout(reg) lower.as_ptr() => _,
                to = inout(reg) to.as_mut_ptr() => _,
                out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r4") _, out("r5") _,
                options(nostack),
            );
        }
    }
    Ok(())
}
