//! Networks with squeeze and excitation, sigmoids, groups, dilations and depth multipliers, from the architecture file to the
//! core: the integers are the reference's, and close to what burn computes.

use host_trainer::{
    architecture::{Architecture, Refinement},
    export::ranges,
    inference,
    network::{Network, append_real, logits},
    quantization::{Form, Particulars, lower::lower, quantize_network},
    refinement::rounding,
    synthetic,
};
use shared::model::{AlignedBytes, Measurement, Model, Operation};
use tests::{float_reference::run_real, lasting::engine, reference};

const HEAD: &str = "name = \"blocks\"\npreprocessing = { kind = \"local\", sigma_floor = 4.0 }\n\
                    recipe = { optimizer = { kind = \"sgd\" }, batch_size = 8, epochs = 1 }\n";

/// Everything that came with format 3, each where a lowering could go wrong.
const BLOCKS: &str = r#"
layer = [
    { kind = "conv2d", filters = 8, kernel = 3, stride = 2 },
    { kind = "batch_norm" },
    { kind = "relu" },
    { kind = "squeeze_excite", ratio = 4, name = "first" },
    { kind = "depthwise_conv2d", kernel = 3, stride = 2, depth_multiplier = 2 },
    { kind = "batch_norm" },
    { kind = "relu6", name = "wide" },
    { kind = "conv2d", filters = 16, kernel = 3, groups = 4, dilation = 2 },
    { kind = "batch_norm" },
    { kind = "sigmoid", name = "gate" },
    { kind = "mul", inputs = ["wide", "gate"] },
    { kind = "squeeze_excite", ratio = 2 },
    { kind = "relu" },
    { kind = "depthwise_conv2d", kernel = [2, 3], dilation = [2, 1] },
    { kind = "global_average_pool" },
    { kind = "dense", units = 7 },
]
"#;

/// The paper's sigmoids in place of its ReLUs.
const SIGMOIDS: &str = r#"
layer = [
    { kind = "conv2d", filters = 6, kernel = 5, stride = 2 },
    { kind = "sigmoid" },
    { kind = "max_pool2d", kernel = 2 },
    { kind = "flatten" },
    { kind = "dense", units = 12 },
    { kind = "sigmoid" },
    { kind = "dense", units = 7 },
]
"#;

fn architecture(layers: &str) -> Architecture {
    Architecture::parse("blocks.toml", &format!("{HEAD}{layers}")).expect("sound")
}

fn faces(architecture: &Architecture, count: u64) -> Vec<i8> {
    let pixels: Vec<u8> = (0..count).flat_map(|index| synthetic::face(5, index).pixels).collect();
    inference::normalize(architecture.preprocessing, &pixels)
}

/// The network with random weights, as a model file, and faces.
fn quantized(layers: &str) -> (Network, AlignedBytes, Vec<i8>) {
    let architecture = architecture(layers);
    let network = Network::new(architecture.into(), 11, &Default::default());
    let faces = faces(&network.architecture, 64);
    let ranges = ranges(&network, &faces);
    let quantized =
        quantize_network(&network.to_float_network(), &ranges, Form::Folded).expect("the core has all layers");
    (network, quantized.encode(&particulars()).expect("sound"), faces)
}

fn particulars() -> Particulars<'static> {
    let measurement = Measurement { data: "nothing", images: 0, accuracy: 0.0 };
    Particulars { temperature: 1.0, threshold: 0.0, measurement, training_hash: 0 }
}

/// The mean error of the integers' logits, as a share of the spread of the logits.
fn distance(network: &Network, file: &AlignedBytes, faces: &[i8]) -> f32 {
    let model = Model::parse(file.as_slice()).expect("sound");
    let float = logits(network, faces, |_| {});
    let int8 = inference::dequantize(&model, &inference::run_normalized(&model, faces, |_| {}).expect("runs"));
    let pairs: Vec<(f32, f32)> = float
        .iter()
        .zip(&int8)
        .flat_map(|(a, b)| (0..7).map(|class| (a[class], b[class])).collect::<Vec<_>>())
        .collect();
    let mean = pairs.iter().map(|pair| pair.0).sum::<f32>() / pairs.len() as f32;
    let spread = (pairs.iter().map(|pair| (pair.0 - mean).powi(2)).sum::<f32>() / pairs.len() as f32).sqrt();
    assert!(spread > 1e-3, "the logits are all the same, so they show nothing");
    pairs.iter().map(|(a, b)| (a - b).abs()).sum::<f32>() / pairs.len() as f32 / spread
}

#[test]
fn the_core_computes_what_the_reference_does_and_nearly_what_burn_does() {
    for layers in [BLOCKS, SIGMOIDS] {
        let (network, file, faces) = quantized(layers);
        let model = Model::parse(file.as_slice()).expect("sound");
        let mut engine = engine(&model);
        for face in faces.chunks_exact(model.preprocessing().values()).take(4) {
            assert_eq!(engine.run_normalized(face), Ok(reference::run(&model, face).as_slice()));
        }
        let distance = distance(&network, &file, &faces);
        assert!(distance < 0.1, "the logits are off by {distance} of their spread");
    }
}

#[test]
fn a_squeeze_excite_block_is_a_mean_two_dense_layers_a_logistic_function_and_a_product_in_place() {
    let (_, file, _) = quantized(BLOCKS);
    let model = Model::parse(file.as_slice()).expect("sound");
    let steps: Vec<_> = model.steps().collect();
    let names: Vec<_> = steps.iter().map(|step| step.operator().name()).collect();
    assert_eq!(names[..6], ["Conv2D", "GlobalAveragePool", "FullyConnected", "FullyConnected", "Logistic", "Mul"]);
    let Operation::Mul(mul) = steps[5].operation else { panic!("a product") };
    assert_eq!((mul.left, mul.right), (steps[0].output, steps[4].output));
    assert_eq!(steps[5].output.offset, mul.left.offset, "nothing reads the first factor any more");
    assert_eq!(steps[2].output.shape.channels, 2, "8 channels, ratio 4");
}

#[test]
fn lowered_blocks_are_the_network_in_real_numbers() {
    for layers in [BLOCKS, SIGMOIDS] {
        let architecture = architecture(layers);
        let network = Network::new(architecture.into(), 3, &Default::default());
        let faces = faces(&network.architecture, 2);
        let lowered = lower(&network.to_float_network()).expect("the core has all layers");
        let preprocessing = network.architecture.preprocessing;
        let expected = logits(&network, &faces, |_| {});
        for (face, expected) in faces.chunks_exact(preprocessing.values()).zip(expected) {
            let mut reals = Vec::new();
            append_real(&mut reals, face, preprocessing);
            let reals: Vec<f64> = reals.into_iter().map(f64::from).collect();
            let found = run_real(&lowered, &reals);
            assert_eq!(found.len(), 7);
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - f64::from(expected)).abs() < 1e-4, "{found} instead of {expected}");
            }
        }
    }
}

/// With the core's rounding in real numbers, hardly a logit differs from the core's by more than a step.
#[test]
fn a_network_that_learns_with_the_cores_rounding_may_have_blocks() {
    for layers in [BLOCKS, SIGMOIDS] {
        let network = Network::new(architecture(layers).into(), 11, &Default::default());
        let faces = faces(&network.architecture, 64);
        let refinement = Refinement { epochs: 1, learning_rate: 1e-3 };
        let rounding = rounding(&network.to_float_network(), &ranges(&network, &faces), refinement).expect("lowers");
        let rounded = rounding.to_network(&Default::default());
        let ranges = ranges(&rounded, &faces);
        let model = quantize_network(&rounding, &ranges, Form::Folded).expect("the core has all layers");
        let file = model.encode(&particulars()).expect("sound");
        let distance = distance(&rounded, &file, &faces);
        assert!(distance < 0.05, "the logits are off by {distance} of their spread");
    }
}
