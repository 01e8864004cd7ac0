//! The network and the finder that ship with the firmware, and faces to show them.

use shared::model::Aligned;
use shared::preprocessing::FACE_PIXELS;

/// The model file, part of the image, read in place; `build.rs` chooses it.
pub static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("FER_MODEL_FILE")));

/// The finder of faces, likewise.
pub static FINDER: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../models/finder.ferf"));

/// Seven drawn faces, one an emotion, that the device looks at while no host has said hello.
pub static DEMO_FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../../../models/demo_faces.bin").as_chunks().0;
