//! The layers of an architecture as ONNX nodes.

use shared::{
    operator::{Activation, Operator},
    shape::{Shape, Window},
};

use super::{
    INPUT, OUTPUT, OnnxError,
    graph::{Graph, Value, float, int, ints},
    proto::AttributeProto,
};
use crate::{
    architecture::{Layer, LayerKind},
    network::{FloatNetwork, LayerWeights},
};

/// The graph of the network, its output named.
pub(super) fn build(network: &FloatNetwork) -> Result<Graph, OnnxError> {
    let architecture = &network.architecture;
    let (layers, weights) = (architecture.layers.len(), network.weights.len());
    if layers != weights {
        return Err(OnnxError::LayerCount { layers, weights });
    }
    let image = Value { name: INPUT.into(), vector: false };
    let mut graph = Graph::default();
    let mut values: Vec<Value> = Vec::with_capacity(layers);
    for (index, (layer, weights)) in architecture.layers.iter().zip(&network.weights).enumerate() {
        let source = |source: &Option<usize>| source.map_or_else(|| image.clone(), |index| values[index].clone());
        let inputs = layer.inputs.iter().map(source).collect();
        let step =
            Step { layer, index, input: architecture.shape_before(index), output: architecture.output_shape(index) };
        values.push(step.build(&mut graph, inputs, weights)?);
    }
    if let Some(last) = values.pop() {
        let logits = as_vector(&mut graph, last, OUTPUT.into());
        graph.finish(&logits);
    }
    Ok(graph)
}

/// A layer where it stands in the network.
struct Step<'a> {
    layer: &'a Layer,
    index: usize,
    input: Shape,
    output: Shape,
}

impl Step<'_> {
    /// Adds the layer's nodes and returns its output. `inputs` has one value, or two for an addition: that was checked
    /// when the architecture was read.
    fn build(&self, graph: &mut Graph, inputs: Vec<Value>, weights: &LayerWeights) -> Result<Value, OnnxError> {
        let output = self.named("output");
        let mut inputs = inputs.into_iter();
        let input = inputs.next().unwrap_or(Value { name: INPUT.into(), vector: false });
        Ok(match self.layer.kind {
            LayerKind::Operator(operator) => match operator {
                Operator::Conv2d { window, .. } => self.convolution(graph, input, weights, window, 1)?,
                Operator::DepthwiseConv2d { window } => {
                    self.convolution(graph, input, weights, window, self.input.channels)?
                }
                Operator::MaxPool2d { window } => {
                    let input = self.as_map(graph, input);
                    map(graph.node(output, "MaxPool", [input.name], attributes(window, self.input)))
                }
                Operator::AveragePool2d { window } => {
                    let input = self.as_map(graph, input);
                    let attributes = attributes(window, self.input).into_iter().chain([int("count_include_pad", 0)]);
                    map(graph.node(output, "AveragePool", [input.name], attributes))
                }
                Operator::GlobalAveragePool => {
                    let input = self.as_map(graph, input);
                    map(graph.node(output, "GlobalAveragePool", [input.name], []))
                }
                Operator::Add => self.add(graph, input.clone(), inputs.next().unwrap_or(input)),
                Operator::Mul => self.mul(graph, input.clone(), inputs.next().unwrap_or(input)),
                Operator::Logistic => Value { name: graph.node(output, "Sigmoid", [input.name], []), ..input },
                Operator::FullyConnected { .. } => self.dense(graph, input, weights)?,
            },
            LayerKind::BatchNorm => self.batch_norm(graph, input, weights)?,
            LayerKind::Activation(Activation::Relu) => {
                Value { name: graph.node(output, "Relu", [input.name], []), ..input }
            }
            LayerKind::Activation(Activation::Relu6) => {
                let min = graph.floats(self.named("min"), &[], &[0.0]);
                let max = graph.floats(self.named("max"), &[], &[6.0]);
                Value { name: graph.node(output, "Clip", [input.name, min, max], []), ..input }
            }
            LayerKind::Flatten => as_vector(graph, input, output),
            LayerKind::Activation(Activation::None) | LayerKind::Dropout { .. } | LayerKind::SpatialDropout { .. } => {
                input
            }
        })
    }

    fn add(&self, graph: &mut Graph, first: Value, second: Value) -> Value {
        let vector = first.vector && second.vector;
        let as_one = |graph: &mut Graph, value| if vector { value } else { self.as_map(graph, value) };
        let inputs = [as_one(graph, first).name, as_one(graph, second).name];
        Value { name: graph.node(self.named("output"), "Add", inputs, []), vector }
    }

    fn mul(&self, graph: &mut Graph, first: Value, second: Value) -> Value {
        let first = self.as_map(graph, first);
        let second = match second.vector {
            true => {
                // Of the first input's shape, or a value for each of its channels: one pixel in both cases.
                let dims = graph.integers(self.named("factor_shape"), &[-1, self.input.channels.into(), 1, 1]);
                map(graph.node(self.named("factor"), "Reshape", [second.name, dims], []))
            }
            false => second,
        };
        map(graph.node(self.named("output"), "Mul", [first.name, second.name], []))
    }

    fn convolution(
        &self,
        graph: &mut Graph,
        input: Value,
        weights: &LayerWeights,
        window: Window,
        group: u16,
    ) -> Result<Value, OnnxError> {
        let LayerWeights::Convolution { weight, bias } = weights else { return Err(self.wrong_kind()) };
        let filters = self.output.channels;
        let dims = [
            filters.into(),
            i64::from(self.input.channels / group),
            window.kernel_height.into(),
            window.kernel_width.into(),
        ];
        let weight = self.tensor(graph, "weight", &dims, weight)?;
        let bias = self.tensor(graph, "bias", &[filters.into()], bias)?;
        let input = self.as_map(graph, input);
        let attributes = attributes(window, self.input).into_iter().chain([int("group", group.into())]);
        Ok(map(graph.node(self.named("output"), "Conv", [input.name, weight, bias], attributes)))
    }

    fn dense(&self, graph: &mut Graph, input: Value, weights: &LayerWeights) -> Result<Value, OnnxError> {
        let LayerWeights::Dense { weight, bias } = weights else { return Err(self.wrong_kind()) };
        let units = i64::from(self.output.channels);
        let input = as_vector(graph, input, self.named("flatten"));
        let weight = self.tensor(graph, "weight", &[units, elements(self.input)], weight)?;
        let bias = self.tensor(graph, "bias", &[units], bias)?;
        let name = graph.node(self.named("output"), "Gemm", [input.name, weight, bias], [int("transB", 1)]);
        Ok(Value { name, vector: true })
    }

    fn batch_norm(&self, graph: &mut Graph, input: Value, weights: &LayerWeights) -> Result<Value, OnnxError> {
        let LayerWeights::BatchNorm { gamma, beta, mean, variance, epsilon } = weights else {
            return Err(self.wrong_kind());
        };
        let dims = [self.input.channels.into()];
        let gamma = self.tensor(graph, "gamma", &dims, gamma)?;
        let beta = self.tensor(graph, "beta", &dims, beta)?;
        let mean = self.tensor(graph, "mean", &dims, mean)?;
        let variance = self.tensor(graph, "variance", &dims, variance)?;
        let inputs = [input.name, gamma, beta, mean, variance];
        let name = graph.node(self.named("output"), "BatchNormalization", inputs, [float("epsilon", *epsilon)]);
        Ok(Value { name, ..input })
    }

    fn tensor(
        &self,
        graph: &mut Graph,
        tensor: &'static str,
        dims: &[i64],
        values: &[f32],
    ) -> Result<String, OnnxError> {
        let expected = dims.iter().product::<i64>() as usize;
        if values.len() != expected {
            let (layer, kind, found) = (self.index + 1, self.layer.kind.name(), values.len());
            return Err(OnnxError::WrongSize { layer, kind, tensor, found, expected });
        }
        Ok(graph.floats(self.named(tensor), dims, values))
    }

    /// A vector becomes a map of one pixel, as it is in the architecture.
    fn as_map(&self, graph: &mut Graph, value: Value) -> Value {
        if !value.vector {
            return value;
        }
        let dims = [-1, self.input.channels.into(), self.input.height.into(), self.input.width.into()];
        let dims = graph.integers(self.named("map_shape"), &dims);
        map(graph.node(self.named("map"), "Reshape", [value.name, dims], []))
    }

    /// The name of one of the layer's tensors. The suffix keeps a layer named `image` or `logits` apart from the graph's
    /// own input and output.
    fn named(&self, tensor: &str) -> String {
        format!("{}.{tensor}", self.layer.name)
    }

    fn wrong_kind(&self) -> OnnxError {
        OnnxError::WrongKind { layer: self.index + 1, kind: self.layer.kind.name() }
    }
}

/// Kernel, strides and pads; ONNX orders pads by side, then by axis: top, left, bottom, right.
fn attributes(window: Window, input: Shape) -> [AttributeProto; 3] {
    let (top, left) = window.padding_before(input.height, input.width);
    let (vertical, horizontal) = window.padding_total(input.height, input.width);
    [
        ints("kernel_shape", [window.kernel_height, window.kernel_width].map(i64::from)),
        ints("strides", [window.stride_height, window.stride_width].map(i64::from)),
        ints("pads", [top, left, vertical - top, horizontal - left].map(i64::from)),
    ]
}

/// A map becomes a vector in CHW order.
fn as_vector(graph: &mut Graph, value: Value, output: String) -> Value {
    if value.vector {
        return value;
    }
    Value { name: graph.node(output, "Flatten", [value.name], [int("axis", 1)]), vector: true }
}

fn map(name: String) -> Value {
    Value { name, vector: false }
}

fn elements(shape: Shape) -> i64 {
    i64::from(shape.height) * i64::from(shape.width) * i64::from(shape.channels)
}
