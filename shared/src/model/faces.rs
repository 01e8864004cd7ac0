//! A network that classifies faces.

use super::{
    error::ModelError,
    network::Network,
    record::{FaceHeader, Measurement, Task},
    steps::Steps,
};
use crate::{
    label::Emotion,
    preprocessing::{FACE_SIZE, Preprocessing},
    quantization::Quantization,
    shape::Shape,
    tensor::Tensor,
};

/// A checked classifier of faces: a [`Network`] that takes a preprocessed face of 48x48 pixels and gives a logit for each
/// of its labels.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    network: Network<'a>,
    faces: FaceHeader<'a>,
    logits: Tensor,
}

impl<'a> Model<'a> {
    /// Reads and checks a model file: the [network](Network::parse), and that it classifies faces.
    ///
    /// # Errors
    /// A [`ModelError`] that names what is wrong and where. No byte string makes it panic.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ModelError> {
        Self::new(Network::parse(bytes)?)
    }

    /// Checks that `network` classifies faces.
    ///
    /// # Errors
    /// [`ModelError::Task`] if it has another task; else the error of its labels, calibration, input or output.
    pub fn new(network: Network<'a>) -> Result<Self, ModelError> {
        let Task::Faces(faces) = network.header().task else { return Err(ModelError::Task) };
        check_labels(faces.labels)?;
        let temperature = faces.temperature.is_finite() && faces.temperature > 0.0;
        if !temperature || !(0.0..=1.0).contains(&faces.threshold) {
            return Err(ModelError::Calibration);
        }
        let preprocessing = faces.preprocessing;
        let shape = Shape::new(FACE_SIZE as u16, FACE_SIZE as u16, preprocessing.channels());
        let quantization = Quantization { scale: preprocessing.scale(), zero_point: preprocessing.zero_point() };
        if network.input().shape != shape || network.input().quantization != quantization {
            return Err(ModelError::Input);
        }
        let mut outputs = network.outputs();
        match (outputs.next(), outputs.next()) {
            (Some(logits), None) if logits.shape == Shape::vector(faces.labels.len() as u16) => {
                Ok(Self { network, faces, logits })
            }
            _ => Err(ModelError::Logits),
        }
    }

    /// The network that classifies.
    pub fn network(&self) -> Network<'a> {
        self.network
    }

    /// The indices of the logits' emotions, in their order.
    pub fn label_indices(&self) -> &'a [u8] {
        self.faces.labels
    }

    /// The emotions of the logits, in their order.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = Emotion> + 'a {
        // `new` refused every code that is no emotion.
        self.faces.labels.iter().map(|&code| Emotion::from_index(code.into()).unwrap_or(Emotion::Neutral))
    }

    /// The preprocessing of the pixels.
    pub fn preprocessing(&self) -> Preprocessing {
        self.faces.preprocessing
    }

    /// Divides the logits before softmax; positive.
    pub fn temperature(&self) -> f32 {
        self.faces.temperature
    }

    /// A readout with a confidence below this is `uncertain`; `0..=1`.
    pub fn threshold(&self) -> f32 {
        self.faces.threshold
    }

    /// The accuracy that was measured, and on what.
    pub fn measurement(&self) -> Measurement<'a> {
        self.faces.measurement
    }

    /// The tensor that holds the logits after the last step.
    pub fn output(&self) -> Tensor {
        self.logits
    }

    /// The tensor that the preprocessed face is written to.
    pub fn input(&self) -> Tensor {
        self.network.input()
    }

    /// [`Network::name`].
    pub fn name(&self) -> &'a str {
        self.network.name()
    }

    /// [`Network::arena_bytes`].
    pub fn arena_bytes(&self) -> u32 {
        self.network.arena_bytes()
    }

    /// [`Network::macs`].
    pub fn macs(&self) -> u64 {
        self.network.macs()
    }

    /// [`Network::training_hash`].
    pub fn training_hash(&self) -> u64 {
        self.network.training_hash()
    }

    /// [`Network::weight_bytes`].
    pub fn weight_bytes(&self) -> u32 {
        self.network.weight_bytes()
    }

    /// [`Network::crc`].
    pub fn crc(&self) -> u32 {
        self.network.crc()
    }

    /// [`Network::steps`].
    pub fn steps(&self) -> Steps<'a> {
        self.network.steps()
    }
}

/// One to eight different emotions.
fn check_labels(labels: &[u8]) -> Result<(), ModelError> {
    let mut seen = [false; Emotion::COUNT];
    for &code in labels {
        match seen.get_mut(usize::from(code)) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(ModelError::Labels),
        }
    }
    if labels.is_empty() { Err(ModelError::Labels) } else { Ok(()) }
}
