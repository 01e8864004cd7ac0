//! Trees of comparisons on a window, which the finder's search begins with.

use shared::finder::{Tree, WINDOW};

#[cfg(any(target_arch = "x86_64", wasm_simd128))]
pub use super::processor::Passing;

/// Rows of a level that are searched at a time.
pub const PART_ROWS: usize = 96;

/// Which windows of a part of a level pass the first trees: all of them may, for all that is known on this processor.
#[cfg(not(any(target_arch = "x86_64", wasm_simd128)))]
#[derive(Debug)]
pub struct Passing;

#[cfg(not(any(target_arch = "x86_64", wasm_simd128)))]
impl Passing {
    /// Of `rows` rows of a level from row `top` on, which are `width` pixels wide.
    pub const fn new(_level: &[u8], [_top, _rows]: [usize; 2], _width: usize, _trees: &[Tree]) -> Self {
        Self
    }

    /// Whether the window that begins at this column and row passes; both are even.
    pub const fn contains(&self, _x: usize, _y: usize) -> bool {
        true
    }
}

/// The sum of the leaves that a window of 16x16 grey levels, row by row, comes to, held to what an `i16` holds. `None` from the first
/// tree on with which it is below the tree's threshold.
pub fn tree_sum(window: &[u8; WINDOW * WINDOW], trees: &[Tree]) -> Option<i16> {
    #[cfg(cortex_m_base)]
    let sum = super::processor::tree_sum(window, trees);
    #[cfg(not(cortex_m_base))]
    let sum = portable(window, trees);
    sum
}

/// In plain Rust. A function of its own keeps all that its loops need in registers.
#[inline(never)]
pub fn portable(window: &[u8; WINDOW * WINDOW], trees: &[Tree]) -> Option<i16> {
    let mut sum = 0i32;
    for tree in trees {
        let mut node = 0;
        // Whether there is such a node says also when a leaf is reached.
        while let Some(&[a, b]) = tree.nodes.get(node) {
            node = 2 * node + 1 + usize::from(window[usize::from(a)] <= window[usize::from(b)]);
        }
        sum += i32::from(tree.leaves.get(node - tree.nodes.len()).copied().unwrap_or(0));
        if sum < tree.threshold.into() {
            return None;
        }
    }
    Some(held(sum))
}

/// The nearest `i16`.
pub(super) fn held(sum: i32) -> i16 {
    sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}
