//! One pass over the training images.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::sync_channel,
    },
    thread,
};

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use shared::preprocessing::FACE_SIZE;

use super::{
    Configuration, RunFolder, TrainingError, TrainingFaces,
    batches::{AHEAD, Loader},
    distillation::read_view,
    progress::{Completed, Progress},
    resizing::Resizing,
    state::State,
    steps::Steps,
    targets::Targets,
};

/// What random numbers are for; each purpose has a stream of its own.
#[derive(Clone, Copy)]
enum Purpose {
    Order,
    Dropout,
    Augmentation,
    Batches,
}

/// The random numbers of epoch `epoch`: a function of the seed, the epoch and the purpose alone.
fn random(seed: u64, epoch: usize, purpose: Purpose) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let stream = match purpose {
        Purpose::Order => epoch as u64 * 2 + 1,
        Purpose::Dropout => epoch as u64 * 2 + 2,
        Purpose::Augmentation => u64::MAX - epoch as u64,
        Purpose::Batches => (1 << 62) + epoch as u64,
    };
    random.set_stream(stream);
    random
}

/// Runs the epoch after those that `state` has; `None` if it was interrupted.
pub(super) fn run_epoch(
    state: &mut State,
    configuration: &Configuration,
    training: &TrainingFaces<'_>,
    run: &RunFolder,
    stop: &AtomicBool,
    observe: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<Completed>, TrainingError> {
    let done = state.metrics.len();
    let architecture = state.network.architecture.clone();
    let emotions = architecture.labels().count();
    let targets = Targets::new(&architecture.recipe, emotions, training, &state.importance, done)?;
    let mut order: Vec<usize> = (0..training.faces.labels.len()).filter(|&i| targets.weights[i] > 0.0).collect();
    if order.is_empty() {
        return Err(TrainingError::NothingToLearn { epoch: done + 1 });
    }
    // An epoch that shows what another has shown has its batches, in an order of its own.
    let views = architecture.recipe.distillation.and_then(|distillation| distillation.views);
    let view = views.map(|views| done % views);
    let shown = view.unwrap_or(done);
    order.shuffle(&mut random(configuration.seed, shown, Purpose::Order));
    let batch_size = configuration.batch_size.max(1);
    let mut batches: Vec<_> = (0..order.len()).step_by(batch_size).zip(order.chunks(batch_size)).collect();
    if views.is_some() {
        batches.shuffle(&mut random(configuration.seed, done, Purpose::Batches));
    }
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
        again: views.is_some(),
        answers: view.and_then(|view| read_view(run, view, order.len())),
    };
    let asked = view.filter(|_| loader.answers.is_none());
    let (sender, receiver) = sync_channel(AHEAD);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = random(configuration.seed, shown, Purpose::Augmentation);
            // The sender must go when all batches are sent, or the other side would wait for ever.
            let sender = sender;
            loader.run(&batches, &mut random, &sender);
        });
        let dropout = random(configuration.seed, done, Purpose::Dropout);
        let mut steps = Steps::new(configuration, training.teachers, dropout, done, order.len());
        // The receiver ends with this closure, and with it a loader that still waits.
        for batch in receiver {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            steps.run(state, &batch)?;
            observe(steps.progress());
        }
        let completed = steps.completed();
        Ok(Some(Completed { answers: asked.map(|view| (view, steps.answers)), ..completed }))
    })
}
