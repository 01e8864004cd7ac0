//! Trees that compare pixels: the first few reject most windows of a level.

use shared::finder::{DEPTH, Tree, WINDOW};

/// Pixels of a level from one window to the next. The trees are trained on faces that are up to as far off the middle.
pub const STEP: usize = 2;

/// Calls `found(x, y, sum)` for every window of a level that passes all trees. A level with more than 65,536 pixels in 16
/// rows is not searched.
pub fn scan(level: &[u8], width: usize, height: usize, trees: &[Tree], mut found: impl FnMut(usize, usize, i16)) {
    if width < WINDOW || height < WINDOW || level.len() < width * height || width * WINDOW > 1 << 16 {
        return;
    }
    let places: [u16; WINDOW * WINDOW] = core::array::from_fn(|code| (code / WINDOW * width + code % WINDOW) as u16);
    for y in (0..=height - WINDOW).step_by(STEP) {
        for x in (0..=width - WINDOW).step_by(STEP) {
            if let Some(sum) = score(&level[y * width + x..], &places, trees) {
                found(x, y, sum);
            }
        }
    }
}

/// The sum of the leaves if no tree rejects the window; `places` are the offsets of its pixels.
pub fn score(window: &[u8], places: &[u16; WINDOW * WINDOW], trees: &[Tree]) -> Option<i16> {
    let mut sum = 0i16;
    for tree in trees {
        let pixel = |code: u8| window.get(usize::from(places[usize::from(code)])).copied().unwrap_or(0);
        let mut node = 0usize;
        for _ in 0..DEPTH {
            let [a, b] = tree.nodes.get(node).copied().unwrap_or([0; 2]);
            node = 2 * node + 1 + usize::from(pixel(a) <= pixel(b));
        }
        let leaf = tree.leaves.get(node - tree.nodes.len()).copied().unwrap_or(0);
        sum = sum.saturating_add(leaf.into());
        if sum < tree.threshold {
            return None;
        }
    }
    Some(sum)
}
