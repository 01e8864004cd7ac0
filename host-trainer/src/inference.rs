//! Many faces through the inference core, on all cores of this machine: the numbers are the device's.

use firmware::{
    engine::{Engine, EngineError},
    readout::Readout,
};
use rayon::prelude::*;
use shared::{label::Emotion, model::Model, preprocessing::FACE_PIXELS};

use crate::evaluation::Logits;
pub use crate::normalization::normalize;

/// Faces a task; each task has an arena of its own.
const FACES_A_TASK: usize = 64;

/// The logits of normalized faces ([`Preprocessing::values`](shared::preprocessing::Preprocessing::values) each), as the integers that the model's last operator writes, in the order
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
            let mut arena = vec![0i8; Engine::arena_bytes(model)? as usize];
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

/// The readouts of faces (2,304 grey levels each, one after the other), as a device gives them; with `mirror`, as one with that
/// option does. `progress(n)` is told, from any thread, that `n` more faces are done.
///
/// # Errors
/// [`EngineError`] if the model does not fit this version of the core.
pub fn readouts(
    model: &Model<'_>,
    faces: &[u8],
    mirror: bool,
    progress: impl Fn(usize) + Sync,
) -> Result<Vec<Readout>, EngineError> {
    if mirror {
        let sums = run_mirrored(model, faces, progress)?;
        return Ok(sums.iter().map(|sums| Readout::from_sums(model, sums, 2)).collect());
    }
    let rows = run_normalized(model, &normalize(model.preprocessing(), faces), progress)?;
    Ok(rows.iter().map(|row| Readout::from_logits(model, row)).collect())
}

/// The sums of the logits of faces (2,304 grey levels each, one after the other) and of their mirror images, in the order of
/// the model's labels: see [`Engine::sum_with_mirrored`]. `progress(n)` is told, from any thread, that `n` more faces are done.
///
/// # Errors
/// [`EngineError`] if the model does not fit this version of the core.
fn run_mirrored(
    model: &Model<'_>,
    faces: &[u8],
    progress: impl Fn(usize) + Sync,
) -> Result<Vec<[i16; Emotion::COUNT]>, EngineError> {
    let tasks: Result<Vec<Vec<_>>, EngineError> = faces
        .par_chunks(FACES_A_TASK * FACE_PIXELS)
        .map(|faces| {
            let mut arena = vec![0i8; Engine::arena_bytes(model)? as usize];
            let mut engine = Engine::new(model, &mut arena)?;
            let (faces, _) = faces.as_chunks::<FACE_PIXELS>();
            let rows = faces.iter().map(|face| engine.sum_with_mirrored(face)).collect::<Result<Vec<_>, _>>()?;
            progress(rows.len());
            Ok(rows)
        })
        .collect();
    Ok(tasks?.concat())
}

/// The real values of logits, each at the place of its emotion; emotions that the model does not know get negative infinity.
pub fn dequantize(model: &Model<'_>, rows: &[[i8; Emotion::COUNT]]) -> Vec<Logits> {
    let quantization = model.output().quantization;
    let row = |row: &[i8; Emotion::COUNT]| placed(model, row.map(|logit| quantization.dequantize(logit)));
    rows.iter().map(row).collect()
}

/// Logits in the order of the model's labels, each at the place of its emotion.
fn placed(model: &Model<'_>, row: Logits) -> Logits {
    let mut logits = [f32::NEG_INFINITY; Emotion::COUNT];
    for (emotion, logit) in model.labels().zip(row) {
        logits[emotion.index()] = logit;
    }
    logits
}

#[cfg(test)]
mod tests {
    use shared::model::AlignedBytes;

    use super::*;
    use crate::synthetic;

    #[test]
    fn the_answers_are_the_engines_with_and_without_the_mirror_image() {
        let bytes = AlignedBytes::new(include_bytes!("../../firmware/models/levorse.fer"));
        let model = Model::parse(bytes.as_slice()).expect("it ships");
        let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
        let mut engine = Engine::new(&model, &mut arena).expect("large enough");
        let faces: Vec<_> = (0..70).map(|index| synthetic::face(1, index).pixels).collect();
        let alone = readouts(&model, faces.as_flattened(), false, |_| {}).expect("it runs");
        let mirrored = readouts(&model, faces.as_flattened(), true, |_| {}).expect("it runs");
        assert_eq!((alone.len(), mirrored.len()), (faces.len(), faces.len()));
        for (face, (alone, mirrored)) in faces.iter().zip(alone.iter().zip(&mirrored)) {
            assert_eq!(engine.classify(face).as_ref(), Ok(alone));
            assert_eq!(engine.classify_mirrored(face).as_ref(), Ok(mirrored));
        }
        assert_ne!(alone, mirrored, "mirror images make no difference, so this shows nothing");
    }

    #[test]
    fn real_logits_are_the_integers_times_the_scale_each_at_its_emotion() {
        let bytes = AlignedBytes::new(include_bytes!("../../firmware/models/levorse.fer"));
        let model = Model::parse(bytes.as_slice()).expect("it ships");
        let quantization = model.output().quantization;
        let rows = dequantize(&model, &[[-128, -3, 0, 1, 2, 3, 127, i8::MIN]]);
        for (emotion, integer) in model.labels().zip([-128i32, -3, 0, 1, 2, 3, 127]) {
            let expected = quantization.scale * (integer - i32::from(quantization.zero_point)) as f32;
            assert_eq!(rows[0][emotion.index()], expected);
        }
        assert_eq!(rows[0][Emotion::Contempt.index()], f32::NEG_INFINITY, "the model does not know it");
    }
}
