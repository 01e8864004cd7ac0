//! The network that ships with the firmware, and the memory that it runs in.

use core::sync::atomic::{AtomicBool, Ordering};

use shared::model::Aligned;
use shared::preprocessing::FACE_PIXELS;

/// The model file, part of the image, read in place; `build.rs` chooses it.
pub static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("FER_MODEL_FILE")));

/// Bytes for the model's tensors and the kernels' working memory. A model that needs more is refused at startup.
pub const ARENA_BYTES: usize = 1024 * 1024;

/// The arena, once.
///
/// # Panics
/// If it was taken before.
pub fn arena() -> &'static mut [i8] {
    static mut ARENA: [i8; ARENA_BYTES] = [0; ARENA_BYTES];
    static TAKEN: AtomicBool = AtomicBool::new(false);
    assert!(!TAKEN.swap(true, Ordering::Relaxed), "there is one arena");
    // SAFETY: nobody got here before.
    unsafe { (&raw mut ARENA).as_mut_unchecked() }
}

/// Seven drawn faces, one an emotion, that the device looks at while no host has said hello.
pub static DEMO_FACES: &[[u8; FACE_PIXELS]] = include_bytes!("../../../models/demo_faces.bin").as_chunks().0;
