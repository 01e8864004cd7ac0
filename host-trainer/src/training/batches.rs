//! Batches, made on a thread of their own ahead of the step that uses them.

use std::sync::mpsc::SyncSender;

use rand_chacha::ChaCha8Rng;
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE, Preprocessing};

use super::{TrainingFaces, batch::Batch, mixup, resizing::Resizing, targets::Targets};
use crate::{architecture::Recipe, network::append_real};

/// Maximum number of finished batches: enough to hide a delay, few enough to cost no memory.
pub(super) const AHEAD: usize = 4;

/// The faces and settings that batches are made of.
pub(super) struct Loader<'a> {
    pub training: TrainingFaces<'a>,
    pub targets: &'a Targets,
    pub recipe: &'a Recipe,
    /// Number of emotions that the network knows.
    pub emotions: usize,
    pub preprocessing: Preprocessing,
    pub resizing: Resizing,
}

impl Loader<'_> {
    /// Sends the batches of `order`, until there is no receiver any more. Images change with `random`, in their order.
    pub fn run(&self, order: &[usize], batch_size: usize, random: &mut ChaCha8Rng, sender: &SyncSender<Batch>) {
        for indices in order.chunks(batch_size.max(1)) {
            if sender.send(self.batch(indices, random)).is_err() {
                return;
            }
        }
    }

    fn batch(&self, indices: &[usize], random: &mut ChaCha8Rng) -> Batch {
        let mut faces = Vec::with_capacity(indices.len() * self.preprocessing.values());
        let mut preprocessed = vec![0; self.preprocessing.values()];
        for &index in indices {
            match self.training.pixels {
                Some(pixels) if !self.recipe.augmentation.is_off() => {
                    let face = &pixels.as_chunks::<FACE_PIXELS>().0[index];
                    let face = self.recipe.augmentation.apply(face, random);
                    firmware::normalization::preprocess(self.preprocessing, &face, &mut preprocessed);
                    append_real(&mut faces, &preprocessed, self.preprocessing);
                }
                _ => {
                    let values = self.preprocessing.values();
                    let face = &self.training.faces.images[index * values..(index + 1) * values];
                    append_real(&mut faces, face, self.preprocessing);
                }
            }
        }
        let shown_whole = !self.training.teachers.is_empty() && self.resizing.size() < FACE_SIZE;
        let mut batch = Batch {
            size: self.resizing.size(),
            whole_faces: if shown_whole { faces.clone() } else { Vec::new() },
            faces: self.resizing.apply(faces),
            targets: indices.iter().flat_map(|&index| &self.targets.rows[index][..self.emotions]).copied().collect(),
            soft_targets: match self.training.soft_targets {
                Some(rows) => indices.iter().flat_map(|&index| &rows[index][..self.emotions]).copied().collect(),
                None => Vec::new(),
            },
            weights: indices.iter().map(|&index| self.targets.weights[index]).collect(),
            labels: indices.iter().map(|&index| self.training.faces.labels[index]).collect(),
        };
        if let Some(alpha) = self.recipe.mixup {
            mixup::mix(&mut batch, alpha, random);
        }
        batch
    }
}
