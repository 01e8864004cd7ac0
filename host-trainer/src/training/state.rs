//! What changes from step to step and from epoch to epoch.

use burn::{
    module::Module,
    optim::{GradientsParams, ModuleOptimizer},
    tensor::Device,
};

use super::{EpochMetrics, TrainingError, checkpoint::Checkpoint};
use crate::network::{Network, Parameters};

/// Everything that a training has learned so far.
pub(super) struct State {
    pub network: Network,
    pub optimizer: ModuleOptimizer,
    /// The running mean of the parameters, if the recipe asks for one.
    pub average: Option<Average>,
    /// Importance weights of the images; empty before they are known.
    pub importance: Vec<f32>,
    pub metrics: Vec<EpochMetrics>,
}

impl State {
    pub fn new(network: Network, optimizer: ModuleOptimizer) -> Self {
        let decay = network.architecture.recipe.average_decay;
        let average = decay.map(|decay| Average::new(decay, network.parameters.to_flat()));
        Self { network, optimizer, average, importance: Vec::new(), metrics: Vec::new() }
    }

    /// One step of the optimizer, then `change`, then the running mean.
    pub fn step(&mut self, rate: f64, gradients: GradientsParams, change: impl FnOnce(Parameters) -> Parameters) {
        // The optimizer takes the parameters and gives them back; clones of tensors share their memory.
        let parameters = self.optimizer.step(rate, self.network.parameters.clone(), gradients);
        self.network.parameters = change(parameters);
        if let Some(average) = &mut self.average {
            average.add(&self.network.parameters.to_flat());
        }
    }

    /// The network that is validated and kept: the mean's, if there is one; for inference, on the processor.
    pub fn answering(&self) -> Network {
        let mut network = self.network.valid();
        network.parameters = network.parameters.to_device(&Device::flex());
        if let Some(average) = &self.average {
            network.parameters = network.parameters.with_flat(&average.values);
        }
        network
    }

    pub fn checkpoint(&self) -> Result<Checkpoint, TrainingError> {
        let average = self.average.as_ref().map(|average| (average.steps, average.values.clone()));
        Checkpoint::new(&self.network.parameters, &self.optimizer, average, &self.importance, &self.metrics)
    }

    /// As it was at the checkpoint; `self` is a fresh one of the same architecture.
    pub fn restore(mut self, checkpoint: Checkpoint) -> Result<Self, TrainingError> {
        (self.network.parameters, self.optimizer) = checkpoint.restore(self.network.parameters, self.optimizer)?;
        if let (Some(average), Some((steps, values))) = (&mut self.average, checkpoint.average) {
            (average.steps, average.values) = (steps, values);
        }
        (self.importance, self.metrics) = (checkpoint.importance, checkpoint.metrics);
        Ok(self)
    }
}

/// An exponential moving average of all parameters and running statistics.
pub(crate) struct Average {
    decay: f32,
    steps: u64,
    values: Vec<f32>,
}

impl Average {
    /// A mean that begins at `values`.
    pub fn new(decay: f32, values: Vec<f32>) -> Self {
        Self { decay, steps: 0, values }
    }

    /// The mean so far.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The decay rises to its value over the first steps, so that the fresh weights are forgotten soon.
    pub fn add(&mut self, values: &[f32]) {
        self.steps += 1;
        let steps = self.steps as f32;
        let decay = self.decay.min((1.0 + steps) / (10.0 + steps));
        for (mean, value) in self.values.iter_mut().zip(values) {
            *mean += (value - *mean) * (1.0 - decay);
        }
    }
}
