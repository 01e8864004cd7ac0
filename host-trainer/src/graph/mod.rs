//! An ONNX graph under construction.
//!
//! ```text
//! mod.rs     nodes and initializers
//! proto.rs   the few messages of ONNX's protocol buffers that this takes
//! error.rs   errors of exporting a network
//! ```

mod error;
mod proto;

use self::proto::{
    ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS, Dimension, DimensionValue, FLOAT, INT64, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
pub use self::{
    error::OnnxError,
    proto::{AttributeProto, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto},
};

/// Name of the graph's input: `[batch, channels, 48, 48]`, f32, the preprocessed integers times the input's scale.
pub const INPUT: &str = "image";
/// Name of the graph's output: `[batch, emotions]`, f32, in the order of the labels, before any softmax or temperature.
pub const OUTPUT: &str = "logits";

/// Nodes in the order of execution, and the tensors they read that are constant.
#[derive(Default)]
pub struct Graph {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

/// A tensor of the graph.
#[derive(Clone)]
pub struct Value {
    /// Its name, unique in the graph.
    pub name: String,
    /// Whether it is `[batch, n]`; else it is `[batch, channels, height, width]`.
    pub vector: bool,
}

impl Value {
    /// A feature map.
    pub fn map(name: String) -> Self {
        Self { name, vector: false }
    }
}

impl Graph {
    /// Adds a node with one output, and names the node after it; the name is returned.
    pub fn node(
        &mut self,
        output: String,
        op_type: &str,
        inputs: impl IntoIterator<Item = String>,
        attributes: impl IntoIterator<Item = AttributeProto>,
    ) -> String {
        self.nodes.push(NodeProto {
            input: inputs.into_iter().collect(),
            output: vec![output.clone()],
            name: output.clone(),
            op_type: op_type.into(),
            attribute: attributes.into_iter().collect(),
        });
        output
    }

    /// Adds a constant tensor of floats; its name is returned.
    pub fn floats(&mut self, name: String, dims: &[i64], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, FLOAT, dims, raw_data)
    }

    /// Adds a constant vector of integers; its name is returned.
    pub fn integers(&mut self, name: String, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, INT64, &[values.len() as i64], raw_data)
    }

    fn initializer(&mut self, name: String, data_type: i32, dims: &[i64], raw_data: Vec<u8>) -> String {
        self.initializers.push(TensorProto { dims: dims.into(), data_type, name: name.clone(), raw_data });
        name
    }

    /// Makes `value` the graph's output.
    pub fn finish(&mut self, value: &Value) {
        let names = self.nodes.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output));
        names.filter(|name| **name == value.name).for_each(|name| *name = OUTPUT.into());
    }

    /// The message: the input is `[batch, dimensions…]`, the output `[batch, outputs]`.
    pub fn into_proto(self, name: &str, dimensions: &[i64], outputs: i64) -> GraphProto {
        GraphProto {
            node: self.nodes,
            name: name.into(),
            initializer: self.initializers,
            input: vec![value_info(INPUT, dimensions)],
            output: vec![value_info(OUTPUT, &[outputs])],
        }
    }
}

fn value_info(name: &str, dimensions: &[i64]) -> ValueInfoProto {
    let batch = DimensionValue::DimParam("batch".into());
    let dim = std::iter::once(batch).chain(dimensions.iter().map(|&length| DimensionValue::DimValue(length)));
    let shape = TensorShapeProto { dim: dim.map(|value| Dimension { value: Some(value) }).collect() };
    let tensor_type = TensorTypeProto { elem_type: FLOAT, shape: Some(shape) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: ATTRIBUTE_INT, i, ..AttributeProto::default() }
}

pub fn ints(name: &str, ints: impl IntoIterator<Item = i64>) -> AttributeProto {
    let ints = ints.into_iter().collect();
    AttributeProto { name: name.into(), r#type: ATTRIBUTE_INTS, ints, ..AttributeProto::default() }
}

pub fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: ATTRIBUTE_FLOAT, f, ..AttributeProto::default() }
}
