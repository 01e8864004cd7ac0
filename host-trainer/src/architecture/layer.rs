//! The layers of a network.

use shared::{
    operator::{Activation, Operator},
    shape::Shape,
};

use crate::quantization::parameters::Range;

/// A layer and where its input comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Name, unique in the network.
    pub name: String,
    /// The layers whose outputs are read; `None` is the network's input.
    pub inputs: Vec<Option<usize>>,
    /// What it does.
    pub kind: LayerKind,
    /// The range whose 256 steps its output is rounded to, in a network that learns with the core's rounding.
    pub range: Option<Range>,
}

/// What a layer does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerKind {
    /// An operator of the core, with weights that are learned where it has any.
    Operator(Operator),
    /// Batch normalization; folded into the weights before it when the network is quantized.
    BatchNorm,
    /// A clamp; becomes part of the operator before it.
    Activation(Activation),
    /// Makes a vector of a feature map; nothing happens in memory.
    Flatten,
    /// Sets a share of the values to zero in training.
    Dropout {
        /// That share, `0..1`.
        rate: f32,
    },
    /// Sets a share of the channels to zero in training, whole maps at a time (Tompson et al. 2015, section 3.2).
    SpatialDropout {
        /// That share, `0..1`.
        rate: f32,
    },
}

impl LayerKind {
    /// The name that architecture files use.
    pub const fn name(&self) -> &'static str {
        match self {
            LayerKind::Operator(Operator::Conv2d { .. }) => "conv2d",
            LayerKind::Operator(Operator::DepthwiseConv2d { .. }) => "depthwise_conv2d",
            LayerKind::Operator(Operator::MaxPool2d { .. }) => "max_pool2d",
            LayerKind::Operator(Operator::AveragePool2d { .. }) => "average_pool2d",
            LayerKind::Operator(Operator::GlobalAveragePool) => "global_average_pool",
            LayerKind::Operator(Operator::Add) => "add",
            LayerKind::Operator(Operator::Mul) => "mul",
            LayerKind::Operator(Operator::Logistic) => "sigmoid",
            LayerKind::Operator(Operator::FullyConnected { .. }) => "dense",
            LayerKind::BatchNorm => "batch_norm",
            LayerKind::Activation(Activation::None) => "linear",
            LayerKind::Activation(Activation::Relu) => "relu",
            LayerKind::Activation(Activation::Relu6) => "relu6",
            LayerKind::Flatten => "flatten",
            LayerKind::Dropout { .. } => "dropout",
            LayerKind::SpatialDropout { .. } => "spatial_dropout",
        }
    }

    /// Whether a layer of two inputs takes a `second` one of this shape beside the `first`.
    pub(super) fn takes_second(&self, first: Shape, second: Shape) -> bool {
        matches!(self, LayerKind::Operator(operator) if operator.takes_second(first, second))
    }

    /// Layers read.
    pub(super) fn input_count(&self) -> usize {
        match self {
            LayerKind::Operator(operator) => operator.input_count(),
            _ => 1,
        }
    }

    /// The shape of what it makes of an input of shape `input`.
    ///
    /// # Errors
    /// In words, why it cannot.
    pub(super) fn output_shape(&self, input: Shape) -> Result<Shape, String> {
        match self {
            LayerKind::Operator(operator) => operator.output_shape(input).map_err(|error| error.to_string()),
            LayerKind::Flatten => {
                let length = input.elements().and_then(|n| u16::try_from(n).ok());
                Ok(Shape::vector(length.ok_or("more than 65,535 values")?))
            }
            _ => Ok(input),
        }
    }
}
