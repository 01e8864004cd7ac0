//! How a network is trained: the table `[recipe]` of an architecture file, a setting a file, with its checks and its words
//! ([`Setting`]).
//!
//! To add a setting: its file here and its row in [`Recipe`], its use, its test.

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
mod precision;
mod progressive_resizing;
mod refinement;
mod regularization;
mod reweighting;
mod schedule;
mod setting;
mod sharpness_aware;
mod votes;

use serde::{Deserialize, Serialize};

use self::setting::{Row, Setting};
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
use crate::{augmentation::Augmentation, convolution::Precision, data::LabelSet};

/// Declares [`Recipe`] by a row a setting: its words, its serde attributes, its key and type, and behind `=>` what checks and
/// tells it ([`Setting`]), where that is not another row's.
macro_rules! recipe {
    ($recipe:ident: $($(#[$attribute:meta])* $key:ident: $type:ty $(=> $setting:expr)?;)*) => {
        /// Everything about a training but the network, the faces and the seed.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Recipe {
            $($(#[$attribute])* pub $key: $type,)*
        }

        impl Recipe {
            /// Every setting, in the order of a report.
            fn settings(&self) -> Vec<Box<dyn Setting + '_>> {
                let $recipe = self;
                vec![$($(Box::new($setting),)?)*]
            }
        }
    };
}

recipe! {
    recipe:
    /// What is minimized.
    #[serde(default)]
    loss: Loss => recipe.loss;
    /// How it is minimized.
    optimizer: Optimizer => recipe.optimizer;
    /// The learning rate over time.
    #[serde(default)]
    schedule: Schedule => recipe.schedule;
    /// What the factors of convolutions are rounded to in training, teachers' as well; validation and export are always in 32-bit floats.
    #[serde(default, skip_serializing_if = "precision::is_f32")]
    precision: Precision => recipe.precision;
    /// Images per step.
    batch_size: usize;
    /// Passes over the training images.
    epochs: usize;
    /// Stop after this many epochs without a better validation accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    early_stopping: Option<usize> => recipe.early_stopping.map(early_stopping::EarlyStopping);
    /// Penalties on large weights.
    #[serde(default)]
    regularization: Regularization => recipe.regularization;
    /// Share of the target that all emotions divide equally (Szegedy et al. 2016, section 7).
    #[serde(default)]
    label_smoothing: f32 => label_smoothing::LabelSmoothing(recipe.label_smoothing);
    /// Leaves out training faces that are nearly validation faces.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    distinct: bool => distinct::Distinct(recipe.distinct);
    /// How much an image of each emotion counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class_weights: Option<ClassWeights> => recipe.class_weights.clone();
    /// Share of the target that the FER+ votes decide instead of the label, 0 to 1; for FER+ labels, those for all eight
    /// emotions without single votes.
    #[serde(default)]
    votes: f32 => votes::Votes { share: recipe.votes, pretraining_epochs: recipe.pretraining_epochs };
    /// Epochs at the start whose target are the FER+ votes alone; images that have none are left out.
    #[serde(default)]
    pretraining_epochs: usize;
    /// Importance weights against wrong labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reweighting: Option<Reweighting> => recipe.reweighting;
    /// What the network learns from teachers (`--teachers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distillation: Option<Distillation> => distillation::Views {
        distillation: recipe.distillation,
        of_the_same_faces: recipe.pretraining_epochs == 0 && recipe.reweighting.is_none(),
    };
    /// The networks that teach where no `--teachers` are named, trained first: built-in names or files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    teachers: Vec<String> => distillation::Teachers { names: &recipe.teachers, distilled: recipe.distillation.is_some() };
    /// Training that goes on with the core's rounding when the float network is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refinement: Option<Refinement> => recipe.refinement;
    /// Decay of a running mean of the weights, which is what is validated and kept (Polyak and Juditsky 1992); none without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    average_decay: Option<f32> => recipe.average_decay.map(average_decay::AverageDecay);
    /// Blends pairs of faces and their targets by shares from Beta(`mixup`, `mixup`) (Zhang et al. 2018); none without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mixup: Option<f32> => recipe.mixup.map(mixup::Mixup);
    /// Radius within which the gradient of the highest loss is looked for, at the price of a second pass (Foret et al. 2021,
    /// "Sharpness-Aware Minimization for Efficiently Improving Generalization"); none without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sharpness_aware: Option<f32> => recipe.sharpness_aware.map(sharpness_aware::SharpnessAware);
    /// What is added to the logits after training, one number per emotion: rare emotions are answered too seldom
    /// otherwise (Menon et al. 2021, "Long-tail learning via logit adjustment", section 4.1, there `-tau log` of the emotion's
    /// share). Empty for nothing. The figures of epochs and burn's record do
    /// not include it, and so neither do teachers and runs that start from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    logit_adjustment: Vec<f32> => logit_adjustment::LogitAdjustment(&recipe.logit_adjustment);
    /// Faces that start small and grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progressive_resizing: Option<ProgressiveResizing> => recipe.progressive_resizing;
    /// What is done to the images, anew in every epoch.
    #[serde(default)]
    augmentation: Augmentation => &recipe.augmentation;
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
