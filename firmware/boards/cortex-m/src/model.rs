//! The network that ships with the firmware, and the memory that it runs in.

use shared::model::Aligned;
use shared::preprocessing::FACE_PIXELS;

/// The model file, in flash, where it is read in place; `build.rs` chooses it.
pub static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("FER_MODEL_FILE")));

/// Bytes for the model's tensors and the kernels' working memory. A model that needs more is refused at startup.
pub const ARENA_BYTES: usize = 88 * 1024;

/// Seven drawn faces, one an emotion, that the device looks at while no host has said hello.
pub static DEMO_FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../../../models/demo_faces.bin").as_chunks().0;
