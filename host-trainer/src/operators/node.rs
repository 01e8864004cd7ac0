//! A layer's place in an ONNX graph.

use shared::shape::Shape;

use super::Layer;
pub use crate::graph::OnnxError;
use crate::graph::{Graph, Value, int};

/// A layer where it stands in the network.
pub struct Node<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// Which one, from 0.
    pub index: usize,
    /// The shape of its (first) input.
    pub input: Shape,
    /// The shape of its output.
    pub output: Shape,
}

impl Node<'_> {
    /// The name of one of the layer's tensors. The suffix keeps a layer named `image` or `logits` apart from the graph's
    /// own input and output.
    pub fn named(&self, tensor: &str) -> String {
        format!("{}.{tensor}", self.layer.name)
    }

    /// Adds a constant tensor of floats; its name is returned.
    pub fn tensor(
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
    pub fn as_map(&self, graph: &mut Graph, value: Value) -> Value {
        if !value.vector {
            return value;
        }
        let dims = [-1, self.input.channels.into(), self.input.height.into(), self.input.width.into()];
        let dims = graph.integers(self.named("map_shape"), &dims);
        Value::map(graph.node(self.named("map"), "Reshape", [value.name, dims], []))
    }

    pub fn wrong_kind(&self) -> OnnxError {
        OnnxError::WrongKind { layer: self.index + 1, kind: self.layer.kind.name() }
    }
}

/// A map becomes a vector in CHW order.
pub fn as_vector(graph: &mut Graph, value: Value, output: String) -> Value {
    if value.vector {
        return value;
    }
    Value { name: graph.node(output, "Flatten", [value.name], [int("axis", 1)]), vector: true }
}
