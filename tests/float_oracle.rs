//! The float network against an oracle: exported to ONNX and run by tract, it gives burn's logits.
//!
//! The networks are trained for one short epoch on synthetic faces, so that no bias and no statistic of a batch
//! normalization has the value that it began with.

use std::sync::atomic::AtomicBool;

use host_trainer::{
    architecture::Architecture,
    data::LabelSet,
    inference::normalize,
    network::{Network, append_real, logits},
    onnx,
    quantization::{
        fold::{fold_convolutions, fuse_pools},
        lower::lower,
    },
    synthetic,
    training::{Configuration, LabelledFaces, RunFolder, train},
};
use shared::preprocessing::{FACE_PIXELS, FACE_SIZE};
use tests::float_reference::run_real;
use tract_onnx::prelude::{Framework, InferenceModelExt, IntoRunnable, Tensor, tvec};

/// The greatest difference between two logits that rounding explains.
const TOLERANCE: f32 = 1e-4;

/// The greatest difference between a logit of the folded network and of the network as it was trained.
const FOLDING_TOLERANCE: f64 = 1e-5;

/// Every kind of layer that an architecture file can have.
const EVERY_LAYER: &str = include_str!("every_layer.toml");

/// Normalized synthetic faces with their labels.
fn faces(architecture: &Architecture, seed: u64, count: usize) -> (Vec<i8>, Vec<u8>) {
    let faces: Vec<_> = (0..).map(|index| synthetic::face(seed, index)).take(count).collect();
    let pixels: Vec<u8> = faces.iter().flat_map(|face| face.pixels).collect();
    let labels = faces.iter().map(|face| face.emotion as u8).collect();
    (normalize(architecture.preprocessing, &pixels), labels)
}

/// The network after an epoch of eight steps.
fn trained(architecture: &Architecture) -> Network {
    let mut configuration = Configuration::new(architecture, "test.toml", 3, None, "synthetic faces".into());
    (configuration.epochs, configuration.batch_size) = (1, 8);
    let (images, labels) = faces(architecture, 1, 64);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let folder = tempfile::tempdir().expect("a folder");
    let run = RunFolder::create(folder.path(), &configuration).expect("a new run");
    train(&configuration, faces.into(), faces.into(), &run, &AtomicBool::new(false), &mut |_| {}).expect("trains").last
}

/// tract's logits of `[n, channels, 48, 48]`.
fn tract_logits(file: &[u8], images: &[f32], count: usize) -> Vec<f32> {
    let channels = images.len() / (count * FACE_PIXELS);
    let model = tract_onnx::onnx().model_for_read(&mut &*file).expect("tract reads the file");
    let plan = model.into_optimized().and_then(|model| model.into_runnable()).expect("tract runs the network");
    let images =
        Tensor::from_shape(&[count, channels, FACE_SIZE, FACE_SIZE], images).expect("as many as the shape says");
    let outputs = plan.run(tvec!(images.into())).expect("tract runs the faces");
    assert_eq!(outputs[0].shape()[0], count);
    outputs[0].to_plain_array_view::<f32>().expect("logits are f32").iter().copied().collect()
}

/// The network, the faces in real numbers, and tract's logits.
fn assert_that_tract_agrees(architecture: &Architecture, count: usize) -> (Network, Vec<f32>, Vec<f32>) {
    let network = trained(architecture);
    let file = onnx::export(&network.to_float_network()).expect("exports");
    let (images, _) = faces(architecture, 2, count);
    let mut reals = Vec::new();
    for face in images.chunks_exact(architecture.preprocessing.values()) {
        append_real(&mut reals, face, architecture.preprocessing);
    }
    let classes = architecture.labels().count();
    let burn: Vec<f32> = logits(&network, &images, |_| {}).iter().flat_map(|row| row[..classes].to_vec()).collect();
    let tract = tract_logits(&file, &reals, count);
    let spread = burn.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    assert!(spread.1 - spread.0 > 0.1, "logits between {spread:?} say nothing");
    assert_eq!(tract.len(), count * classes, "a logit for each emotion of each face");
    for (index, (burn, tract)) in burn.iter().zip(&tract).enumerate() {
        let (face, class) = (index / classes, index % classes);
        let difference = (burn - tract).abs();
        assert!(difference <= TOLERANCE, "face {face}, logit {class}: burn says {burn}, tract {tract}");
    }
    (network, reals, tract)
}

/// What the core runs, in real numbers: the layers as they were trained, and folded.
fn assert_that_folding_agrees(network: &Network, reals: &[f32], tract: &[f32]) {
    let lowered = lower(&network.to_float_network()).expect("the core has these layers");
    let folded = fuse_pools(fold_convolutions(lowered.clone()));
    assert!(folded.operators.len() < lowered.operators.len(), "nothing was folded or fused");
    let classes = network.architecture.labels().count();
    let mut compared = 0;
    for (face, (image, tract)) in reals.chunks(FACE_PIXELS).zip(tract.chunks(classes)).enumerate().take(2) {
        let image: Vec<f64> = image.iter().map(|&value| value.into()).collect();
        let (plain, folded) = (run_real(&lowered, &image), run_real(&folded, &image));
        for (class, ((plain, folded), &tract)) in plain.iter().zip(&folded).zip(tract).enumerate() {
            let place = format!("face {face}, logit {class}: tract says {tract}, unfolded {plain}, folded {folded}");
            assert!((plain - folded).abs() <= FOLDING_TOLERANCE, "{place}");
            assert!((folded - f64::from(tract)).abs() <= f64::from(TOLERANCE), "{place}");
            compared += 1;
        }
    }
    assert_eq!(compared, 2 * classes, "logits that were compared");
}

#[test]
fn tract_gives_burns_logits_of_the_papers_network() {
    let (network, reals, tract) = assert_that_tract_agrees(&Architecture::find("levorse").expect("built in"), 16);
    assert_that_folding_agrees(&network, &reals, &tract);
}

#[test]
fn tract_gives_burns_logits_of_the_papers_network_for_eight_emotions() {
    let levorse = Architecture::find("levorse").expect("built in");
    assert_that_tract_agrees(&levorse.with_labels(LabelSet::FerPlus).expect("its last layer is dense"), 4);
}

#[test]
fn tract_gives_burns_logits_of_a_network_with_every_kind_of_layer() {
    assert_that_tract_agrees(&Architecture::parse("every_layer.toml", EVERY_LAYER).expect("sound"), 16);
}
