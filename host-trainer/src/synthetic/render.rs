//! From geometry to grey levels.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};

use super::{
    features::{cover, head, skin_and_features},
    geometry::Geometry,
    variation::{Identity, Pose, Variation},
};

/// Samples a pixel along each axis.
const SAMPLES: usize = 2;

type Picture = [f32; FACE_PIXELS];

pub(super) fn render(geometry: &Geometry, variation: &Variation, random: &mut ChaCha8Rng) -> [u8; FACE_PIXELS] {
    let camera = &variation.camera;
    let picture = blur(&sample(geometry, variation), camera.blur);
    let mut pixels = [0; FACE_PIXELS];
    for (pixel, value) in pixels.iter_mut().zip(picture) {
        // The sum of four uniform numbers is near enough to a Gaussian; its deviation is sqrt(4 / 12).
        let noise: f32 = (0..4).map(|_| random.random::<f32>() - 0.5).sum::<f32>() * 1.732;
        let exposed = 0.5 + (value - 0.5) * camera.contrast + camera.brightness + camera.noise * noise;
        *pixel = (exposed * 255.0 + 0.5).clamp(0.0, 255.0) as u8;
    }
    pixels
}

fn sample(geometry: &Geometry, variation: &Variation) -> Picture {
    let mut picture = [0.0; FACE_PIXELS];
    let count = FACE_SIZE * SAMPLES;
    for row in 0..count {
        for column in 0..count {
            let place = |index: usize| (index as f32 + 0.5) / count as f32 * 2.0 - 1.0;
            let value = scene(geometry, variation, place(column), place(row));
            picture[row / SAMPLES * FACE_SIZE + column / SAMPLES] += value / (SAMPLES * SAMPLES) as f32;
        }
    }
    picture
}

/// Light that arrives from a point of the image, `-1..1` along both axes.
fn scene(geometry: &Geometry, variation: &Variation, x: f32, y: f32) -> f32 {
    let Variation { identity, pose, camera } = variation;
    let [hx, hy] = on_head(pose, x, y);
    let light = 1.0 + camera.light[0] * x + camera.light[1] * y;
    let background = camera.background + camera.background_slope[0] * x + camera.background_slope[1] * y;
    let distance = head(identity, geometry, hx, hy);
    let mut grey = mix_hair(identity, geometry, background, hx, hy);
    let neck = (hx.abs() - 0.38).max(0.6 - hy);
    grey += (identity.skin * 0.72 - grey) * cover(neck, 0.04);
    let inside = cover(distance, 0.03);
    if inside > 0.0 {
        // A turned head shows its features off its middle; the farther half is narrower.
        let fx = hx - pose.yaw * (1.0 - hx * hx);
        let fy = hy - pose.pitch * (1.0 - hy * hy);
        let mut face = skin_and_features(identity, geometry, fx * (1.0 + 0.5 * pose.yaw * fx), fy);
        let fringe = identity.hairline + 0.12 * hx * hx;
        face += (identity.hair - face) * cover(hy - fringe, 0.06);
        grey += (face - grey) * inside;
    }
    grey * light
}

fn mix_hair(identity: &Identity, geometry: &Geometry, under: f32, x: f32, y: f32) -> f32 {
    let length = if identity.long_hair { 0.75 } else { -0.15 };
    let around = head(identity, geometry, x * 0.88, y * 0.93 + 0.02).max(y - length);
    under + (identity.hair - under) * cover(around, 0.05)
}

/// A point of the image in coordinates of the head.
fn on_head(pose: &Pose, x: f32, y: f32) -> [f32; 2] {
    let (x, y) = ((x - pose.shift[0]) / pose.scale, (y - pose.shift[1]) / pose.scale);
    [pose.cosine * x + pose.sine * y, pose.cosine * y - pose.sine * x]
}

/// Where the eyes come to lie in the picture, in pixels: the way back from the features to the image.
pub(super) fn eyes(geometry: &Geometry, pose: &Pose) -> [[f32; 2]; 2] {
    let [aside, level] = geometry.eye;
    [-aside, aside].map(|feature| {
        // Each equation is solved by repetition: a turned head moves its features by less than half.
        let repeat = |step: &dyn Fn(f32) -> f32| (0..24).fold(0.0, |value, _| step(value));
        let fx = repeat(&|fx| feature / (1.0 + 0.5 * pose.yaw * fx));
        let hx = repeat(&|hx| fx + pose.yaw * (1.0 - hx * hx));
        let hy = repeat(&|hy| level + pose.pitch * (1.0 - hy * hy));
        let x = (pose.cosine * hx - pose.sine * hy) * pose.scale + pose.shift[0];
        let y = (pose.sine * hx + pose.cosine * hy) * pose.scale + pose.shift[1];
        [x, y].map(|place| (place + 1.0) / 2.0 * FACE_SIZE as f32 - 0.5)
    })
}

/// Each pixel with `share` of both neighbours, along rows and then along columns.
fn blur(picture: &Picture, share: f32) -> Picture {
    let along = |picture: &Picture, step: usize, position: fn(usize) -> usize| -> Picture {
        std::array::from_fn(|index| {
            let before = if position(index) > 0 { index - step } else { index };
            let after = if position(index) + 1 < FACE_SIZE { index + step } else { index };
            picture[index] * (1.0 - 2.0 * share) + (picture[before] + picture[after]) * share
        })
    };
    along(&along(picture, 1, |index| index % FACE_SIZE), FACE_SIZE, |index| index / FACE_SIZE)
}
