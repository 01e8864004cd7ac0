//! For tests: a small network, and faces with stripes that it learns.

use std::sync::atomic::{AtomicBool, Ordering};

use shared::preprocessing::FACE_PIXELS;

use super::{Configuration, LabelledFaces, Outcome, Progress, RunFolder, TrainingError, TrainingFaces, train};
use crate::architecture::Architecture;

/// A network that learns the stripes in a few epochs.
pub const SMALL: &str = "name = \"small\"\n[preprocessing]\nkind = \"local\"\nsigma_floor = 4.0\n[recipe]\nbatch_size = 8\n\
    epochs = 4\noptimizer = { kind = \"rmsprop\" }\n\
    [[layer]]\nkind = \"conv2d\"\nfilters = 2\nkernel = 3\nstride = 4\n[[layer]]\nkind = \"relu\"\n\
    [[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dropout\"\nrate = 0.5\n[[layer]]\nkind = \"dense\"\nunits = 7\n";

/// Faces whose top rows are bright by their label.
pub fn faces(count: usize) -> (Vec<i8>, Vec<u8>) {
    let labels: Vec<u8> = (0..count).map(|i| (i % 7) as u8).collect();
    let images = labels
        .iter()
        .enumerate()
        .flat_map(|(i, &label)| {
            (0..FACE_PIXELS).map(move |p| {
                let noise = ((i * 31 + p * 17) % 23) as i8 - 11;
                if p / 48 / 7 == usize::from(label) { 60 + noise } else { noise }
            })
        })
        .collect();
    (images, labels)
}

/// What [`SMALL`] is trained with.
pub fn configuration() -> Configuration {
    let architecture = Architecture::parse("small.toml", SMALL).expect("sound");
    Configuration::new(&architecture, "small.toml", 5, None, "stripes".into())
}

/// Trains on the stripes.
///
/// # Panics
/// If that fails.
pub fn run(configuration: &Configuration, folder: &RunFolder, stop_after: Option<usize>) -> Outcome {
    try_run(configuration, folder, stop_after).expect("trains")
}

/// Trains on the stripes.
pub fn try_run(
    configuration: &Configuration,
    folder: &RunFolder,
    stop_after: Option<usize>,
) -> Result<Outcome, TrainingError> {
    let (images, labels) = faces(56);
    train_on(LabelledFaces { images: &images, labels: &labels }.into(), configuration, folder, stop_after)
}

/// Trains, and validates on the same faces, until so many steps are done.
pub fn train_on(
    training: TrainingFaces<'_>,
    configuration: &Configuration,
    folder: &RunFolder,
    stop_after: Option<usize>,
) -> Result<Outcome, TrainingError> {
    let stop = AtomicBool::new(false);
    let mut steps = 0;
    train(configuration, training, training.faces.into(), folder, &stop, &mut |progress| {
        if let Progress::Step { .. } = progress {
            steps += 1;
            stop.store(Some(steps) == stop_after, Ordering::Relaxed);
        }
    })
}
