//! How a network is trained: the table `[recipe]` of an architecture file, a setting a file, with its checks and its words
//! ([`Setting`]).
//!
//! To add a setting: its file here, its field and its line in [`Recipe::settings`], its use, its test.

mod average_decay;
mod class_weights;
mod distillation;
mod distinct;
mod early_stopping;
mod label_smoothing;
mod logit_adjustment;
mod loss;
mod mixup;
mod optimizer;
mod progressive_resizing;
mod refinement;
mod regularization;
mod reweighting;
mod schedule;
mod setting;
mod sharpness_aware;
mod votes;

use serde::{Deserialize, Serialize};

use self::{
    average_decay::AverageDecay,
    distillation::Teachers,
    distinct::Distinct,
    early_stopping::EarlyStopping,
    label_smoothing::LabelSmoothing,
    logit_adjustment::LogitAdjustment,
    mixup::Mixup,
    setting::{Row, Setting},
    sharpness_aware::SharpnessAware,
    votes::Votes,
};
pub use self::{
    class_weights::{Balanced, ClassWeights},
    distillation::Distillation,
    loss::Loss,
    optimizer::Optimizer,
    progressive_resizing::ProgressiveResizing,
    refinement::Refinement,
    regularization::Regularization,
    reweighting::{Noise, Reweighting},
    schedule::Schedule,
};
use crate::{augmentation::Augmentation, data::LabelSet};

/// Everything about a training but the network, the faces and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What is minimized.
    #[serde(default)]
    pub loss: Loss,
    /// How it is minimized.
    pub optimizer: Optimizer,
    /// The learning rate over time.
    #[serde(default)]
    pub schedule: Schedule,
    /// Images per step.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: usize,
    /// Stop after this many epochs without a better validation accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<usize>,
    /// Penalties on large weights.
    #[serde(default)]
    pub regularization: Regularization,
    /// Share of the target that all emotions divide equally (Szegedy et al. 2016, section 7).
    #[serde(default)]
    pub label_smoothing: f32,
    /// Leaves out training faces that are nearly validation faces.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distinct: bool,
    /// How much an image of each emotion counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// Share of the target that the FER+ votes decide instead of the label, 0 to 1; for FER+ labels, those for all eight
    /// emotions without single votes.
    #[serde(default)]
    pub votes: f32,
    /// Epochs at the start whose target are the FER+ votes alone; images that have none are left out.
    #[serde(default)]
    pub pretraining_epochs: usize,
    /// Importance weights against wrong labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reweighting: Option<Reweighting>,
    /// What the network learns from teachers (`--teachers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distillation: Option<Distillation>,
    /// The networks that teach where no `--teachers` are named, trained first: built-in names or files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teachers: Vec<String>,
    /// Training that goes on with the core's rounding when the float network is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refinement: Option<Refinement>,
    /// Decay of a running mean of the weights, which is what is validated and kept (Polyak and Juditsky 1992); none without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_decay: Option<f32>,
    /// Blends pairs of faces and their targets by shares from Beta(`mixup`, `mixup`) (Zhang et al. 2018); none without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f32>,
    /// Radius within which the gradient of the highest loss is looked for, at the price of a second pass (Foret et al. 2021,
    /// "Sharpness-Aware Minimization for Efficiently Improving Generalization"); none without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharpness_aware: Option<f32>,
    /// What is added to the logits after training, one number per emotion: rare emotions are answered too seldom
    /// otherwise (Menon et al. 2021, "Long-tail learning via logit adjustment", section 4.1, there `-tau log` of the emotion's
    /// share). Empty for nothing. The figures of epochs and burn's record do
    /// not include it, and so neither do teachers and runs that start from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logit_adjustment: Vec<f32>,
    /// Faces that start small and grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressive_resizing: Option<ProgressiveResizing>,
    /// What is done to the images, anew in every epoch.
    #[serde(default)]
    pub augmentation: Augmentation,
}

impl Recipe {
    /// Whether the FER+ votes are needed.
    pub fn needs_votes(&self) -> bool {
        let counted = self.reweighting.is_some_and(|reweighting| reweighting.noise == Noise::Votes);
        self.votes > 0.0 || self.pretraining_epochs > 0 || counted
    }

    /// The settings in words, as name and value; settings that are off do not appear.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        self.settings().iter().flat_map(|setting| setting.words()).collect()
    }

    /// Checks the values; an error names the key.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.batch_size == 0 || self.epochs == 0 {
            return Err("`batch_size` and `epochs` must be at least 1".into());
        }
        self.settings().iter().try_for_each(|setting| setting.check())
    }

    /// Checks that the recipe fits a network for these labels; an error names the key.
    pub(super) fn check_labels(&self, labels: LabelSet) -> Result<(), String> {
        self.settings().iter().try_for_each(|setting| setting.check_labels(labels))
    }

    /// Every setting, in the order of a report.
    fn settings(&self) -> Vec<Box<dyn Setting + '_>> {
        let teachers = Teachers { names: &self.teachers, distilled: self.distillation.is_some() };
        vec![
            Box::new(self.loss),
            Box::new(self.optimizer),
            Box::new(self.schedule),
            Box::new(self.regularization),
            Box::new(LabelSmoothing(self.label_smoothing)),
            Box::new(Distinct(self.distinct)),
            Box::new(self.class_weights.clone()),
            Box::new(LogitAdjustment(&self.logit_adjustment)),
            Box::new(Votes { share: self.votes, pretraining_epochs: self.pretraining_epochs }),
            Box::new(teachers),
            Box::new(self.distillation),
            Box::new(self.reweighting),
            Box::new(self.refinement),
            Box::new(self.sharpness_aware.map(SharpnessAware)),
            Box::new(self.average_decay.map(AverageDecay)),
            Box::new(self.mixup.map(Mixup)),
            Box::new(self.progressive_resizing),
            Box::new(&self.augmentation),
            Box::new(self.early_stopping.map(EarlyStopping)),
        ]
    }
}

impl Setting for &Augmentation {
    fn check(&self) -> Result<(), String> {
        Augmentation::check(self)
    }

    fn words(&self) -> Vec<Row> {
        if self.is_off() {
            return Vec::new();
        }
        let text = toml::to_string(self).unwrap_or_default();
        vec![("augmentation", text.trim().replace('\n', ", "))]
    }
}
