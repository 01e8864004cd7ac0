//! Trees of comparisons on a window.

use core::{arch::naked_asm, mem::offset_of};

use shared::finder::{DEPTH, Tree, WINDOW};

use super::super::super::trees::held;

const _: () =
    assert!(DEPTH == 5 && offset_of!(Tree, nodes) == 0, "a tree is walked from its first byte, five nodes down");

/// [`tree_sum`](crate::kernels::tree_sum).
pub fn tree_sum(window: &[u8; WINDOW * WINDOW], trees: &[Tree]) -> Option<i16> {
    let trees = trees.as_ptr_range();
    // SAFETY: the window has a byte for every number that a node can hold, and the trees lie between their ends.
    let sum = unsafe { walk(window, trees.start, trees.end) };
    (sum != i32::MIN).then(|| held(sum))
}

/// The sum of the leaves, or `i32::MIN` where it falls below a threshold, which no sum of `i8` does before there are 2^24 trees.
///
/// With the nodes of a tree counted from 1, the children of node `k` are `2 k` and `2 k + 1`: a comparison leaves in the carry
/// what `k + k + carry` needs, and no branch depends on a pixel. The leaves follow at 32.
///
/// # Safety
/// All trees from `tree` up to `end` can be read.
#[unsafe(naked)]
unsafe extern "C" fn walk(window: &[u8; WINDOW * WINDOW], tree: *const Tree, end: *const Tree) -> i32 {
    // r0 window, r1 tree, r4 node, r5 sum, r6 and r7 first and second pixel of node 0, r12 end
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r12, r2",
        "movs r5, #0",
        "b 2f",
        "1:",
        "subs r6, r1, #2",
        "subs r7, r1, #1",
        "movs r4, #1",
        ".rept {depth}",
        "lsls r2, r4, #1",
        "ldrb r3, [r7, r2]",
        "ldrb r2, [r6, r2]",
        "ldrb r3, [r0, r3]",
        "ldrb r2, [r0, r2]",
        "cmp r3, r2",
        "adcs r4, r4",
        ".endr",
        "adds r4, #{leaves} - 32",
        "ldrsb r2, [r1, r4]",
        "adds r5, r5, r2",
        "movs r3, #{threshold}",
        "ldrsh r2, [r1, r3]",
        "adds r1, #{tree}",
        "cmp r5, r2",
        "blt 3f",
        "2:",
        "cmp r1, r12",
        "bne 1b",
        "mov r0, r5",
        "pop {{r4-r7, pc}}",
        "3:",
        "movs r0, #1",
        "lsls r0, r0, #31",
        "pop {{r4-r7, pc}}",
        depth = const DEPTH,
        leaves = const offset_of!(Tree, leaves),
        threshold = const offset_of!(Tree, threshold),
        tree = const size_of::<Tree>(),
    )
}
