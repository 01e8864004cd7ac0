//! How a network is trained: the table `[recipe]` of an architecture file.
//!
//! ```text
//! optimizer.rs   the rule that turns gradients into steps
//! schedule.rs    the learning rate over time
//! mod.rs         everything else
//! ```

mod optimizer;
mod schedule;

use serde::{Deserialize, Serialize};
use shared::{label::Emotion, preprocessing::FACE_SIZE};

pub use self::{optimizer::Optimizer, schedule::Schedule};
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
    /// Images a step.
    pub batch_size: usize,
    /// Passes over the training images.
    pub epochs: usize,
    /// Stop after this many epochs without a better validation accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<usize>,
    /// What large weights cost.
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
    /// What is added to the logits once training is over, one number an emotion: rare ones are answered too seldom
    /// otherwise (Menon et al. 2021, "Long-tail learning via logit adjustment", section 4.1, there `-tau log` of the emotion's
    /// share). Empty for nothing. The figures of epochs, burn's record,
    /// and so teachers and runs that start from it, are without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logit_adjustment: Vec<f32>,
    /// Faces that start small and grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progressive_resizing: Option<ProgressiveResizing>,
    /// What is done to the images, anew in every epoch.
    #[serde(default)]
    pub augmentation: Augmentation,
}

/// What is minimized, mean over the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// `-sum target log softmax(logits)`.
    #[default]
    CategoricalCrossEntropy,
    /// `sum max(0, 1 - y logits)^2` with `y = 2 target - 1`: one L2-SVM an emotion against the rest (Tang 2013, "Deep
    /// Learning using Linear Support Vector Machines", equation 9). The penalty of the weights is `regularization.l2`.
    SquaredHinge,
}

/// What large weights cost. Biases and the parameters of batch normalization are free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Regularization {
    /// Adds `l1 sum |w|` to the loss.
    pub l1: f32,
    /// Adds `l2 sum w^2` to the loss, as Keras does.
    pub l2: f32,
    /// Every step also shrinks the weights by `learning_rate weight_decay` of themselves (Loshchilov and Hutter 2019).
    pub weight_decay: f32,
}

/// How much an image of each emotion counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// `"balanced"`: images / (emotions x images of the emotion), so that every emotion counts the same in all.
    Named(Balanced),
    /// One number an emotion, in the order of the labels.
    Given(Vec<f32>),
}

/// The word `balanced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balanced {
    /// Inversely to their number.
    Balanced,
}

/// How much teachers say (Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", section 2): the loss is
/// `(1 - share) label loss + share temperature^2 cross entropy(teachers, network)`, both softened by the temperature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distillation {
    /// The teachers' part of the loss, 0 to 1.
    pub share: f32,
    /// Divides the logits, of the teachers and of the network.
    #[serde(default = "one")]
    pub temperature: f32,
    /// Begins with the weights of the first teacher, which must be a network of the same layers (Furlanello et al. 2018,
    /// "Born Again Neural Networks", begin anew; to go on takes fewer epochs).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm_start: bool,
    /// Asks the teachers anew about every face as the network sees it, augmented and blended, instead of once about the face
    /// as it is: there are no answers to learn by heart, at the price of the teachers' forward passes (Beyer et al. 2022,
    /// "Knowledge distillation: A good teacher is patient and consistent").
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_views: bool,
}

/// Quantization-aware training (Jacob et al. 2018, section 3): the finished network, batch normalization folded, goes on
/// learning with weights and activations rounded as the core rounds them; Nesterov's momentum, half a cosine to zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refinement {
    /// Passes over the training images.
    pub epochs: usize,
    /// At the start.
    pub learning_rate: f64,
}

/// Faces that start small and grow, since small ones cost less (Howard 2018; Tan and Le 2021, "EfficientNetV2", section 4).
/// Needs a network that takes any size: a global pool before its dense layers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressiveResizing {
    /// Rows and columns at the beginning; they grow by 8.
    pub start: usize,
    /// Share of the epochs that have smaller faces than the device; the sizes divide it equally.
    pub share: f64,
}

impl ProgressiveResizing {
    /// Rows and columns that faces grow by.
    const STEP: usize = 8;

    /// The sizes that are smaller than the device's, in their order.
    pub fn small_sizes(&self) -> impl ExactSizeIterator<Item = usize> {
        (self.start..FACE_SIZE).step_by(Self::STEP)
    }

    /// Rows and columns of the faces after `done` of `epochs` epochs.
    pub fn size(&self, done: usize, epochs: usize) -> usize {
        let (done, small) = (done as f64, self.share * epochs as f64);
        if done >= small {
            return FACE_SIZE;
        }
        self.small_sizes().nth((done / small * self.small_sizes().len() as f64) as usize).unwrap_or(FACE_SIZE)
    }
}

fn one() -> f32 {
    1.0
}

/// Importance weights against wrong labels (Wang, Liu and Tao 2017; Liu and Tao 2016, section 4), carried over to the softmax.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reweighting {
    /// Epochs of ordinary training before; the network is then taken for the posterior of the labels as they are.
    pub after: usize,
    /// Where the noise rates come from.
    #[serde(default)]
    pub noise: Noise,
}

/// The probabilities `T[i][j]` that an image of emotion `i` was given the label `j`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Estimated at the images that the network is surest of (Patrini et al. 2017, equations 12 and 13).
    #[default]
    Anchors,
    /// Counted: what labels the images have that annotators of FER+ called `i`.
    Votes,
    /// Given.
    Rates([[f32; Emotion::FER2013.len()]; Emotion::FER2013.len()]),
}

impl Recipe {
    /// Whether the FER+ votes are needed.
    pub fn needs_votes(&self) -> bool {
        let counted = self.reweighting.is_some_and(|reweighting| reweighting.noise == Noise::Votes);
        self.votes > 0.0 || self.pretraining_epochs > 0 || counted
    }

    /// Says which key has a value that means nothing.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.batch_size == 0 || self.epochs == 0 {
            return Err("`batch_size` and `epochs` must be at least 1".into());
        }
        self.optimizer.check()?;
        self.schedule.check()?;
        self.augmentation.check()?;
        let Regularization { l1, l2, weight_decay } = self.regularization;
        for (name, value) in [("l1", l1), ("l2", l2), ("weight_decay", weight_decay)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(format!("`{name}` is {value}; it must be a number from 0 on"));
            }
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(format!("`label_smoothing` is {}; it must be in 0..1", self.label_smoothing));
        }
        if !(0.0..=1.0).contains(&self.votes) {
            return Err(format!("`votes` is {}; it must be from 0 to 1", self.votes));
        }
        if let Some(Distillation { share, temperature, .. }) = self.distillation {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("`share` of the distillation is {share}; it must be from 0 to 1"));
            }
            if !(temperature.is_finite() && temperature > 0.0) {
                return Err(format!("`temperature` of the distillation is {temperature}; it must be above 0"));
            }
        }
        if self.distillation.is_none() && !self.teachers.is_empty() {
            return Err("`teachers` are named and there is no `distillation`".into());
        }
        if let Some(Refinement { epochs, learning_rate }) = self.refinement
            && !(epochs > 0 && learning_rate.is_finite() && learning_rate > 0.0)
        {
            return Err("the `refinement` must have at least 1 of `epochs` and a `learning_rate` above 0".into());
        }
        if let Some(alpha) = self.mixup
            && !(alpha.is_finite() && alpha > 0.0)
        {
            return Err(format!("`mixup` is {alpha}; it must be above 0"));
        }
        if let Some(radius) = self.sharpness_aware
            && !(radius.is_finite() && radius > 0.0)
        {
            return Err(format!("`sharpness_aware` is {radius}; it must be above 0"));
        }
        if let Some(ProgressiveResizing { start, share }) = self.progressive_resizing {
            if !(8..=FACE_SIZE).contains(&start) {
                return Err(format!("`start` of the resizing is {start}; it must be 8 to {FACE_SIZE} pixels"));
            }
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("`share` of the resizing is {share}; it must be from 0 to 1"));
            }
        }
        if let Some(decay) = self.average_decay
            && !(0.0..1.0).contains(&decay)
        {
            return Err(format!("`average_decay` is {decay}; it must be in 0..1"));
        }
        if let Some(Reweighting { noise: Noise::Rates(rates), .. }) = self.reweighting {
            let sound = |row: &[f32]| {
                row.iter().all(|rate| (0.0..=1.0).contains(rate)) && (row.iter().sum::<f32>() - 1.0).abs() < 1e-3
            };
            if !rates.iter().all(|row| sound(row)) {
                return Err("each row of the noise `rates` must be seven probabilities that add up to 1".into());
            }
        }
        Ok(())
    }

    /// Says which key does not fit a network for these labels.
    pub(super) fn check_labels(&self, labels: LabelSet) -> Result<(), String> {
        let count = labels.count();
        if let Some(ClassWeights::Given(weights)) = &self.class_weights
            && !(weights.len() == count && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0))
        {
            return Err(format!("`class_weights` must be {count} numbers from 0 on, one an emotion"));
        }
        let adjustment = &self.logit_adjustment;
        if !(adjustment.is_empty() || adjustment.len() == count && adjustment.iter().all(|logit| logit.is_finite())) {
            return Err(format!("`logit_adjustment` must be {count} finite numbers, one an emotion"));
        }
        if self.reweighting.is_some() && !labels.is_fer2013() {
            return Err(
                "`reweighting` is for wrong labels of FER2013 and its 7 emotions; leave it out with FER+".into()
            );
        }
        Ok(())
    }
}
