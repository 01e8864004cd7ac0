//! Whole frames with faces in them, and what the finder's stages make of them.

use firmware::finder::{
    candidates::Candidate,
    search::{BELOW_EYES as BELOW, Face, SQUARE_SIDE, confirm_square, eyes_square, propose},
    warp::{Square, warp},
};
use pictures::places::{below, distance, middle, span};
use rand::{Rng, RngExt};
use shared::finder::Tree;

use super::{
    material::Material,
    networks::Example,
    scene::{BELOW_EYES, LabelledFace, Picture, Pose, paste, photograph},
};

/// A frame and the eyes of the faces in it, left and right in the picture, in pixels.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What the camera sees.
    pub picture: Picture,
    /// Of each face.
    pub eyes: Vec<[[f32; 2]; 2]>,
}

/// What faces are like in the frames that are made.
#[derive(Clone, Copy, Debug)]
pub struct Variety {
    /// Faces a frame at most.
    pub faces: usize,
    /// Smallest and largest distance of eyes in pixels.
    pub eyes: [f32; 2],
    /// Largest roll in radians, either way.
    pub roll: f32,
}

/// The variety that the finder is made for.
pub const VARIETY: Variety = Variety { faces: 3, eyes: [9.5, 46.0], roll: 0.75 };

impl Picture {
    /// A part of it at a random scale, mirrored by chance: `width` x `height` pixels.
    pub fn view(&self, width: usize, height: usize, random: &mut impl Rng) -> Picture {
        let most = (self.width as f32 / width as f32).min(self.height as f32 / height as f32);
        // Pixels of the picture that one of the view covers.
        let step = if most > 0.7 { random.random_range(0.7..most.max(0.71)) } else { most };
        let room = |length: usize, of: usize| (of as f32 - length as f32 * step).max(0.0);
        let left = random.random::<f32>() * room(width, self.width);
        let top = random.random::<f32>() * room(height, self.height);
        let mirrored: bool = random.random();
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let x = if mirrored { width - 1 - x } else { x };
                pixels.push(self.mean(left + x as f32 * step, top + y as f32 * step, step));
            }
        }
        Picture { width, height, pixels }
    }

    /// The mean of nine places of a square.
    fn mean(&self, left: f32, top: f32, side: f32) -> u8 {
        let mut sum = 0u32;
        for j in 0..3 {
            for i in 0..3 {
                let part = |index: i32| (index as f32 + 0.5) / 3.0 * side;
                let x = ((left + part(i)) as usize).min(self.width - 1);
                let y = ((top + part(j)) as usize).min(self.height - 1);
                sum += u32::from(self.pixels[y * self.width + x]);
            }
        }
        ((sum + 4) / 9) as u8
    }
}

impl Scene {
    /// A view of a background with faces before it. Some faces are cut by the border.
    pub fn new(
        background: &Picture,
        material: &Material,
        size: [usize; 2],
        variety: Variety,
        random: &mut impl Rng,
    ) -> Self {
        let [width, height] = size;
        let mut picture = background.view(width, height, random);
        let mut eyes: Vec<[[f32; 2]; 2]> = Vec::new();
        for _ in 0..random.random_range(0..=variety.faces) {
            let face = material.face(random.random_range(0..material.faces.len()));
            let [least, most] = variety.eyes;
            let most = most.min(height as f32 / 2.4);
            let distance = (random.random_range(least.ln()..most.ln())).exp();
            // An even number, so that its middle lies between pixels.
            let side = (distance * 2.1).round() * 2.0;
            let roll = random.random_range(-variety.roll..variety.roll);
            let shift = [0.0; 2];
            let pose = Pose { roll, side: side / distance, shift, mirrored: random.random() };
            let half = distance * 1.3;
            let place = |length: usize, random: &mut dyn Rng| {
                let (low, high) = (half.min(length as f32 / 2.0 - 0.5), length as f32 - half);
                random.random_range(low..high.max(low + 0.5))
            };
            let (x, y) = (place(width, random).round(), place(height, random).round());
            let own = pose.eyes().map(|[right, down]| [x + right * side - 0.5, y + down * side - 0.5]);
            let apart =
                |other: &[[f32; 2]; 2]| self::distance(middle(other), middle(&own)) > 2.2 * distance.max(span(other));
            if !eyes.iter().all(apart) {
                continue;
            }
            paste_at(&mut picture, face, pose, [x, y], side as usize, random);
            eyes.push(own);
        }
        photograph(&mut picture.pixels, random);
        Self { picture, eyes }
    }
}

fn paste_at(
    picture: &mut Picture,
    face: LabelledFace<'_>,
    pose: Pose,
    [x, y]: [f32; 2],
    side: usize,
    random: &mut impl Rng,
) {
    let (left, top) = (x as i32 - (side / 2) as i32, y as i32 - (side / 2) as i32);
    let at = |column: usize, row: usize| {
        let (x, y) = (left + column as i32, top + row as i32);
        let inside = (0..picture.width as i32).contains(&x) && (0..picture.height as i32).contains(&y);
        inside.then(|| y as usize * picture.width + x as usize)
    };
    let places: Vec<Option<usize>> = (0..side * side).map(|index| at(index % side, index / side)).collect();
    let mut patch: Vec<u8> = places.iter().map(|place| place.map_or(0, |place| picture.pixels[place])).collect();
    paste(face, pose, side, &mut patch, random);
    for (place, pixel) in places.iter().zip(patch) {
        if let Some(place) = place {
            picture.pixels[*place] = pixel;
        }
    }
}

/// The proposals for a scene.
pub fn proposals(scene: &Picture, trees: &[Tree]) -> Vec<Candidate> {
    let mut level = vec![0; scene.width * scene.height];
    let (proposals, _) = propose(trees, scene.frame(), &mut level);
    proposals.iter().copied().collect()
}

/// What the network that confirms learns from a proposal of a scene: `None` if it is neither quite a face nor none.
pub fn confirm_example(scene: &Scene, proposal: &Candidate, size: usize) -> Option<Example> {
    example(scene, confirm_square(proposal), size)
}

/// What the network that places eyes learns from a face that was confirmed: `None` if it is neither quite a face nor none.
pub fn eyes_example(scene: &Scene, face: &Face, size: usize) -> Option<Example> {
    example(scene, eyes_square(face), size)
}

fn example(scene: &Scene, square: Square, size: usize) -> Option<Example> {
    let mut pixels = vec![0; size * size];
    warp(scene.picture.frame(), square, size, &mut pixels);
    let side = (square.side.x as f32).hypot(square.side.y as f32) / 256.0;
    let center = [square.middle.x as f32 / 256.0, square.middle.y as f32 / 256.0];
    let mut nearest: Option<([f32; 4], f32)> = None;
    let mut touched = false;
    for eyes in &scene.eyes {
        let (sin, cos) = (square.side.y as f32 / 256.0 / side, square.side.x as f32 / 256.0 / side);
        let local = eyes.map(|eye| {
            let (x, y) = ((eye[0] - center[0]) / side, (eye[1] - center[1]) / side);
            [cos * x + sin * y, cos * y - sin * x]
        });
        let (along, above) = (128.0 / SQUARE_SIDE as f32, -BELOW as f32 / SQUARE_SIDE as f32);
        let rest = [local[0][0] + along, local[0][1] - above, local[1][0] - along, local[1][1] - above];
        // The face's middle from the square's, and how its size differs.
        let [x, y] = below(&local, BELOW_EYES);
        let away = x.hypot(y);
        let size = (span(&local) * SQUARE_SIDE as f32 / 256.0).ln().abs();
        if away < 0.2 && size < 0.35 {
            nearest = Some((rest, away));
        } else if away < 0.42 && size < 0.75 {
            touched = true;
        }
    }
    match nearest {
        Some((eyes, _)) => Some(Example { pixels, eyes: Some(eyes) }),
        None if touched => None,
        None => Some(Example { pixels, eyes: None }),
    }
}
