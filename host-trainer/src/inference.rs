//! Many faces through the inference core, on all cores of this machine: the numbers are the device's.

use firmware::engine::{Engine, EngineError};
use rayon::prelude::*;
use shared::{
    label::Emotion,
    model::Model,
    preprocessing::{FACE_PIXELS, Preprocessing},
};

use crate::evaluation::Logits;

/// Faces a task; each task has an arena of its own.
const FACES_A_TASK: usize = 64;

/// Normalizes faces (2,304 grey levels each, one after the other) as the device does: [`Preprocessing::values`] each.
pub fn normalize(preprocessing: Preprocessing, faces: &[u8]) -> Vec<i8> {
    let (faces, _) = faces.as_chunks::<FACE_PIXELS>();
    let mut normalized = vec![0; faces.len() * preprocessing.values()];
    normalized.par_chunks_exact_mut(preprocessing.values()).zip(faces).for_each(|(out, face)| {
        firmware::normalization::preprocess(preprocessing, face, out);
    });
    normalized
}

/// The logits of normalized faces ([`Preprocessing::values`] each), as the integers that the model's last operator writes, in the order
/// of its labels. `progress(n)` is told, from any thread, that `n` more faces are done.
///
/// # Errors
/// [`EngineError`] if the model does not fit this version of the core.
pub fn run_normalized(
    model: &Model<'_>,
    faces: &[i8],
    progress: impl Fn(usize) + Sync,
) -> Result<Vec<[i8; Emotion::COUNT]>, EngineError> {
    let values = model.preprocessing().values();
    let tasks: Result<Vec<Vec<_>>, EngineError> = faces
        .par_chunks(FACES_A_TASK * values)
        .map(|faces| {
            let mut arena = vec![0i8; Engine::arena_bytes(model) as usize];
            let mut engine = Engine::new(model, &mut arena)?;
            let faces = faces.chunks_exact(values);
            let mut rows = Vec::with_capacity(faces.len());
            for face in faces {
                let mut row = [i8::MIN; Emotion::COUNT];
                for (slot, &logit) in row.iter_mut().zip(engine.run_normalized(face)?) {
                    *slot = logit;
                }
                rows.push(row);
            }
            progress(rows.len());
            Ok(rows)
        })
        .collect();
    Ok(tasks?.concat())
}

/// The real values of logits, each at the place of its emotion; emotions that the model does not know get the lowest.
pub fn dequantize(model: &Model<'_>, rows: &[[i8; Emotion::COUNT]]) -> Vec<Logits> {
    let quantization = model.output().quantization;
    rows.iter()
        .map(|row| {
            let mut logits = [quantization.dequantize(i8::MIN); Emotion::COUNT];
            for (emotion, &logit) in model.labels().zip(row) {
                logits[emotion.index()] = quantization.dequantize(logit);
            }
            logits
        })
        .collect()
}
