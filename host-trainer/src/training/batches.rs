//! Batches, made on a thread of their own ahead of the step that uses them.

use std::sync::mpsc::SyncSender;

use rand_chacha::ChaCha8Rng;
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE, Preprocessing};

use super::{SoftTargets, TrainingFaces, batch::Batch, mixup, resizing::Resizing, targets::Targets};
use crate::{architecture::Recipe, network::append_real};

/// Maximum number of finished batches: enough to hide a delay, few enough to cost no memory.
pub(super) const AHEAD: usize = 4;

/// Words of random numbers for each image of batches that come again; none takes as many.
const WORDS: u128 = 1 << 40;

/// The faces and settings that batches are made of.
pub(super) struct Loader<'a> {
    pub training: TrainingFaces<'a>,
    pub targets: &'a Targets,
    pub recipe: &'a Recipe,
    /// Number of emotions that the network knows.
    pub emotions: usize,
    pub preprocessing: Preprocessing,
    pub resizing: Resizing,
    /// Whether batches come again: each is made with random numbers of its own place then.
    pub again: bool,
    /// What teachers thought of the images when they came before, in the epoch's order.
    pub answers: Option<SoftTargets>,
}

impl Loader<'_> {
    /// Sends batches until there is no receiver any more: each is the place of its first image in the epoch's order, and its images.
    /// These change with `random`.
    pub fn run(&self, batches: &[(usize, &[usize])], random: &mut ChaCha8Rng, sender: &SyncSender<Batch>) {
        for &(place, indices) in batches {
            if self.again {
                random.set_word_pos(place as u128 * WORDS);
            }
            if sender.send(self.batch(place, indices, random)).is_err() {
                return;
            }
        }
    }

    fn batch(&self, place: usize, indices: &[usize], random: &mut ChaCha8Rng) -> Batch {
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
        let same_views = self.recipe.distillation.is_some_and(|distillation| distillation.same_views);
        let shown_whole = same_views && self.answers.is_none() && self.resizing.size() < FACE_SIZE;
        let mut batch = Batch {
            place,
            size: self.resizing.size(),
            whole_faces: if shown_whole { faces.clone() } else { Vec::new() },
            faces: self.resizing.apply(faces),
            targets: indices.iter().flat_map(|&index| &self.targets.rows[index][..self.emotions]).copied().collect(),
            soft_targets: match self.training.soft_targets {
                Some(rows) if !same_views => {
                    indices.iter().flat_map(|&index| &rows[index][..self.emotions]).copied().collect()
                }
                _ => Vec::new(),
            },
            weights: indices.iter().map(|&index| self.targets.weights[index]).collect(),
            labels: indices.iter().map(|&index| self.training.faces.labels[index]).collect(),
        };
        if let Some(alpha) = self.recipe.mixup {
            mixup::mix(&mut batch, alpha, random);
        }
        // They were asked about the blends.
        if let Some(answers) = &self.answers {
            let rows = &answers[place..place + indices.len()];
            batch.soft_targets = rows.iter().flat_map(|row| &row[..self.emotions]).copied().collect();
        }
        batch
    }
}
