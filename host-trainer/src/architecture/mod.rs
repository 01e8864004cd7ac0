//! Networks as data: an architecture file (TOML) becomes a list of layers over `shared`'s operators.
//!
//! The burn module is built from the list, the ONNX export and the quantizer walk it; no other code knows a network.
//!
//! ```text
//! recipe/    how it is trained
//! file/      the TOML that both come from
//! error.rs   errors of reading an architecture
//! ```

mod error;
mod file;
mod recipe;

use std::path::Path;

use shared::{
    operator::{FullyConnected, Operator},
    preprocessing::{FACE_SIZE, Preprocessing},
    quantization::Quantization,
    shape::Shape,
};

use crate::{data::LabelSet, scales::activation_quantization};

pub use self::{
    error::ArchitectureError,
    recipe::{
        Balanced, ClassWeights, Distillation, Loss, Noise, Optimizer, ProgressiveResizing, Recipe, Refinement,
        Regularization, Reweighting, Schedule,
    },
};

pub use crate::operators::{Layer, LayerKind};

/// The networks that come with the program: name and architecture file.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("levorse", include_str!("../../architectures/levorse.toml")),
    ("mentor", include_str!("../../architectures/mentor.toml")),
    ("edge", include_str!("../../architectures/edge.toml")),
    ("edge-ferplus", include_str!("../../architectures/edge-ferplus.toml")),
    ("finder-confirm", include_str!("../../architectures/finder-confirm.toml")),
    ("finder-eyes", include_str!("../../architectures/finder-eyes.toml")),
    ("pi", include_str!("../../architectures/pi.toml")),
    ("pico", include_str!("../../architectures/pico.toml")),
];

/// A network and how it is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Name of the network; it travels in the model file.
    pub name: String,
    /// Rows and columns of what it sees, if it is no classifier of faces: then its outputs are not logits.
    pub input_size: Option<u16>,
    /// The preprocessing of the pixels.
    pub preprocessing: Preprocessing,
    /// Layers in the order of execution; the output of the last is the logits.
    pub layers: Vec<Layer>,
    /// How it is trained.
    pub recipe: Recipe,
    /// The text it was read from, to be kept with a run.
    pub source: String,
    shapes: Vec<Shape>,
}

impl Architecture {
    /// The architecture of this name, or in this file if the argument ends in `.toml`.
    ///
    /// # Errors
    /// [`ArchitectureError`] if the name is unknown, the file cannot be read, or it does not describe a network.
    pub fn find(name_or_file: &str) -> Result<Self, ArchitectureError> {
        if name_or_file.ends_with(".toml") {
            let text = std::fs::read_to_string(Path::new(name_or_file)).map_err(|error| {
                ArchitectureError::Unreadable { file: name_or_file.into(), error: error.to_string() }
            })?;
            return Self::parse(name_or_file, &text);
        }
        match BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            Some((name, text)) => Self::parse(&format!("{name}.toml"), text),
            None => Err(ArchitectureError::UnknownName {
                name: name_or_file.into(),
                known: BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// Reads the text of an architecture file; `file` names it in errors.
    ///
    /// # Errors
    /// [`ArchitectureError`] names the layer and what is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, ArchitectureError> {
        file::parse(file, text)
    }

    /// A network of these layers, with the text that describes it; `file` names it in errors.
    ///
    /// # Errors
    /// [`ArchitectureError`] if they do not make a network.
    pub fn describe(
        file: &str,
        name: &str,
        preprocessing: Preprocessing,
        recipe: &Recipe,
        layers: &[Layer],
    ) -> Result<Self, ArchitectureError> {
        let text = file::write(name, preprocessing, recipe, layers)
            .map_err(|error| ArchitectureError::Toml { file: file.into(), error: error.to_string() })?;
        Self::parse(file, &text)
    }

    /// The same network for another label set: its last layer, which must be dense then, gets as many units as there are
    /// emotions, and the text is written anew. A network that has as many already stays as it is.
    ///
    /// # Errors
    /// [`ArchitectureError`] if the last layer is not dense, or the recipe does not fit the set.
    pub fn with_labels(self, labels: LabelSet) -> Result<Self, ArchitectureError> {
        if let Some(size) = self.input_size {
            let file = format!("{}.toml", self.name);
            let problem = format!("it sees {size}x{size} pixels and classifies no faces; `train-finder` trains it");
            return Err(ArchitectureError::Value { file, problem });
        }
        if self.labels() == labels {
            return Ok(self);
        }
        let file = format!("{}.toml", self.name);
        let mut layers = self.layers;
        match layers.last_mut().map(|layer| &mut layer.kind) {
            Some(LayerKind::Operator(Operator::FullyConnected(FullyConnected { units }))) => {
                *units = labels.count() as u16
            }
            _ => {
                let problem = format!("the last layer is not `dense`; make it give {} logits", labels.count());
                return Err(ArchitectureError::Value { file, problem });
            }
        }
        Self::describe(&file, &self.name, self.preprocessing, &self.recipe, &layers)
    }

    /// The emotions that the logits stand for.
    pub fn labels(&self) -> LabelSet {
        let logits = self.shapes.last().map_or(0, |shape| usize::from(shape.channels));
        LabelSet::with_count(logits).unwrap_or_default()
    }

    /// The shape that the preprocessing (or whoever shows it pictures of another size) hands to the network.
    pub fn input_shape(&self) -> Shape {
        let size = self.input_size.unwrap_or(FACE_SIZE as u16);
        Shape::new(size, size, self.preprocessing.channels())
    }

    /// The shape of a layer's output.
    pub fn output_shape(&self, layer: usize) -> Shape {
        self.shapes[layer]
    }

    /// The shape of a layer's (first) input.
    pub fn shape_before(&self, layer: usize) -> Shape {
        let source = self.layers[layer].inputs.first().copied().flatten();
        source.map_or_else(|| self.input_shape(), |source| self.shapes[source])
    }

    /// Whether the network learns with the core's rounding: every tensor that the core will hold has a range.
    pub fn is_quantization_aware(&self) -> bool {
        self.layers.iter().any(|layer| layer.range.is_some())
    }

    /// Scale and zero point of what a layer reads, in a network that learns with the core's rounding.
    pub fn input_quantization(&self, layer: usize) -> Option<Quantization> {
        let preprocessing = self.preprocessing;
        let image = Quantization { scale: preprocessing.scale(), zero_point: preprocessing.zero_point() };
        let mut source = self.layers[layer].inputs.first().copied().flatten();
        while let Some(layer) = source {
            // A layer without a range leaves the values as they are, or chooses among them.
            if let Some(range) = self.layers[layer].range {
                return Some(activation_quantization(range));
            }
            source = self.layers[layer].inputs.first().copied().flatten();
        }
        self.is_quantization_aware().then_some(image)
    }

    /// Learned parameters of a layer: weights and biases, or scale and shift of a batch normalization.
    pub fn parameter_count(&self, layer: usize) -> u64 {
        let input = self.shape_before(layer);
        match self.layers[layer].kind {
            LayerKind::Operator(operator) => {
                operator.weight_count(input) + u64::from(operator.weighted_channels(input))
            }
            LayerKind::BatchNorm => 2 * u64::from(input.channels),
            _ => 0,
        }
    }

    /// Multiply-accumulates of a layer.
    pub fn macs(&self, layer: usize) -> u64 {
        match self.layers[layer].kind {
            LayerKind::Operator(operator) => operator.macs(self.shape_before(layer)),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
