//! The faces that a network is validated on, and which of them choose the epoch.

use super::{EpochMetrics, LabelledFaces, loss::image_loss, steps::argmax};
use crate::{
    data::kept,
    network::{Network, logits},
};

/// Faces that a network is measured on while it is trained.
#[derive(Clone, Copy, Debug)]
pub struct ValidationFaces<'a> {
    /// The faces, preprocessed.
    pub faces: LabelledFaces<'a>,
    /// For each face whether it has a near twin among the training faces; `None` where nobody looked.
    pub near: Option<&'a [bool]>,
}

impl<'a> From<LabelledFaces<'a>> for ValidationFaces<'a> {
    fn from(faces: LabelledFaces<'a>) -> Self {
        Self { faces, near: None }
    }
}

impl ValidationFaces<'_> {
    /// For each face whether it chooses, if faces with a near twin are to choose nothing; `None` if all of them do: because
    /// none has a twin, or because no other face would be left.
    pub fn apart(&self) -> Option<Vec<bool>> {
        let near = self.near.filter(|near| near.contains(&true) && near.contains(&false))?;
        Some(near.iter().map(|near| !near).collect())
    }
}

/// How good a network is after an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Validated {
    /// Mean over the faces that choose.
    pub loss: f64,
    /// Share of right answers among the faces that choose.
    pub accuracy: f64,
    /// Loss and accuracy over all faces, where some choose nothing.
    pub all: Option<(f64, f64)>,
}

/// Loss and accuracy without dropout. With `apart`, faces that have a near twin among the training faces choose nothing.
pub(super) fn validate(network: &Network, validation: ValidationFaces<'_>, apart: bool) -> Validated {
    let rows = logits(network, validation.faces.images, |_| {});
    let kind = network.architecture.recipe.loss;
    let answers = rows.iter().zip(validation.faces.labels).map(|(row, &label)| {
        let label = usize::from(label);
        (image_loss(kind, row, label), argmax(row) == label)
    });
    let answers: Vec<(f64, bool)> = answers.collect();
    let (loss, accuracy) = means(&answers);
    match validation.apart().filter(|_| apart) {
        Some(choosing) => {
            let (of_choosing, right) = means(&kept(&choosing, &answers));
            Validated { loss: of_choosing, accuracy: right, all: Some((loss, accuracy)) }
        }
        None => Validated { loss, accuracy, all: None },
    }
}

fn means(answers: &[(f64, bool)]) -> (f64, f64) {
    let count = answers.len().max(1) as f64;
    let loss = answers.iter().map(|(loss, _)| loss).sum::<f64>();
    (loss / count, answers.iter().filter(|(_, right)| *right).count() as f64 / count)
}

/// The first of the epochs with the best validation accuracy, from 1; 0 if there are none.
pub fn best_epoch(metrics: &[EpochMetrics]) -> usize {
    let mut best = 0;
    for (index, row) in metrics.iter().enumerate() {
        if best == 0 || row.validation_accuracy > metrics[best - 1].validation_accuracy {
            best = index + 1;
        }
    }
    best
}
