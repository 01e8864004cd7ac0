//! One pass over the training images.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Instant,
};

use burn::{
    optim::GradientsParams,
    tensor::{Device, Tensor, TensorData, activation::softmax},
};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use shared::preprocessing::FACE_SIZE;

use super::{
    Configuration, EpochMetrics, TrainingError, TrainingFaces,
    batches::{AHEAD, Batch, Loader},
    loss::{batch_loss, distilled_loss, penalty},
    optimizer::decay,
    resizing::Resizing,
    sharpness::highest_nearby,
    state::State,
    targets::Targets,
};
use crate::{
    architecture::Architecture,
    network::{Mode, Network},
};

/// What a training tells while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step is done.
    Step {
        /// From 1.
        epoch: usize,
        /// Epochs in all.
        epochs: usize,
        /// Images of this epoch that are done.
        images: usize,
        /// Images of an epoch.
        total: usize,
        /// Mean over the epoch so far.
        loss: f64,
        /// Share of right answers over the epoch so far.
        accuracy: f64,
        /// In this epoch so far.
        images_per_second: f64,
        /// The step's.
        learning_rate: f64,
    },
    /// An epoch is done, validated and kept.
    Epoch {
        /// Its row of `metrics.csv`.
        metrics: &'a EpochMetrics,
        /// Epochs in all.
        epochs: usize,
    },
}

/// An epoch that was not interrupted.
pub(super) struct Completed {
    pub loss: f64,
    pub accuracy: f64,
    pub images_per_second: f64,
    pub steps: usize,
}

/// What random numbers are for; each purpose has a stream of its own.
#[derive(Clone, Copy)]
enum Purpose {
    Order,
    Dropout,
    Augmentation,
}

/// The random numbers of epoch `epoch`: a function of the seed, the epoch and the purpose alone.
fn random(seed: u64, epoch: usize, purpose: Purpose) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let stream = match purpose {
        Purpose::Order => epoch as u64 * 2 + 1,
        Purpose::Dropout => epoch as u64 * 2 + 2,
        Purpose::Augmentation => u64::MAX - epoch as u64,
    };
    random.set_stream(stream);
    random
}

/// Runs the epoch after those that `state` has; `None` if it was interrupted.
pub(super) fn run_epoch(
    state: &mut State,
    configuration: &Configuration,
    training: &TrainingFaces<'_>,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Completed>, TrainingError> {
    let done = state.metrics.len();
    let architecture = state.network.architecture.clone();
    let emotions = architecture.labels().count();
    let targets = Targets::new(&architecture.recipe, emotions, training, &state.importance, done)?;
    let mut order: Vec<usize> = (0..training.faces.labels.len()).filter(|&i| targets.weights[i] > 0.0).collect();
    order.shuffle(&mut random(configuration.seed, done, Purpose::Order));
    let loader = Loader {
        training: *training,
        targets: &targets,
        recipe: &architecture.recipe,
        emotions,
        preprocessing: architecture.preprocessing,
        resizing: Resizing::new(match architecture.recipe.progressive_resizing {
            Some(resizing) => resizing.size(done, configuration.epochs),
            None => FACE_SIZE,
        }),
    };
    let (sender, receiver) = sync_channel(AHEAD);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = random(configuration.seed, done, Purpose::Augmentation);
            // The sender must go when all batches are sent, or the other side would wait for ever.
            let sender = sender;
            loader.run(&order, configuration.batch_size, &mut random, &sender);
        });
        let mut steps = Steps::new(configuration, training.teachers, done, order.len());
        // The receiver ends with this closure, and with it a loader that still waits.
        for batch in receiver {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            steps.run(state, &batch)?;
            observe(steps.progress());
        }
        Ok(Some(steps.completed()))
    })
}

/// The steps of an epoch.
struct Steps {
    device: Device,
    /// The same without gradients, where teachers answer.
    plain_device: Device,
    teachers: Vec<Network>,
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
    fn new(configuration: &Configuration, teachers: &[Network], done: usize, total: usize) -> Self {
        let device = configuration.hardware.device();
        Self {
            teachers: teachers.iter().map(|teacher| teacher.to_float_network().to_network(&device)).collect(),
            device: device.clone().autodiff(),
            plain_device: device,
            dropout: random(configuration.seed, done, Purpose::Dropout),
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

    fn run(&mut self, state: &mut State, batch: &Batch) -> Result<(), TrainingError> {
        let images = batch.labels.len();
        let recipe = state.network.architecture.recipe.clone();
        let per_epoch = self.total.div_ceil(self.batch_size);
        let epoch = self.done as f64 + self.steps as f64 / per_epoch as f64;
        self.learning_rate = recipe.optimizer.learning_rate() * recipe.schedule.factor(epoch, self.epochs as f64);

        let answers = match recipe.distillation {
            Some(distillation) if distillation.same_views => {
                self.answers(batch, &state.network, distillation.temperature)
            }
            _ => Vec::new(),
        };
        let (loss, logits) = self.loss(&state.network, batch, &answers);
        let value = f64::from(loss.clone().into_scalar::<f32>());
        if !value.is_finite() {
            let (epoch, step) = (self.done + 1, self.steps + 1);
            return Err(TrainingError::NonFinite { epoch, step, loss: value, last_good: self.done });
        }
        let mut gradients = gradients(&state.network, loss);
        if let Some(radius) = recipe.sharpness_aware {
            let parameters = highest_nearby(&state.network.parameters, &gradients, radius);
            let higher = Network { parameters, ..state.network.clone() };
            gradients = self::gradients(&higher, self.loss(&higher, batch, &answers).0);
        }
        let decayed = self.learning_rate * f64::from(recipe.regularization.weight_decay);
        state.step(self.learning_rate, gradients, |parameters| decay(parameters, decayed));

        self.steps += 1;
        self.images += images;
        self.loss += value * images as f64;
        self.right += count_right(logits, &batch.labels);
        Ok(())
    }

    /// Loss and logits of a batch; `answers` are those of teachers that see the same views.
    fn loss(&mut self, network: &Network, batch: &Batch, answers: &[f32]) -> (Tensor<1>, Tensor<2>) {
        let Architecture { preprocessing, recipe, .. } = &*network.architecture;
        let (images, emotions) = (batch.labels.len(), network.architecture.labels().count());
        let faces: Tensor<4> =
            self.tensor(&batch.faces, [images, preprocessing.channels().into(), batch.size, batch.size]);
        let logits = network.forward(faces, &mut Mode::Training(&mut self.dropout));
        let targets = self.tensor(&batch.targets, [images, emotions]);
        let weights = self.tensor(&batch.weights, [images]);
        let mut loss = batch_loss(recipe.loss, logits.clone(), targets, weights.clone());
        if let Some(distillation) = recipe.distillation {
            let soft_targets = if distillation.same_views { answers } else { &batch.soft_targets };
            let soft_targets = self.tensor(soft_targets, [images, emotions]);
            loss = distilled_loss(distillation, loss, logits.clone(), soft_targets, weights);
        }
        (loss, logits)
    }

    /// The teachers' mean probabilities for the images of a batch, `[n, emotions]`, at a temperature.
    fn answers(&self, batch: &Batch, pupil: &Network, temperature: f32) -> Vec<f32> {
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
            let probabilities = softmax(teacher.forward(faces, &mut Mode::Inference) / temperature, 1).into_data();
            let values: Vec<f32> = probabilities.iter::<f32>().collect();
            for (answer, row) in answers.chunks_exact_mut(emotions).zip(values.chunks_exact(known)) {
                answer.iter_mut().zip(row).for_each(|(sum, p)| *sum += p / self.teachers.len() as f32);
            }
        }
        answers
    }

    fn tensor<const D: usize>(&self, values: &[f32], shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &self.device)
    }

    fn progress(&self) -> Progress<'static> {
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

    fn completed(&self) -> Completed {
        let images = self.images.max(1) as f64;
        Completed {
            loss: self.loss / images,
            accuracy: self.right as f64 / images,
            images_per_second: self.images as f64 / self.start.elapsed().as_secs_f64(),
            steps: self.steps,
        }
    }
}

/// Those of the loss and of what large weights cost.
fn gradients(network: &Network, loss: Tensor<1>) -> GradientsParams {
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
