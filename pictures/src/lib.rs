//! Faces in pictures of any size, and from frame to frame: what a PC and a browser do around the core.
//!
//! ```text
//! places.rs      eyes and boxes, in pixels
//! photograph.rs  every face of a picture, in tiles
//! watcher.rs     the face of each frame of a video, and its emotion
//! ```
#![forbid(unsafe_code)]

pub mod photograph;
pub mod places;
pub mod watcher;

use shared::preprocessing::FACE_PIXELS;

/// A normalized face as grey levels: 0 is middle grey, three local deviations reach black and white.
pub fn normalized_as_grey(face: &[i8; FACE_PIXELS]) -> [u8; FACE_PIXELS] {
    face.map(|q| (128 + i32::from(q) * 127 / 111).clamp(0, 255) as u8)
}
