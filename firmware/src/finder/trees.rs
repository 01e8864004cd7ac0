//! Trees that compare pixels: most windows of a level are turned away by the first few.

use shared::finder::{Tree, WINDOW};

/// Pixels of a level from one window to the next: the trees learned from faces that lie as far from the middle.
pub const STEP: usize = 2;

/// Rows of a level that are searched at a time.
const ROWS: usize = 96;

/// The pixels of a window, row by row: what a tree calls a pixel is a place in it.
type Window = [u8; WINDOW * WINDOW];

/// The columns of a level that a window covers, row by row, so that all windows of these columns lie in it as they are.
type Strip = [[u32; WINDOW / 4]; ROWS];

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
        let rows = ROWS.min(height - top);
        // The first columns of the level come in one by one as well.
        let mut column = 0;
        while column + STEP <= width {
            move_on(&mut strip[..rows], &level[top * width + column..], width);
            column += STEP;
            let mut y = 0;
            while column >= WINDOW && y + WINDOW <= rows {
                let window = bytemuck::cast_slice(&strip)[y * WINDOW..].first_chunk();
                if let Some(sum) = window.and_then(|window| score(window, trees)) {
                    found(column - WINDOW, top + y, sum);
                }
                y += STEP;
            }
        }
        top += ROWS - WINDOW + STEP;
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

/// The sum of a window's leaves if no tree turns it away. A function of its own keeps all that its loops need in registers.
#[inline(never)]
fn score(window: &Window, trees: &[Tree]) -> Option<i16> {
    let mut sum = 0i32;
    for tree in trees {
        let mut node = 0;
        // Whether there is such a node says also when a leaf is reached.
        while let Some(&[a, b]) = tree.nodes.get(node) {
            let brighter = i32::from(window[usize::from(b)]) - i32::from(window[usize::from(a)]) < 0;
            node = 2 * node + 2 - usize::from(brighter);
        }
        sum += i32::from(tree.leaves.get(node - tree.nodes.len()).copied().unwrap_or(0));
        if sum < tree.threshold.into() {
            return None;
        }
    }
    Some(sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
}
