//! The contents of a report.

use crate::{
    architecture::Architecture,
    evaluation::{Calibration, EvaluationReport},
    training::EpochMetrics,
};

/// A finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Name of the network.
    pub name: String,
    /// Where the faces came from.
    pub data: DataSource,
    /// The preprocessing of the pixels, in words.
    pub preprocessing: String,
    /// The layers, in the order of execution.
    pub layers: Vec<LayerRow>,
    /// The recipe: what and which, such as `("optimizer", "RMSprop, learning rate 0.001")`.
    pub recipe: Vec<(String, String)>,
    /// Every epoch, in order.
    pub epochs: Vec<EpochMetrics>,
    /// The epoch whose weights were kept, counted from 1.
    pub kept_epoch: usize,
    /// The float network over the validation faces.
    pub float: EvaluationReport,
    /// The quantized network over the same faces, run through the core.
    pub int8: EvaluationReport,
    /// The temperature and what it does.
    pub calibration: Calibration,
    /// The model file in numbers.
    pub model: ModelSize,
    /// The command that repeats the run.
    pub command: String,
}

/// Where faces came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// In words, such as `FER2013` or `synthetic faces, seed 7`.
    pub description: String,
    /// Whether the program drew the faces itself; the report then says what that means.
    pub synthetic: bool,
    /// Faces trained on.
    pub training_images: usize,
    /// Faces validated on.
    pub validation_images: usize,
    /// Of these, the faces that choose nothing, as they have a near twin among the training faces.
    pub passed_over: usize,
    /// Whether those are training faces that were kept aside.
    pub held_out: bool,
    /// Whether the faces reported on are those that were chosen by.
    pub reported_choose: bool,
}

/// A row of the table of layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRow {
    /// The layer's name.
    pub name: String,
    /// Its kind, as architecture files name it.
    pub kind: String,
    /// Shape of its output: height x width x channels.
    pub output: String,
    /// Learned parameters, biases included.
    pub parameters: u64,
    /// Multiply-accumulates for one face.
    pub macs: u64,
}

/// The model file in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelSize {
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of memory that its activations need.
    pub arena_bytes: u64,
    /// Multiply-accumulates for one face.
    pub macs: u64,
}

impl LayerRow {
    /// The rows of an architecture.
    pub fn of(architecture: &Architecture) -> Vec<Self> {
        let row = |index: usize| {
            let layer = &architecture.layers[index];
            let shape = architecture.output_shape(index);
            Self {
                name: layer.name.clone(),
                kind: layer.kind.name().into(),
                output: format!("{}x{}x{}", shape.height, shape.width, shape.channels),
                parameters: architecture.parameter_count(index),
                macs: architecture.macs(index),
            }
        };
        (0..architecture.layers.len()).map(row).collect()
    }
}
