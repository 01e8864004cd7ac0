//! A network in burn, built by walking the layers of its architecture; nothing here knows a network by name.
//!
//! ```text
//! parameters.rs     what is learned, and how it begins
//! forward.rs        the layers on tensors, NCHW
//! inference.rs      logits and ranges of activations over many images
//! flat.rs           all parameters as one vector
//! adjustment.rs     logits that are shifted once a network is trained
//! transfer.rs       weights of a trained network as the beginning of another
//! float_network.rs  a copy without burn's types, for the ONNX export and the quantizer
//! ```

mod adjustment;
mod flat;
mod float_network;
mod forward;
mod inference;
mod parameters;
mod transfer;

use std::sync::Arc;

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use shared::preprocessing::{FACE_SIZE, Preprocessing};

pub use self::{
    float_network::{FloatNetwork, LayerWeights},
    forward::Mode,
    inference::{activation_ranges, logits},
    parameters::Parameters,
    transfer::{TransferError, transferred},
};
use crate::architecture::Architecture;

/// An architecture with its learned parameters.
#[derive(Clone, Debug)]
pub struct Network {
    /// The layers.
    pub architecture: Arc<Architecture>,
    /// What is learned.
    pub parameters: Parameters,
}

impl Network {
    /// Fresh parameters, drawn from `seed`: the same on every machine.
    pub fn new(architecture: Arc<Architecture>, seed: u64, device: &Device) -> Self {
        let parameters = Parameters::new(&architecture, seed, device);
        Self { architecture, parameters }
    }

    /// The same network for inference: no autodiff, batch normalization by its running statistics.
    pub fn valid(&self) -> Self {
        Self { architecture: self.architecture.clone(), parameters: self.parameters.valid() }
    }

    /// Logits `[n, emotions]` of normalized faces `[n, channels, 48, 48]`.
    pub fn forward(&self, faces: Tensor<4>, mode: &mut Mode<'_>) -> Tensor<2> {
        let outputs = self.forward_collect(faces, mode, |_, _| {});
        let [images, units, _, _] = outputs.dims();
        outputs.reshape([images, units])
    }

    /// As [`forward`](Self::forward), and `see(layer, output)` is shown every layer's output (in training, that of a batch
    /// normalization with a ReLU behind it is the ReLU's).
    pub fn forward_collect(
        &self,
        faces: Tensor<4>,
        mode: &mut Mode<'_>,
        see: impl FnMut(usize, &Tensor<4>),
    ) -> Tensor<4> {
        forward::forward(&self.architecture, &self.parameters, faces, mode, see)
    }
}

/// The tensor `[n, channels, 48, 48]` of `n` preprocessed faces (`i8`, `[48, 48, channels]` each, one after the other) in real
/// units: what the network sees in training is exactly what the device's integers stand for.
pub fn input_tensor<'a>(
    faces: impl ExactSizeIterator<Item = &'a [i8]>,
    preprocessing: Preprocessing,
    device: &Device,
) -> Tensor<4> {
    let images = faces.len();
    let mut values = Vec::with_capacity(images * preprocessing.values());
    for face in faces {
        append_real(&mut values, face, preprocessing);
    }
    let channels = preprocessing.channels().into();
    Tensor::from_data(TensorData::new(values, [images, channels, FACE_SIZE, FACE_SIZE]), device)
}

/// Appends the real values of a preprocessed face (`[48, 48, channels]`) channel by channel.
pub fn append_real(values: &mut Vec<f32>, face: &[i8], preprocessing: Preprocessing) {
    let (scale, zero_point) = (preprocessing.scale(), f32::from(preprocessing.zero_point()));
    let channels = usize::from(preprocessing.channels());
    for channel in 0..channels {
        let plane = face.iter().skip(channel).step_by(channels);
        values.extend(plane.map(|&q| (f32::from(q) - zero_point) * scale));
    }
}

#[cfg(test)]
mod tests;
