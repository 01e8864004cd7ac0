//! Many faces normalized by the core, on all cores of this machine.

use rayon::prelude::*;
use shared::preprocessing::{FACE_PIXELS, Preprocessing};

/// Normalizes faces (2,304 grey levels each, one after the other) as the device does: [`Preprocessing::values`] each.
pub fn normalize(preprocessing: Preprocessing, faces: &[u8]) -> Vec<i8> {
    let (faces, _) = faces.as_chunks::<FACE_PIXELS>();
    let mut normalized = vec![0; faces.len() * preprocessing.values()];
    normalized.par_chunks_exact_mut(preprocessing.values()).zip(faces).for_each(|(out, face)| {
        firmware::normalization::preprocess(preprocessing, face, out);
    });
    normalized
}
