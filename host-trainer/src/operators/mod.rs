//! The layers of networks, a kind a file: its table in an architecture file, burn's operations, ONNX nodes, and the way to the
//! core's operators.
//!
//! ```text
//! conv2d  depthwise_conv2d  dense      with weights
//! pool2d  global_average_pool  add  mul  sigmoid      without
//! batch_norm  activation  flatten  dropout            folded or dropped when a network is lowered
//! squeeze_excite                       a table that stands for several layers
//!
//! table.rs          the TOML of a layer, as serde reads and writes it
//! window.rs         kernels, strides, dilations and paddings in TOML, burn and ONNX
//! weights.rs        what layers learn, in burn and as plain data
//! fake_quantize.rs  weights as the core holds them, in a network that learns with its rounding
//! node.rs           a layer's place in an ONNX graph
//! quantized.rs      an operator in integers
//! ```
//!
//! To add a kind: a file here and a variant of [`LayerKind`]; an operator of the core also has a file in `shared` and one
//! among the kernels. The compiler names what is missing.

pub mod activation;
pub mod add;
pub mod batch_norm;
pub mod conv2d;
pub mod dense;
pub mod depthwise_conv2d;
pub mod dropout;
mod fake_quantize;
pub mod flatten;
pub mod global_average_pool;
pub mod mul;
mod node;
pub mod pool2d;
mod quantized;
pub mod sigmoid;
pub mod squeeze_excite;
pub mod table;
mod weights;
mod window;

use shared::{
    operator::{Activation, Operator, logistic},
    quantization::Quantization,
    shape::Shape,
};

use self::table::Kind;
pub use self::{
    node::{Node, OnnxError, as_vector},
    quantized::{Ends, QuantizeError, Quantized},
    table::LayerTable,
    weights::{Convolution, Dense, LayerWeights},
};
use crate::{
    graph::{Graph, Value},
    scales::{Range, activation_quantization},
};

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
    /// Turns a feature map into a vector; the memory stays as it is.
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
        self.table_kind().name()
    }

    const fn table_kind(&self) -> Kind {
        match self {
            LayerKind::Operator(Operator::Conv2d(_)) => Kind::Conv2d,
            LayerKind::Operator(Operator::DepthwiseConv2d(_)) => Kind::DepthwiseConv2d,
            LayerKind::Operator(Operator::Pool2d(pool)) => pool2d::table_kind(pool),
            LayerKind::Operator(Operator::GlobalAveragePool) => Kind::GlobalAveragePool,
            LayerKind::Operator(Operator::Add) => Kind::Add,
            LayerKind::Operator(Operator::Mul) => Kind::Mul,
            LayerKind::Operator(Operator::Logistic) => Kind::Sigmoid,
            LayerKind::Operator(Operator::FullyConnected(_)) => Kind::Dense,
            LayerKind::BatchNorm => Kind::BatchNorm,
            LayerKind::Activation(Activation::Relu6) => Kind::Relu6,
            // There is no layer of the identity.
            LayerKind::Activation(Activation::Relu | Activation::None) => Kind::Relu,
            LayerKind::Flatten => Kind::Flatten,
            LayerKind::Dropout { .. } => Kind::Dropout,
            LayerKind::SpatialDropout { .. } => Kind::SpatialDropout,
        }
    }

    /// The kind that a table describes, with its parameters.
    ///
    /// # Errors
    /// In words, which key is missing, out of range, or means nothing to the kind.
    pub fn read(table: &LayerTable) -> Result<Self, String> {
        table.check_keys()?;
        Ok(match table.kind {
            Kind::Conv2d => LayerKind::Operator(Operator::Conv2d(conv2d::read(table)?)),
            Kind::DepthwiseConv2d => LayerKind::Operator(Operator::DepthwiseConv2d(depthwise_conv2d::read(table)?)),
            Kind::MaxPool2d | Kind::AveragePool2d => LayerKind::Operator(Operator::Pool2d(pool2d::read(table)?)),
            Kind::GlobalAveragePool => LayerKind::Operator(Operator::GlobalAveragePool),
            Kind::Add => LayerKind::Operator(Operator::Add),
            Kind::Mul => LayerKind::Operator(Operator::Mul),
            Kind::Sigmoid => LayerKind::Operator(Operator::Logistic),
            Kind::Dense => LayerKind::Operator(Operator::FullyConnected(dense::read(table)?)),
            Kind::BatchNorm => LayerKind::BatchNorm,
            Kind::Relu => LayerKind::Activation(Activation::Relu),
            Kind::Relu6 => LayerKind::Activation(Activation::Relu6),
            Kind::Flatten => LayerKind::Flatten,
            Kind::Dropout => LayerKind::Dropout { rate: dropout::read(table)? },
            Kind::SpatialDropout => LayerKind::SpatialDropout { rate: dropout::read(table)? },
            Kind::SqueezeExcite => return Err("it stands for several layers".into()),
        })
    }

    /// The table that describes it, without name, inputs and range.
    pub fn write(&self) -> LayerTable {
        let mut table = LayerTable::new(self.table_kind());
        match self {
            LayerKind::Operator(Operator::Conv2d(conv)) => conv2d::write(conv, &mut table),
            LayerKind::Operator(Operator::DepthwiseConv2d(conv)) => depthwise_conv2d::write(conv, &mut table),
            LayerKind::Operator(Operator::Pool2d(pool)) => pool2d::write(pool, &mut table),
            LayerKind::Operator(Operator::FullyConnected(dense)) => dense::write(dense, &mut table),
            LayerKind::Dropout { rate } | LayerKind::SpatialDropout { rate } => table.rate = Some(*rate),
            LayerKind::Operator(Operator::GlobalAveragePool | Operator::Add | Operator::Mul | Operator::Logistic)
            | LayerKind::BatchNorm
            | LayerKind::Activation(_)
            | LayerKind::Flatten => {}
        }
        table
    }

    /// Number of layers read.
    pub fn input_count(&self) -> usize {
        match self {
            LayerKind::Operator(operator) => operator.input_count(),
            LayerKind::BatchNorm
            | LayerKind::Activation(_)
            | LayerKind::Flatten
            | LayerKind::Dropout { .. }
            | LayerKind::SpatialDropout { .. } => 1,
        }
    }

    /// Whether a layer with two inputs accepts a `second` one of this shape beside the `first`.
    pub fn takes_second(&self, first: Shape, second: Shape) -> bool {
        matches!(self, LayerKind::Operator(operator) if operator.takes_second(first, second) == Some(true))
    }

    /// The shape of the output over a (first) input of shape `input`.
    ///
    /// # Errors
    /// In words, why it cannot.
    pub fn output_shape(&self, input: Shape) -> Result<Shape, String> {
        match self {
            LayerKind::Operator(operator) => operator.output_shape(input).map_err(|error| error.to_string()),
            LayerKind::Flatten => flatten::output_shape(input),
            LayerKind::BatchNorm
            | LayerKind::Activation(_)
            | LayerKind::Dropout { .. }
            | LayerKind::SpatialDropout { .. } => Ok(input),
        }
    }

    /// Adds the layer's nodes to an ONNX graph and returns its output. There are as many `inputs` as it reads: that was checked
    /// when the architecture was read.
    ///
    /// # Errors
    /// [`OnnxError`] if the weights are another layer's.
    pub fn onnx(
        &self,
        node: &Node<'_>,
        graph: &mut Graph,
        input: Value,
        second: Option<Value>,
        weights: &LayerWeights,
    ) -> Result<Value, OnnxError> {
        Ok(match self {
            LayerKind::Operator(operator) => {
                let second = second.unwrap_or_else(|| input.clone());
                match operator {
                    Operator::Conv2d(conv) => conv2d::onnx(conv, node, graph, input, weights)?,
                    Operator::DepthwiseConv2d(conv) => depthwise_conv2d::onnx(conv, node, graph, input, weights)?,
                    Operator::Pool2d(pool) => pool2d::onnx(pool, node, graph, input),
                    Operator::GlobalAveragePool => global_average_pool::onnx(node, graph, input),
                    Operator::Add => add::onnx(node, graph, input, second),
                    Operator::Mul => mul::onnx(node, graph, input, second),
                    Operator::Logistic => sigmoid::onnx(node, graph, input),
                    Operator::FullyConnected(dense) => dense::onnx(dense, node, graph, input, weights)?,
                }
            }
            LayerKind::BatchNorm => batch_norm::onnx(node, graph, input, weights)?,
            LayerKind::Activation(clamp) => activation::onnx(*clamp, node, graph, input),
            LayerKind::Flatten => flatten::onnx(node, graph, input),
            LayerKind::Dropout { .. } | LayerKind::SpatialDropout { .. } => input,
        })
    }
}

/// Weights and biases of an operator in the core's layout; `None` if their number does not fit.
pub fn to_core(operator: &Operator, input: Shape, weights: &LayerWeights) -> Option<(Vec<f32>, Vec<f32>)> {
    let count = operator.weight_count(input) as usize;
    let channels = usize::from(operator.weighted_channels(input));
    let (weight, bias) = match weights {
        LayerWeights::Convolution { weight, bias } | LayerWeights::Dense { weight, bias } => (weight, bias),
        LayerWeights::None if count == 0 => return Some((Vec::new(), Vec::new())),
        LayerWeights::None | LayerWeights::BatchNorm { .. } => return None,
    };
    if weight.len() != count || bias.len() != channels {
        return None;
    }
    let weight = match operator {
        Operator::Conv2d(conv) => conv2d::to_core(conv, input, weight),
        Operator::DepthwiseConv2d(conv) => depthwise_conv2d::to_core(conv, input, weight),
        Operator::FullyConnected(_) => dense::to_core(input, weight),
        Operator::Pool2d(_) | Operator::GlobalAveragePool | Operator::Add | Operator::Mul | Operator::Logistic => {
            return None;
        }
    };
    Some((weight, bias.clone()))
}

/// The reverse of [`to_core`]: an operator's weights in the layout of training.
pub fn from_core(operator: &Operator, input: Shape, weights: &[f32], biases: &[f32]) -> LayerWeights {
    let bias = biases.to_vec();
    match operator {
        Operator::Conv2d(conv) => LayerWeights::Convolution { weight: conv2d::from_core(conv, input, weights), bias },
        Operator::DepthwiseConv2d(conv) => {
            LayerWeights::Convolution { weight: depthwise_conv2d::from_core(conv, input, weights), bias }
        }
        Operator::FullyConnected(_) => LayerWeights::Dense { weight: dense::from_core(input, weights), bias },
        Operator::Pool2d(_) | Operator::GlobalAveragePool | Operator::Add | Operator::Mul | Operator::Logistic => {
            LayerWeights::None
        }
    }
}

/// The output channel that weight number `index` of `weights` belongs to, in the core's layout with `channels` biases.
pub fn channel_of(operator: &Operator, weights: usize, channels: usize) -> impl Fn(usize) -> usize + use<> {
    let depthwise = matches!(operator, Operator::DepthwiseConv2d(_));
    let (per_channel, channels) = ((weights / channels.max(1)).max(1), channels.max(1));
    move |index| if depthwise { index % channels } else { index / per_channel }
}

/// Scale and zero point of an operator's output whose values are in `range`, where it may choose.
pub fn output_quantization(operator: &Operator, input: Quantization, range: Range) -> Quantization {
    match operator {
        // A pool leaves its input's as they are, so that it needs no arithmetic.
        Operator::Pool2d(_) => input,
        Operator::Logistic => logistic::OUTPUT,
        Operator::Conv2d(_)
        | Operator::DepthwiseConv2d(_)
        | Operator::GlobalAveragePool
        | Operator::Add
        | Operator::Mul
        | Operator::FullyConnected(_) => activation_quantization(range),
    }
}
