//! All parameters as one vector: what averaging and comparing need.

use burn::{
    module::{Param, RunningState},
    tensor::{Tensor, TensorData},
};

use super::Parameters;

impl Parameters {
    /// Every parameter and every running statistic, in a fixed order.
    pub fn to_flat(&self) -> Vec<f32> {
        let mut values = Vec::new();
        for layer in &self.convolutions {
            append(&mut values, layer.weight.val());
            append(&mut values, layer.bias.val());
        }
        for layer in &self.dense {
            append(&mut values, layer.weight.val());
            append(&mut values, layer.bias.val());
        }
        for layer in &self.batch_norms {
            append(&mut values, layer.gamma.val());
            append(&mut values, layer.beta.val());
            append(&mut values, layer.running_mean.value_sync());
            append(&mut values, layer.running_var.value_sync());
        }
        values
    }

    /// These parameters with the values of [`to_flat`](Self::to_flat); values that are missing stay as they are.
    pub fn with_flat(mut self, values: &[f32]) -> Self {
        let mut rest = values;
        for layer in &mut self.convolutions {
            replace(&mut layer.weight, &mut rest);
            replace(&mut layer.bias, &mut rest);
        }
        for layer in &mut self.dense {
            replace(&mut layer.weight, &mut rest);
            replace(&mut layer.bias, &mut rest);
        }
        for layer in &mut self.batch_norms {
            replace(&mut layer.gamma, &mut rest);
            replace(&mut layer.beta, &mut rest);
            replace_running(&mut layer.running_mean, &mut rest);
            replace_running(&mut layer.running_var, &mut rest);
        }
        self
    }

    /// The same parameters with running statistics of their own: clones share theirs with what they were cloned from.
    pub fn with_own_statistics(mut self) -> Self {
        for layer in &mut self.batch_norms {
            layer.running_mean = RunningState::new(layer.running_mean.value_sync());
            layer.running_var = RunningState::new(layer.running_var.value_sync());
        }
        self
    }
}

fn append<const D: usize>(values: &mut Vec<f32>, tensor: Tensor<D>) {
    values.extend(tensor.into_data().iter::<f32>());
}

/// A tensor like `like` of the next values, if there are enough.
fn take<const D: usize>(like: &Tensor<D>, rest: &mut &[f32]) -> Option<Tensor<D>> {
    let shape = like.dims();
    let (values, behind) = rest.split_at_checked(shape.iter().product())?;
    *rest = behind;
    Some(Tensor::from_data(TensorData::new(values.to_vec(), shape), &like.device()))
}

fn replace<const D: usize>(param: &mut Param<Tensor<D>>, rest: &mut &[f32]) {
    if let Some(tensor) = take(&param.val(), rest) {
        *param = Param::initialized(param.id, tensor);
    }
}

fn replace_running(state: &mut RunningState<Tensor<1>>, rest: &mut &[f32]) {
    if let Some(tensor) = take(&state.value_sync(), rest) {
        *state = RunningState::new(tensor);
    }
}
