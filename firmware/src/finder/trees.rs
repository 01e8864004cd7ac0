//! Trees that compare pixels: the first few reject most windows of a level.

use shared::finder::{Tree, WINDOW};

use crate::kernels::{PART_ROWS, Passing, tree_sum};

/// Pixels of a level from one window to the next. The trees are trained on faces that are up to as far off the middle.
pub const STEP: usize = 2;

/// The columns of a level that a window covers, row by row, so that all windows of these columns lie in it as they are.
type Strip = [[u32; WINDOW / 4]; PART_ROWS];

/// Shows every window of a level that passes all trees to `found(x, y, sum)`, column by column in parts of 96 rows.
///
/// The columns that a window covers are copied into a strip, where windows are 256 bytes in a row. What a tree calls a pixel is a place
/// there and cannot lie outside, so a comparison needs neither a sum nor a check. The copy takes a small part of what this saves.
pub fn scan(level: &[u8], width: usize, height: usize, trees: &[Tree], mut found: impl FnMut(usize, usize, i16)) {
    if width < WINDOW || height < WINDOW || width.checked_mul(height).is_none_or(|pixels| level.len() < pixels) {
        return;
    }
    let mut strip: Strip = [[0; _]; _];
    let mut top = 0;
    while top + WINDOW <= height {
        let rows = PART_ROWS.min(height - top);
        let passing = Passing::new(level, [top, rows], width, trees);
        // The first columns of the level come in one by one as well.
        let mut column = 0;
        while column + STEP <= width {
            move_on(&mut strip[..rows], &level[top * width + column..], width);
            column += STEP;
            let mut y = 0;
            while column >= WINDOW && y + WINDOW <= rows {
                let window = bytemuck::cast_slice(&strip)[y * WINDOW..].first_chunk();
                let window = window.filter(|_| passing.contains(column - WINDOW, y));
                if let Some(sum) = window.and_then(|window| tree_sum(window, trees)) {
                    found(column - WINDOW, top + y, sum);
                }
                y += STEP;
            }
        }
        top += PART_ROWS - WINDOW + STEP;
    }
}

/// Takes the next two columns of a level into the strip, and two out of it. Whole words are moved, which is faster than bytes on
/// processors that can't read a word from any address.
#[inline(never)]
fn move_on(strip: &mut [[u32; WINDOW / 4]], level: &[u8], width: usize) {
    for (line, row) in strip.iter_mut().zip(level.chunks(width)) {
        let Some(&[a, b]) = row.first_chunk() else { break };
        let next = u32::from(a) | u32::from(b) << 8;
        // The first byte in memory is the lowest of a word.
        let [first, second, third, fourth] = line.map(u32::from_le);
        let moved = [
            first >> 16 | second << 16,
            second >> 16 | third << 16,
            third >> 16 | fourth << 16,
            fourth >> 16 | next << 16,
        ];
        *line = moved.map(u32::to_le);
    }
}
