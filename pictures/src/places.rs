//! Eyes and boxes, in fractions of pixels; (0, 0) is the middle of the first pixel.

use firmware::finder::{
    align::{BOX_BELOW_EYES, BOX_SIDE},
    warp::Point,
};

/// The middle between two eyes.
pub fn middle([a, b]: &[[f32; 2]; 2]) -> [f32; 2] {
    [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]
}

/// The distance of two eyes.
pub fn span(&[a, b]: &[[f32; 2]; 2]) -> f32 {
    distance(a, b)
}

/// The place `below` eye distances below the middle of two eyes, as the face lies.
pub fn below([left, right]: &[[f32; 2]; 2], below: f32) -> [f32; 2] {
    let (dx, dy) = (right[0] - left[0], right[1] - left[1]);
    let [x, y] = middle(&[*left, *right]);
    [x - below * dy, y + below * dx]
}

/// The distance of two places.
pub fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    // Not `hypot`, whose last bit differs between systems.
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    (x * x + y * y).sqrt()
}

/// The box of a face, as the core's [`Face::bounds`](firmware::finder::search::Face::bounds) has it, in fractions of pixels: left, top, right, bottom.
pub fn face_box(eyes: &[[f32; 2]; 2]) -> [f32; 4] {
    let [x, y] = below(eyes, BOX_BELOW_EYES as f32 / 256.0);
    let half = BOX_SIDE as f32 / 512.0 * span(eyes);
    [x - half, y - half, x + half, y + half]
}

/// A face's eyes in pixels.
pub fn in_pixels(eyes: [Point; 2]) -> [[f32; 2]; 2] {
    eyes.map(|eye| [eye.x as f32 / 256.0, eye.y as f32 / 256.0])
}

/// A place in a picture that is `scale` times as large; (0, 0) is the middle of the first pixel of both.
pub fn in_larger(place: [f32; 2], scale: [f32; 2]) -> [f32; 2] {
    [0, 1].map(|axis| (place[axis] + 0.5) * scale[axis] - 0.5)
}
