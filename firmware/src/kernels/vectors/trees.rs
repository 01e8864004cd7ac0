//! The finder's first trees, for sixteen windows at a time.
//!
//! All comparisons of a tree are made, for sixteen windows side by side; then each node takes one of its children's values, from the leaves
//! to the root. That is more comparisons than there are on the way down one tree, but none waits for the one before, and most windows end
//! here.

use bytemuck::Zeroable;
use shared::finder::{Tree, WINDOW};

use super::{
    super::trees::PART_ROWS,
    vector::{self, Bytes},
};

/// Trees that are looked at. More bring nothing: of a frame without faces, hardly a window is left by then.
const FIRST: usize = 10;

/// Windows at a time, every second column.
const GROUP: usize = 16;

/// Groups of a row at most.
const GROUPS: usize = 7;

/// Rows of windows at most.
const LINES: usize = (PART_ROWS - WINDOW) / 2 + 1;

/// Even columns of a row, or odd ones, with what the last group reaches beyond the level.
const HALF: usize = 128;

/// A part of a level, of each row the even columns first and then the odd ones: neighbouring windows begin at neighbouring bytes.
type Part = [[[u8; HALF]; 2]; PART_ROWS];

/// Which windows of a part of a level, every second column and row, pass the first trees.
#[derive(Debug)]
pub struct Passing {
    /// A bit for each window. `None` stands for all of them.
    lines: Option<[[u16; GROUPS]; LINES]>,
}

impl Passing {
    /// Of `rows` rows of a level from row `top` on, which are `width` pixels wide.
    pub fn new(level: &[u8], [top, rows]: [usize; 2], width: usize, trees: &[Tree]) -> Self {
        let windows = width.saturating_sub(WINDOW) / 2 + 1;
        if !vector::exists() || width < WINDOW || windows > GROUPS * GROUP || !(WINDOW..=PART_ROWS).contains(&rows) {
            return Self { lines: None };
        }
        let level = level.chunks_exact(width).skip(top).take(rows);
        let mut part: Part = Part::zeroed();
        for ([even, odd], row) in part.iter_mut().zip(level) {
            for ((even, odd), &[a, b]) in even.iter_mut().zip(odd).zip(row.as_chunks().0) {
                (*even, *odd) = (a, b);
            }
        }
        let mut lines = [[0; GROUPS]; LINES];
        let trees = &trees[..trees.len().min(FIRST)];
        #[allow(unused_unsafe, reason = "needed on x86-64")]
        // SAFETY: the processor has these vectors.
        unsafe {
            passing(&part, trees, windows.div_ceil(GROUP), &mut lines[..(rows - WINDOW) / 2 + 1]);
        }
        Self { lines: Some(lines) }
    }

    /// Whether the window that begins at this column and row passes; both are even.
    pub fn contains(&self, x: usize, y: usize) -> bool {
        let Some(lines) = &self.lines else { return true };
        let group = lines.get(y / 2).and_then(|line| line.get(x / 2 / GROUP)).copied().unwrap_or(0);
        group >> (x / 2 % GROUP) & 1 == 1
    }
}

/// A tree as vectors take it.
struct Prepared {
    /// The two pixels of each node, from the window's first one, in bytes of the part.
    nodes: [[u16; 2]; 31],
    leaves: [Bytes; 32],
    threshold: i16,
}

/// Sets the bits of the windows that pass.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn passing(part: &Part, trees: &[Tree], groups: usize, lines: &mut [[u16; GROUPS]]) {
    let mut prepared = [const { None }; FIRST];
    for (to, tree) in prepared.iter_mut().zip(trees) {
        let mut leaves = [vector::of_byte(0); 32];
        for (to, &leaf) in leaves.iter_mut().zip(&tree.leaves) {
            *to = vector::of_byte(leaf);
        }
        let place = |pixel: u8| {
            let (row, column) = (usize::from(pixel) / WINDOW, usize::from(pixel) % WINDOW);
            ((row * 2 + column % 2) * HALF + column / 2) as u16
        };
        *to = Some(Prepared { nodes: tree.nodes.map(|node| node.map(place)), leaves, threshold: tree.threshold });
    }
    for (y, line) in lines.iter_mut().enumerate() {
        for (group, bits) in line.iter_mut().take(groups).enumerate() {
            *bits = u16::MAX;
            let mut sums = vector::of_half(0);
            for Prepared { nodes, leaves, threshold } in prepared.iter().flatten() {
                let values = values(part, [2 * y, group * GROUP], nodes, leaves);
                sums = vector::add_halves(sums, vector::widen_bytes(values));
                *bits &= !vector::below(sums, *threshold);
                if *bits == 0 {
                    break;
                }
            }
        }
    }
}

/// The leaves that sixteen windows come to, the first of which begins in this row and even column.
///
/// # Panics
/// If they reach beyond the part.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn values(part: &Part, [row, column]: [usize; 2], nodes: &[[u16; 2]; 31], leaves: &[Bytes; 32]) -> Bytes {
    assert!(row + WINDOW <= PART_ROWS && column + WINDOW / 2 - 1 + GROUP <= HALF);
    let start = part[row][0][column..].as_ptr();
    let mut values = *leaves;
    // Where the values of a level's nodes become those of the level above, from the last level on.
    let mut count = leaves.len();
    while count > 1 {
        count /= 2;
        for index in 0..count {
            let [a, b] = nodes[count - 1 + index];
            // SAFETY: a place in the window is in its rows and columns, and so are those of fifteen windows beside it, as was checked.
            let (a, b) = unsafe { (vector::load_bytes(start.add(a.into())), vector::load_bytes(start.add(b.into()))) };
            values[index] = vector::select(vector::at_most(a, b), values[2 * index + 1], values[2 * index]);
        }
    }
    values[0]
}
