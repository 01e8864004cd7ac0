//! The steps of an epoch: a batch in, the network a little better.

use std::{sync::Arc, time::Instant};

use burn::{
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData, activation::softmax},
};
use rand_chacha::ChaCha8Rng;
use shared::{label::Emotion, preprocessing::FACE_SIZE};

use super::{
    Configuration, SoftTargets, TrainingError,
    batch::Batch,
    loss::{batch_loss, distilled_loss, penalty},
    optimizer::decay,
    progress::{Completed, Progress},
    sharpness::highest_nearby,
    state::State,
};
use crate::{
    architecture::Architecture,
    network::{Mode, Network},
};

/// The loss of a batch.
struct Losses {
    /// The loss that the step minimizes.
    minimized: Tensor<1>,
    /// The labels' part of it, if there are teachers. The teachers' part has another scale, so only this part compares with the
    /// validation loss.
    of_labels: Option<Tensor<1>>,
}

/// Shared by the steps of an epoch.
pub(super) struct Steps {
    device: Device,
    /// The same without gradients, where teachers answer.
    plain_device: Device,
    teachers: Vec<Network>,
    /// What they answered, in the epoch's order.
    pub answers: SoftTargets,
    dropout: ChaCha8Rng,
    batch_size: usize,
    epochs: usize,
    /// Epochs before this one.
    done: usize,
    /// Images of the epoch.
    total: usize,
    start: Instant,
    steps: usize,
    images: usize,
    loss: f64,
    right: usize,
    learning_rate: f64,
}

impl Steps {
    /// The steps of the epoch after `done` others, over `total` images.
    pub fn new(
        configuration: &Configuration,
        teachers: &[Network],
        dropout: ChaCha8Rng,
        done: usize,
        total: usize,
    ) -> Self {
        let device = configuration.hardware.device();
        Self {
            teachers: teachers.iter().map(|teacher| teacher.to_float_network().to_network(&device)).collect(),
            device: device.clone().autodiff(),
            plain_device: device,
            answers: Vec::new(),
            dropout,
            batch_size: configuration.batch_size.max(1),
            epochs: configuration.epochs,
            done,
            total,
            start: Instant::now(),
            steps: 0,
            images: 0,
            loss: 0.0,
            right: 0,
            learning_rate: 0.0,
        }
    }

    /// Takes the next step.
    pub fn run(&mut self, state: &mut State, batch: &Batch) -> Result<(), TrainingError> {
        let images = batch.labels.len();
        let architecture = Arc::clone(&state.network.architecture);
        let recipe = &architecture.recipe;
        let per_epoch = self.total.div_ceil(self.batch_size);
        let epoch = self.done as f64 + self.steps as f64 / per_epoch as f64;
        self.learning_rate = recipe.optimizer.learning_rate() * recipe.schedule.factor(epoch, self.epochs as f64);

        let asked = match recipe.distillation {
            // What was answered before comes with the batch.
            Some(distillation) if distillation.same_views && batch.soft_targets.is_empty() => {
                Some(self.ask(batch, &state.network, distillation.temperature))
            }
            _ => None,
        };
        let answers = asked.as_ref().unwrap_or(&batch.soft_targets);
        let (loss, logits) = self.loss(&state.network, batch, answers);
        let value = f64::from(loss.minimized.clone().into_scalar::<f32>());
        if !value.is_finite() {
            let (epoch, step) = (self.done + 1, self.steps + 1);
            return Err(TrainingError::NonFinite { epoch, step, loss: value, last_good: self.done });
        }
        let told = loss.of_labels.map_or(value, |loss| f64::from(loss.into_scalar::<f32>()));
        let mut gradients = gradients_of(&state.network, loss.minimized);
        if let Some(radius) = recipe.sharpness_aware {
            let parameters = highest_nearby(&state.network.parameters, &gradients, radius);
            let higher = Network { parameters, ..state.network.clone() };
            gradients = gradients_of(&higher, self.loss(&higher, batch, answers).0.minimized);
        }
        let decayed = self.learning_rate * f64::from(recipe.regularization.weight_decay);
        state.step(self.learning_rate, gradients, |parameters| decay(parameters, decayed));

        self.steps += 1;
        self.images += images;
        self.loss += told * images as f64;
        self.right += count_right(logits, &batch.labels);
        Ok(())
    }

    /// Loss and logits of a batch; `answers` are those of teachers, if there are any.
    fn loss(&mut self, network: &Network, batch: &Batch, answers: &[f32]) -> (Losses, Tensor<2>) {
        let Architecture { preprocessing, recipe, .. } = &*network.architecture;
        let (images, emotions) = (batch.labels.len(), network.architecture.labels().count());
        let faces: Tensor<4> =
            self.tensor(&batch.faces, [images, preprocessing.channels().into(), batch.size, batch.size]);
        let logits = network.forward(faces, &mut Mode::Training(&mut self.dropout));
        let targets = self.tensor(&batch.targets, [images, emotions]);
        let weights = self.tensor(&batch.weights, [images]);
        let of_labels = batch_loss(recipe.loss, logits.clone(), targets, weights.clone());
        let Some(distillation) = recipe.distillation else {
            return (Losses { minimized: of_labels, of_labels: None }, logits);
        };
        let soft_targets = self.tensor(answers, [images, emotions]);
        let minimized = distilled_loss(distillation, of_labels.clone(), logits.clone(), soft_targets, weights);
        (Losses { minimized, of_labels: Some(of_labels) }, logits)
    }

    /// The teachers' mean probabilities for the images of a batch, `[n, emotions]`, at a temperature. They are kept.
    fn ask(&mut self, batch: &Batch, pupil: &Network, temperature: f32) -> Vec<f32> {
        let channels = pupil.architecture.preprocessing.channels().into();
        let emotions = pupil.architecture.labels().count();
        let (values, size) = match batch.whole_faces.is_empty() {
            true => (&batch.faces, batch.size),
            false => (&batch.whole_faces, FACE_SIZE),
        };
        let images = batch.labels.len();
        let faces = TensorData::new(values.clone(), [images, channels, size, size]);
        let mut answers = vec![0.0; images * emotions];
        for teacher in &self.teachers {
            let faces = Tensor::from_data(faces.clone(), &self.plain_device);
            let known = teacher.architecture.labels().count();
            let logits = teacher.forward(faces, &mut Mode::Teaching(pupil.architecture.recipe.precision));
            let probabilities = softmax(logits / temperature, 1).into_data();
            let values: Vec<f32> = probabilities.iter::<f32>().collect();
            for (answer, row) in answers.chunks_exact_mut(emotions).zip(values.chunks_exact(known)) {
                answer.iter_mut().zip(row).for_each(|(sum, p)| *sum += p / self.teachers.len() as f32);
            }
        }
        self.answers.resize(self.total, [0.0; Emotion::COUNT]);
        for (kept, row) in self.answers[batch.place..].iter_mut().zip(answers.chunks_exact(emotions)) {
            kept[..emotions].copy_from_slice(row);
        }
        answers
    }

    fn tensor<const D: usize>(&self, values: &[f32], shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &self.device)
    }

    pub fn progress(&self) -> Progress<'static> {
        let Completed { loss, accuracy, images_per_second, .. } = self.completed();
        Progress::Step {
            epoch: self.done + 1,
            epochs: self.epochs,
            images: self.images,
            total: self.total,
            loss,
            accuracy,
            images_per_second,
            learning_rate: self.learning_rate,
        }
    }

    pub fn completed(&self) -> Completed {
        let images = self.images.max(1) as f64;
        Completed {
            loss: self.loss / images,
            accuracy: self.right as f64 / images,
            images_per_second: self.images as f64 / self.start.elapsed().as_secs_f64(),
            steps: self.steps,
            answers: None,
        }
    }
}

/// The gradients of the loss and of the penalties on large weights.
fn gradients_of(network: &Network, loss: Tensor<1>) -> GradientsParams {
    let total = match penalty(network.architecture.recipe.regularization, &network.parameters) {
        Some(penalty) => loss + penalty,
        None => loss,
    };
    GradientsParams::from_grads(total.backward(), &network.parameters)
}

fn count_right(logits: Tensor<2>, labels: &[u8]) -> usize {
    let classes = logits.dims()[1];
    let values: Vec<f32> = logits.into_data().iter::<f32>().collect();
    values.chunks_exact(classes.max(1)).zip(labels).filter(|(row, label)| argmax(row) == usize::from(**label)).count()
}

/// The index of the largest value, the first of several.
pub(super) fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}
