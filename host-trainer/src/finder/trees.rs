//! The finder's trees, one after the other.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use shared::finder::{Tree, WINDOW};

use super::{
    boosting::{Effort, Samples, Window, tree},
    material::Material,
    scene::{LabelledFace, Picture, Pose, photograph, window},
};
use firmware::finder::{
    shrink::{Scale, shrink},
    trees::scan,
};

/// How trees are made.
#[derive(Clone, Copy, Debug)]
pub struct TreePlan {
    /// Number of trees.
    pub trees: usize,
    /// Windows of each kind that they learn from.
    pub windows: usize,
    /// Share of windows with faces, most of them off their middle, that may be turned away in the end.
    pub loss: f32,
    /// Trees after which two thirds of that share are gone.
    pub soon: f32,
    /// Largest roll of a face in radians.
    pub roll: f32,
    /// Where the random numbers begin.
    pub seed: u64,
}

/// How a tree was doing when it had been added.
#[derive(Clone, Copy, Debug)]
pub struct TreeProgress {
    /// Trees so far.
    pub trees: usize,
    /// Share of the faces kept aside that pass them all.
    pub kept: f32,
    /// Share of the windows of photographs that passed when they were searched last.
    pub passed: f64,
}

/// The share of faces kept aside, by which thresholds are chosen.
const ASIDE: f32 = 0.15;

/// Moves and scales of a face in a window, in sides and as a logarithm: half a step of the scan and half a step between levels.
const SHIFT: f32 = 0.07;
const SCALE: f32 = 0.112;

/// Makes trees; thresholds are such that the faces kept aside lose [`TreePlan::loss`] of their windows in the end.
pub fn trees(material: &Material, plan: TreePlan, mut observe: impl FnMut(TreeProgress)) -> Vec<Tree> {
    let aside = material.faces.len() - (material.faces.len() as f32 * ASIDE) as usize;
    let faces = |stream: u64, count: usize, from: std::ops::Range<usize>| {
        let mut samples = Samples::default();
        let windows: Vec<Window> =
            each(plan.seed, stream, count, |random| face(material, plan, random.random_range(from.clone()), random));
        windows.into_iter().for_each(|window| samples.push(window, 0));
        samples
    };
    let mut known = faces(1, plan.windows, 0..aside);
    let mut kept = faces(2, plan.windows / 2, aside..material.faces.len());
    let mut others = Samples::default();
    let lures: Vec<Window> = each(plan.seed, 3, plan.windows / 4, |random| lure(material, plan, random));
    lures.into_iter().for_each(|window| others.push(window, 0));
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut trees: Vec<Tree> = Vec::new();
    let total = kept.windows.len() as f32;
    let mut passed = 1.0;
    for done in 0..plan.trees {
        if others.windows.len() < plan.windows * 3 / 4 {
            let wanted = plan.windows - others.windows.len();
            let (found, share) = search(material, &trees, wanted, plan.seed ^ (done as u64 + 1) << 20);
            passed = share;
            found.windows.into_iter().zip(found.sums).for_each(|(window, sum)| others.push(window, sum));
        }
        let mut tree = tree(&known, &others, effort(done), &mut random);
        for samples in [&mut known, &mut others, &mut kept] {
            samples.add(&tree);
        }
        let allowed = plan.loss * (1.0 - (-(done as f32 + 1.0) / plan.soon).exp());
        let lost = total - kept.windows.len() as f32;
        let more = (allowed * total - lost).max(0.0) as usize;
        let mut sums = kept.sums.clone();
        sums.sort_unstable();
        tree.threshold = sums.get(more).copied().unwrap_or(i16::MIN);
        for samples in [&mut known, &mut others, &mut kept] {
            samples.keep_from(tree.threshold);
        }
        trees.push(tree);
        let share = kept.windows.len() as f32 / total;
        observe(TreeProgress { trees: trees.len(), kept: share, passed });
    }
    trees
}

/// How much is tried for the next tree. The first ones see every window of a frame, so each window that they reject is cheap.
fn effort(done: usize) -> Effort {
    match done {
        0..16 => Effort { comparisons: 4000, windows: 24_000 },
        _ => Effort { comparisons: 800, windows: 12_000 },
    }
}

/// `count` values, each of random numbers of its own.
pub fn each<T: Send>(seed: u64, stream: u64, count: usize, make: impl Fn(&mut ChaCha8Rng) -> T + Sync) -> Vec<T> {
    let one = |index: usize| {
        let mut random = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ index as u64);
        random.set_stream(stream);
        make(&mut random)
    };
    (0..count).into_par_iter().map(one).collect()
}

fn pose(roll: f32, random: &mut ChaCha8Rng) -> Pose {
    Pose {
        roll: random.random_range(-roll..roll),
        side: 2.4 * random.random_range(-SCALE..SCALE).exp(),
        shift: [random.random_range(-SHIFT..SHIFT), random.random_range(-SHIFT..SHIFT)],
        mirrored: random.random(),
    }
}

fn face(material: &Material, plan: TreePlan, index: usize, random: &mut ChaCha8Rng) -> Window {
    show(material.face(index), pose(plan.roll, random), material.picture(random), random)
}

fn show(face: LabelledFace<'_>, pose: Pose, behind: &Picture, random: &mut ChaCha8Rng) -> Window {
    let mut pixels = window(face, pose, behind, WINDOW, random);
    photograph(&mut pixels, random);
    std::array::from_fn(|index| pixels[index])
}

/// A window that has what pasted faces have, and no face where it should be: a piece of another photograph, a face that stands
/// on its head, off the middle, far too large or too small.
fn lure(material: &Material, plan: TreePlan, random: &mut ChaCha8Rng) -> Window {
    let of = material.face(random.random_range(0..material.faces.len()));
    let mut pose = pose(plan.roll, random);
    if random.random() {
        let piece = material.picture(random).window(48, random);
        let mut pixels = [0; 48 * 48];
        pixels.copy_from_slice(&piece);
        return show(LabelledFace { pixels: &pixels, eyes: of.eyes }, pose, material.picture(random), random);
    }
    match random.random_range(0..3) {
        0 => pose.roll = random.random_range(1.3..5.0),
        1 => {
            let (sin, cos) = random.random_range(0.0..std::f32::consts::TAU).sin_cos();
            let away = random.random_range(0.3..0.6);
            pose.shift = [away * cos, away * sin];
        }
        _ if random.random() => pose.side *= random.random_range(1.8..3.0),
        _ => pose.side *= random.random_range(0.35..0.6),
    }
    show(of, pose, material.picture(random), random)
}

/// Windows of a view that are kept at most, so that no photograph is learned by heart.
const MOST_OF_A_VIEW: usize = 100;

/// Views that are searched at a time, and how often at most.
const VIEWS: usize = 512;
const ROUNDS: u64 = 24;

/// Windows of photographs without faces that pass the trees so far, and the share of all that do.
fn search(material: &Material, trees: &[Tree], wanted: usize, seed: u64) -> (Samples, f64) {
    let mut found = Samples::default();
    let (mut seen, mut passed) = (0usize, 0usize);
    for round in 0..ROUNDS {
        let views = each(seed, round, VIEWS, |random| {
            let view = material.picture(random).view(160, 120, random);
            let mut pixels = view.pixels.clone();
            photograph(&mut pixels, random);
            let view = Picture { pixels, ..view };
            let (windows, seen) = passing(&view, trees);
            let passed = windows.len();
            let mut windows = windows;
            while windows.len() > MOST_OF_A_VIEW {
                let index = random.random_range(0..windows.len());
                windows.swap_remove(index);
            }
            (windows, seen, passed)
        });
        for (windows, of, through) in views {
            (seen, passed) = (seen + of, passed + through);
            for (window, sum) in windows {
                if found.windows.len() < wanted {
                    found.push(window, sum);
                }
            }
        }
        if found.windows.len() >= wanted {
            break;
        }
    }
    (found, passed as f64 / seen.max(1) as f64)
}

/// The windows of a picture that pass, with their sums, and how many there are.
fn passing(picture: &Picture, trees: &[Tree]) -> (Vec<(Window, i16)>, usize) {
    let mut level = vec![0; picture.width * picture.height];
    let (mut windows, mut seen) = (Vec::new(), 0);
    let mut scale = Scale::FINEST;
    loop {
        let (width, height) = shrink(picture.frame(), scale, &mut level);
        if width < WINDOW || height < WINDOW {
            return (windows, seen);
        }
        seen += ((width - WINDOW) / 2 + 1) * ((height - WINDOW) / 2 + 1);
        let mut places = Vec::new();
        scan(&level, width, height, trees, |x, y, sum| places.push((y, x, sum)));
        // Row by row, so that what is trained does not depend on the order of the search.
        places.sort_unstable();
        windows.extend(places.into_iter().map(|(y, x, sum)| {
            let pixel = |code: usize| level[(y + code / WINDOW) * width + x + code % WINDOW];
            (std::array::from_fn(pixel), sum)
        }));
        scale = scale.coarser();
    }
}
