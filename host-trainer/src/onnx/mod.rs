//! The float network as an ONNX file, for other frameworks and for the oracle that checks burn's logits.
//!
//! ```text
//! layers.rs   the layers of an architecture as ONNX nodes
//! graph.rs    nodes and initializers under construction
//! proto.rs    the few messages of ONNX's protocol buffers that this takes
//! ```
//!
//! The file is written from the network's description and its weights, not traced from burn's operations: burn's convolution
//! here is an operation of our own that no tracer knows, and a description gives readable names, a free batch dimension and
//! explicit padding.

mod error;
mod graph;
mod layers;
mod proto;

use prost::Message;
use shared::{label::Emotion, preprocessing::Preprocessing};

pub use self::error::OnnxError;
use self::{
    graph::Graph,
    proto::{ModelProto, OperatorSetIdProto, StringStringEntryProto},
};
use crate::network::FloatNetwork;

/// Name of the graph's input: `[batch, channels, 48, 48]`, f32, the preprocessed integers times the input's scale.
pub const INPUT: &str = "image";
/// Name of the graph's output: `[batch, emotions]`, f32, in the order of the labels, before any softmax or temperature.
pub const OUTPUT: &str = "logits";

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
    let graph: Graph = layers::build(network)?;
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
