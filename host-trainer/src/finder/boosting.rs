//! Boosted trees of pixel comparisons (Markus et al. 2013, "Object Detection with Pixel Intensity Comparisons Organized in
//! Decision Trees"), with a threshold behind every tree, so that most windows are turned away early.

use rand::{Rng, RngExt};
use rayon::prelude::*;
use shared::finder::{DEPTH, Tree, WINDOW};

/// The pixels of a window.
pub type Window = [u8; WINDOW * WINDOW];

/// The value of a leaf of 1.
pub const UNIT: f32 = 48.0;

const NODES: usize = (1 << DEPTH) - 1;

/// Windows that trees learn from.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Their pixels.
    pub windows: Vec<Window>,
    /// The sums of their leaves so far.
    pub sums: Vec<i16>,
}

impl Samples {
    /// Adds a window that the trees so far give `sum`.
    pub fn push(&mut self, window: Window, sum: i16) {
        self.windows.push(window);
        self.sums.push(sum);
    }

    /// Leaves out those that are below the threshold.
    pub fn keep_from(&mut self, threshold: i16) {
        let keep: Vec<bool> = self.sums.iter().map(|&sum| sum >= threshold).collect();
        let mut index = keep.iter();
        self.windows.retain(|_| *index.next().unwrap_or(&true));
        self.sums.retain(|&sum| sum >= threshold);
    }

    /// Adds the tree's leaves to the sums.
    pub fn add(&mut self, tree: &Tree) {
        self.sums
            .par_iter_mut()
            .zip(&self.windows)
            .for_each(|(sum, window)| *sum = sum.saturating_add(tree.leaves[leaf(tree, window)].into()));
    }
}

/// What the search for a tree may cost.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Comparisons that are tried at a node.
    pub comparisons: usize,
    /// Windows of each kind that they are tried on.
    pub windows: usize,
}

/// The leaf that a window comes to.
pub fn leaf(tree: &Tree, window: &Window) -> usize {
    let mut node = 0;
    for _ in 0..DEPTH {
        let [a, b] = tree.nodes[node];
        node = 2 * node + 1 + usize::from(window[usize::from(a)] <= window[usize::from(b)]);
    }
    node - NODES
}

/// A drawn window with its weight times its side, 1 for a face and -1 for none.
struct Drawn<'a> {
    window: &'a Window,
    weight: f32,
    signed: f32,
}

/// The tree that reduces the loss `exp(-side sum)` of the samples most (gentle boosting, Friedman et al. 2000), without a
/// threshold; both kinds count alike.
pub fn tree(faces: &Samples, others: &Samples, effort: Effort, random: &mut (impl Rng + Send)) -> Tree {
    let weight = |side: f32, sum: i16| (-side * f32::from(sum) / UNIT).exp();
    let mut drawn = Vec::with_capacity(2 * effort.windows);
    for (side, samples) in [(1.0, faces), (-1.0, others)] {
        let total: f32 = samples.sums.iter().map(|&sum| weight(side, sum)).sum();
        let share = effort.windows as f32 / samples.windows.len().max(1) as f32;
        for (window, &sum) in samples.windows.iter().zip(&samples.sums) {
            if share >= 1.0 || random.random::<f32>() < share {
                let weight = weight(side, sum) / total;
                drawn.push(Drawn { window, weight, signed: side * weight });
            }
        }
    }
    let mut tree = Tree { nodes: [[0; 2]; NODES], leaves: [0; 1 << DEPTH], threshold: i16::MIN };
    let mut parts: Vec<Vec<u32>> = vec![Vec::new(); NODES];
    parts[0] = (0..drawn.len() as u32).collect();
    for node in 0..NODES {
        let part = std::mem::take(&mut parts[node]);
        let pairs: Vec<[u8; 2]> = (0..effort.comparisons).map(|_| pair(random)).collect();
        let best = pairs
            .par_iter()
            .map(|&pair| (gain(&drawn, &part, pair), pair))
            .reduce(|| (f32::MIN, [0; 2]), |a, b| if b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) { b } else { a });
        tree.nodes[node] = best.1;
        if 2 * node + 2 < NODES {
            let (right, left) = part.iter().partition(|&&index| darker(drawn[index as usize].window, best.1));
            (parts[2 * node + 1], parts[2 * node + 2]) = (left, right);
        }
    }
    // The leaves' values are those over all samples.
    let mut sums = [[0.0f32; 2]; 1 << DEPTH];
    for (side, samples) in [(1.0, faces), (-1.0, others)] {
        let total: f32 = samples.sums.iter().map(|&sum| weight(side, sum)).sum();
        for (window, &sum) in samples.windows.iter().zip(&samples.sums) {
            let [weights, signed] = &mut sums[leaf(&tree, window)];
            *weights += weight(side, sum) / total;
            *signed += side * weight(side, sum) / total;
        }
    }
    tree.leaves = sums.map(|[weights, signed]| (signed / (weights + 1e-4) * UNIT).round().clamp(-127.0, 127.0) as i8);
    tree
}

fn darker(window: &Window, [a, b]: [u8; 2]) -> bool {
    window[usize::from(a)] <= window[usize::from(b)]
}

/// Two different pixels of the window; near ones as often as far ones.
fn pair(random: &mut impl Rng) -> [u8; 2] {
    let a: u8 = random.random();
    if random.random_bool(0.5) {
        return [a, random.random()];
    }
    let near = |place: u8, random: &mut dyn Rng| {
        (i16::from(place) + random.random_range(-4..=4)).clamp(0, WINDOW as i16 - 1) as u8
    };
    let (row, column) = (near(a / WINDOW as u8, random), near(a % WINDOW as u8, random));
    [a, row * WINDOW as u8 + column]
}

/// What a comparison tells about a part of the samples.
fn gain(drawn: &[Drawn<'_>], part: &[u32], pair: [u8; 2]) -> f32 {
    let mut sums = [[1e-9f32, 0.0]; 2];
    for &index in part {
        let sample = &drawn[index as usize];
        let [weights, signed] = &mut sums[usize::from(darker(sample.window, pair))];
        *weights += sample.weight;
        *signed += sample.signed;
    }
    sums.iter().map(|[weights, signed]| signed * signed / weights).sum()
}
