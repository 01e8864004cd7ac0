//! The float network as an ONNX file, for other frameworks and for the oracle that checks burn's logits.
//!
//! ```text
//! mod.rs              the file and its metadata
//! ../graph/           nodes and initializers under construction, and ONNX's messages
//! ../operators/       each layer's nodes
//! ```
//!
//! The file is written from the network's description and its weights, not traced from burn's operations: burn's convolution
//! here is an operation of our own that no tracer knows, and a description gives readable names, a free batch dimension and
//! explicit padding.

use prost::Message;
use shared::{label::Emotion, preprocessing::Preprocessing};

pub use crate::graph::{INPUT, OUTPUT, OnnxError};
use crate::{
    graph::{Graph, ModelProto, OperatorSetIdProto, StringStringEntryProto, Value},
    network::FloatNetwork,
    operators::{Node, as_vector},
};

/// Version 13 of ONNX's operators; every runtime of the last years reads it.
const OPSET: i64 = 13;
/// The version of the file format that belongs to [`OPSET`].
const IR_VERSION: i64 = 7;

/// The bytes of an ONNX file that computes the same logits as the network: input [`INPUT`], output [`OUTPUT`].
///
/// The labels, the preprocessing and the input's scale are among its metadata, as text.
///
/// # Errors
/// [`OnnxError`] if the weights do not belong to the architecture.
pub fn export(network: &FloatNetwork) -> Result<Vec<u8>, OnnxError> {
    let architecture = &network.architecture;
    let graph: Graph = build(network)?;
    let input = architecture.input_shape();
    let dimensions = [input.channels, input.height, input.width].map(i64::from);
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: "Facial expression network; the input are preprocessed faces, see the metadata.".into(),
        graph: Some(graph.into_proto(&architecture.name, &dimensions, architecture.labels().count() as i64)),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: metadata(&architecture.preprocessing, architecture.labels().emotions()),
    };
    Ok(model.encode_to_vec())
}

/// The graph of the network, its output named.
fn build(network: &FloatNetwork) -> Result<Graph, OnnxError> {
    let architecture = &network.architecture;
    let (layers, weights) = (architecture.layers.len(), network.weights.len());
    if layers != weights {
        return Err(OnnxError::LayerCount { layers, weights });
    }
    let image = Value::map(INPUT.into());
    let mut graph = Graph::default();
    let mut values: Vec<Value> = Vec::with_capacity(layers);
    for (index, (layer, weights)) in architecture.layers.iter().zip(&network.weights).enumerate() {
        let value = |source: &Option<usize>| source.map_or_else(|| image.clone(), |index| values[index].clone());
        let mut inputs = layer.inputs.iter().map(value);
        let (input, second) = (inputs.next().unwrap_or_else(|| image.clone()), inputs.next());
        let node =
            Node { layer, index, input: architecture.shape_before(index), output: architecture.output_shape(index) };
        values.push(layer.kind.onnx(&node, &mut graph, input, second, weights)?);
    }
    if let Some(last) = values.pop() {
        let logits = as_vector(&mut graph, last, OUTPUT.into());
        graph.finish(&logits);
    }
    Ok(graph)
}

fn metadata(preprocessing: &Preprocessing, emotions: &[Emotion]) -> Vec<StringStringEntryProto> {
    let labels: Vec<&str> = emotions.iter().map(|emotion| emotion.name()).collect();
    let steps = Preprocessing::STEPS;
    let local = |floor: u16| {
        format!(
            "local intensity normalization, Gaussian 7x7 [2, 7, 14, 18, 14, 7, 2] / 64, sigma floor {} grey levels, times \
             {steps}, rounded, divided by {steps}",
            f64::from(floor) / 256.0
        )
    };
    let global = |floor: u16| {
        format!(
            "standardization by mean and deviation of the image, sigma floor {} grey levels, times {steps}, rounded, held \
             to +-127, divided by {steps}",
            f64::from(floor) / 256.0
        )
    };
    let description = match *preprocessing {
        Preprocessing::Local { sigma_floor } => local(sigma_floor),
        Preprocessing::Global { sigma_floor } => global(sigma_floor),
        Preprocessing::LocalAndGlobal { local_floor, global_floor } => {
            format!("channel 0: {}; channel 1: {}", local(local_floor), global(global_floor))
        }
        Preprocessing::Grey { divisor } => format!("grey levels divided by {divisor}"),
    };
    let entries = [
        ("labels", labels.join(",")),
        ("preprocessing", description),
        ("input_scale", preprocessing.scale().to_string()),
    ];
    entries.map(|(key, value)| StringStringEntryProto { key: key.into(), value }).into()
}

#[cfg(test)]
mod tests;
