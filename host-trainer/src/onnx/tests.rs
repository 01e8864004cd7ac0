use std::sync::Arc;

use super::*;
use crate::{
    architecture::{Architecture, LayerKind},
    data::LabelSet,
    network::LayerWeights,
};
use shared::operator::Operator;

/// Weights of the sizes that the architecture needs, all 0.5.
fn network(architecture: Architecture) -> FloatNetwork {
    let weights = (0..architecture.layers.len())
        .map(|index| {
            let input = architecture.shape_before(index);
            let channels = || vec![0.5; input.channels.into()];
            match architecture.layers[index].kind {
                LayerKind::Operator(operator) => {
                    let weight = vec![0.5; operator.weight_count(input) as usize];
                    let bias = vec![0.5; operator.weighted_channels(input).into()];
                    match operator {
                        Operator::Conv2d(_) | Operator::DepthwiseConv2d(_) => {
                            LayerWeights::Convolution { weight, bias }
                        }
                        Operator::FullyConnected(_) => LayerWeights::Dense { weight, bias },
                        _ => LayerWeights::None,
                    }
                }
                LayerKind::BatchNorm => LayerWeights::BatchNorm {
                    gamma: channels(),
                    beta: channels(),
                    mean: channels(),
                    variance: channels(),
                    epsilon: 1e-3,
                },
                _ => LayerWeights::None,
            }
        })
        .collect();
    FloatNetwork { architecture: Arc::new(architecture), weights }
}

fn levorse() -> FloatNetwork {
    network(Architecture::find("levorse").expect("built in"))
}

fn decoded(network: &FloatNetwork) -> ModelProto {
    let bytes = export(network).expect("its weights fit");
    ModelProto::decode(bytes.as_slice()).expect("what was written can be read")
}

#[test]
fn the_papers_network_has_a_node_a_layer_but_none_for_dropout() {
    let graph = decoded(&levorse()).graph.expect("a graph");
    let types: Vec<&str> = graph.node.iter().map(|node| node.op_type.as_str()).collect();
    let block = ["Conv", "Conv", "Relu", "MaxPool"];
    assert_eq!(types, [&block[..], &block, &["Flatten", "Gemm", "Relu", "Gemm"]].concat());
    assert_eq!(graph.node.first().map(|node| node.input[0].as_str()), Some(INPUT));
    assert_eq!(graph.node.last().map(|node| node.output[0].as_str()), Some(OUTPUT));
    let values: usize = graph.initializer.iter().map(|tensor| tensor.raw_data.len() / 4).sum();
    assert_eq!(values, 180_965);
}

#[test]
fn padding_that_is_uneven_lies_below_and_right() {
    let text = "name = \"n\"\npreprocessing = { kind = \"local\", sigma_floor = 1.0 }\n\
                recipe = { optimizer = { kind = \"sgd\" }, batch_size = 1, epochs = 1 }\n\
                [[layer]]\nkind = \"conv2d\"\nfilters = 1\nkernel = [3, 4]\nstride = 2\n\
                [[layer]]\nkind = \"dense\"\nunits = 7\n";
    let graph = decoded(&network(Architecture::parse("n.toml", text).expect("sound"))).graph.expect("a graph");
    let pads = graph.node[0].attribute.iter().find(|attribute| attribute.name == "pads").expect("explicit");
    assert_eq!(pads.ints, [0, 1, 1, 1], "top, left, bottom, right");
}

#[test]
fn the_metadata_name_the_labels_in_their_order() {
    let metadata = decoded(&levorse()).metadata_props;
    assert_eq!(metadata[0].key, "labels");
    assert_eq!(metadata[0].value, "angry,disgust,fear,happy,sad,surprise,neutral");
    let eight = Architecture::find("levorse").and_then(|found| found.with_labels(LabelSet::FerPlus)).expect("dense");
    let metadata = decoded(&network(eight)).metadata_props;
    assert_eq!(metadata[0].value, "angry,disgust,fear,happy,sad,surprise,neutral,contempt");
}

#[test]
fn weights_of_another_size_are_an_error_that_names_the_layer() {
    let mut network = levorse();
    if let LayerWeights::Convolution { bias, .. } = &mut network.weights[1] {
        bias.pop();
    }
    let error = export(&network).expect_err("a bias is missing").to_string();
    assert_eq!(error, "layer 2 (conv2d): its `bias` has 13 values and needs 14");
    network.weights[1] = LayerWeights::None;
    assert_eq!(export(&network), Err(OnnxError::WrongKind { layer: 2, kind: "conv2d" }));
    network.weights.pop();
    assert!(matches!(export(&network), Err(OnnxError::LayerCount { .. })));
}
