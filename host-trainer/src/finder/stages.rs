//! The finder's stages, each of which learns from what those before it let pass.

use std::sync::Arc;

use burn::tensor::Device;
use firmware::finder::{
    candidates::Candidate,
    search::{Face, confirm_square},
    warp::{Point, warp},
};
use pictures::places::{below, distance, in_pixels, middle, span};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::finder::Tree;

use super::{
    frames::{Scene, VARIETY, Variety, confirm_example, eyes_example, proposals},
    material::Material,
    networks::{Example, Plan, outputs, train},
    scene::{BELOW_EYES, mirror, photograph},
    trees::each,
};
use crate::{architecture::Architecture, network::Network};

/// Frames that the networks' examples are taken from.
const FRAME: [usize; 2] = [160, 120];

/// A scene of the material, by chance; three in ten, and some of the others, have no face in them.
pub fn scene(material: &Material, size: [usize; 2], variety: Variety, random: &mut ChaCha8Rng) -> Scene {
    let faces = if random.random_bool(0.3) { 0 } else { variety.faces };
    Scene::new(material.picture(random), material, size, Variety { faces, ..variety }, random)
}

/// The trees with a threshold behind the last one that `loss` of the faces in whole frames do not reach by any of their windows: most
/// have several, and the best is enough. The sums of those faces' best windows are the threshold's choice.
pub fn with_last_threshold(material: &Material, mut trees: Vec<Tree>, loss: f32, seed: u64) -> Vec<Tree> {
    let sums = each(seed, 9, 3000, |random| {
        let scene = scene(material, FRAME, VARIETY, random);
        let proposals = proposals(&scene.picture, &trees);
        let best = |eyes: &[[f32; 2]; 2]| {
            let at_it = proposals.iter().filter(|proposal| is_at(proposal, eyes));
            at_it.map(|proposal| proposal.sum).max()
        };
        scene.eyes.iter().map(best).collect::<Vec<_>>()
    });
    let mut sums: Vec<i16> = sums.into_iter().flatten().map(|sum| sum.unwrap_or(i16::MIN)).collect();
    sums.sort_unstable();
    let lowest = sums.get((sums.len() as f32 * loss) as usize).copied().unwrap_or(i16::MIN);
    if let Some(last) = trees.last_mut() {
        last.threshold = last.threshold.max(lowest);
    }
    trees
}

/// Whether a proposal is at a face: its middle within a third of its side, its size within a half.
fn is_at(proposal: &Candidate, eyes: &[[f32; 2]; 2]) -> bool {
    let side = proposal.side as f32 / 256.0;
    let place = [proposal.middle.x as f32 / 256.0, proposal.middle.y as f32 / 256.0];
    distance(below(eyes, BELOW_EYES), place) < side / 3.0 && (side / (2.4 * span(eyes))).ln().abs() < 0.4
}

/// Examples for the network that confirms: what trees propose in `scenes` scenes.
pub fn confirm_examples(material: &Material, trees: &[Tree], scenes: usize, size: usize, seed: u64) -> Vec<Example> {
    let examples = each(seed, 10, scenes, |random| {
        let scene = scene(material, FRAME, VARIETY, random);
        let proposals = proposals(&scene.picture, trees);
        proposals.iter().filter_map(|proposal| confirm_example(&scene, proposal, size)).collect::<Vec<_>>()
    });
    examples.into_iter().flatten().collect()
}

/// A network's answer for a proposal, in floating point, as the core reads it.
pub fn confirmed(scene: &Scene, trees: &[Tree], confirm: &Network, least: f32) -> Vec<Face> {
    let size = usize::from(confirm.architecture.input_shape().width);
    let proposals = proposals(&scene.picture, trees);
    let squares: Vec<_> = proposals.iter().map(confirm_square).collect();
    let pictures: Vec<Vec<u8>> = squares
        .iter()
        .map(|&square| {
            let mut pixels = vec![0; size * size];
            warp(scene.picture.frame(), square, size, &mut pixels);
            pixels
        })
        .collect();
    let pictures: Vec<&[u8]> = pictures.iter().map(|pixels| &pixels[..]).collect();
    let answers = outputs(confirm, &pictures);
    let faces = squares.iter().zip(answers).map(|(&square, answer)| Face::read(square, answer));
    faces.filter(|face| face.score >= least).collect()
}

/// Examples for the network that places eyes: what the other lets pass.
pub fn eyes_examples(
    material: &Material,
    trees: &[Tree],
    confirm: &Network,
    least: f32,
    scenes: usize,
    size: usize,
    seed: u64,
) -> Vec<Example> {
    let examples = each(seed, 11, scenes, |random| {
        let scene = scene(material, FRAME, VARIETY, random);
        let faces = confirmed(&scene, trees, confirm, least);
        let mut examples: Vec<Example> = faces.iter().filter_map(|face| eyes_example(&scene, face, size)).collect();
        // Faces that were found, as they would look had their eyes been placed otherwise.
        for eyes in &scene.eyes {
            let near = |face: &&Face| distance(middle(eyes), middle(&in_pixels(face.eyes))) < 0.3 * span(eyes);
            if faces.iter().any(|face| near(&face)) {
                let face = Face { eyes: moved(eyes, 0.1, random), score: 0.0 };
                examples.extend(eyes_example(&scene, &face, size));
            }
        }
        examples
    });
    examples.into_iter().flatten().collect()
}

/// Eyes, each moved by up to `share` of their distance, in each direction.
fn moved(eyes: &[[f32; 2]; 2], share: f32, random: &mut ChaCha8Rng) -> [Point; 2] {
    let most = share * span(eyes);
    eyes.map(|[x, y]| {
        let mut place = |place: f32| ((place + random.random_range(-most..most)) * 256.0) as i32;
        Point { x: place(x), y: place(y) }
    })
}

/// Trains a network on examples: half of a batch are faces, and each is mirrored and lit by chance.
pub fn learn(
    architecture: Architecture,
    start: Option<Network>,
    examples: &[Example],
    plan: Plan,
    observe: impl FnMut(usize, f32),
) -> Network {
    let (faces, others): (Vec<&Example>, Vec<&Example>) = examples.iter().partition(|example| example.eyes.is_some());
    let size = usize::from(architecture.input_shape().width);
    let start = start.unwrap_or_else(|| Network::new(Arc::new(architecture), plan.seed, &Device::flex()));
    let draw = |random: &mut ChaCha8Rng| {
        let of = if random.random() { &faces } else { &others };
        let mut example = of[random.random_range(0..of.len())].clone();
        if random.random() {
            mirror(&mut example.pixels, size);
            example.eyes = example.eyes.map(|[lx, ly, rx, ry]| [-rx, ry, -lx, ly]);
        }
        if random.random_bool(0.5) {
            photograph(&mut example.pixels, random);
        }
        example
    };
    train(start, plan, draw, observe)
}
