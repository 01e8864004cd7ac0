//! Training with the core's rounding is training of what the core computes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use host_trainer::{
    architecture::{Architecture, Refinement},
    evaluation::Logits,
    export::ranges,
    inference,
    network::{Network, logits},
    quantization::{Form, Particulars, lower::lower, merge::merge_branches, quantize_network},
    refinement::{self, prepare, rounding},
    scales::Range,
    synthetic,
    training::{Configuration, LabelledFaces, Outcome, Progress, RunFolder, train},
};
use shared::model::{Measurement, Model};

const REFINEMENT: Refinement = Refinement { epochs: 2, learning_rate: 1e-3 };

/// Branches, a residual, pools, depthwise and dense layers, both clamps, batch normalization.
const NETWORK: &str = r#"
name = "refined"
preprocessing = { kind = "local_and_global", local_floor = 4.0, global_floor = 1.0 }
recipe = { optimizer = { kind = "sgd", learning_rate = 0.05 }, batch_size = 8, epochs = 1 }
layer = [
    { kind = "conv2d", name = "three", filters = 8, kernel = 3, stride = 2, inputs = ["input"] },
    { kind = "batch_norm", name = "three_normal" },
    { kind = "conv2d", name = "one", filters = 8, kernel = 1, stride = 2, inputs = ["input"] },
    { kind = "batch_norm", name = "one_normal" },
    { kind = "add", inputs = ["three_normal", "one_normal"] },
    { kind = "relu6" },
    { kind = "max_pool2d", name = "half", kernel = 2 },
    { kind = "depthwise_conv2d", kernel = [3, 5] },
    { kind = "batch_norm", name = "filtered" },
    { kind = "add", inputs = ["half", "filtered"] },
    { kind = "relu" },
    { kind = "max_pool2d", kernel = 2 },
    { kind = "conv2d", filters = 6, kernel = [1, 2], padding = "valid" },
    { kind = "flatten" },
    { kind = "dropout", rate = 0.1 },
    { kind = "dense", units = 7 },
]
"#;

struct Faces {
    images: Vec<i8>,
    labels: Vec<u8>,
}

impl Faces {
    fn new(architecture: &Architecture, seed: u64, count: u64) -> Self {
        let faces: Vec<_> = (0..count).map(|index| synthetic::face(seed, index)).collect();
        let pixels: Vec<u8> = faces.iter().flat_map(|face| face.pixels).collect();
        let labels = faces.iter().map(|face| face.emotion as u8).collect();
        Self { images: inference::normalize(architecture.preprocessing, &pixels), labels }
    }

    fn labelled(&self) -> LabelledFaces<'_> {
        LabelledFaces { images: &self.images, labels: &self.labels }
    }
}

fn architecture() -> Architecture {
    Architecture::parse("refined.toml", NETWORK).expect("sound")
}

/// The same with means of whole maps in place of a dense layer over maps.
fn averaging() -> Architecture {
    let means =
        "{ kind = \"conv2d\", filters = 6, kernel = 1 }, { kind = \"relu6\" }, { kind = \"global_average_pool\" },";
    Architecture::parse("averaging.toml", &NETWORK.replace("{ kind = \"flatten\" },", means)).expect("sound")
}

fn run(configuration: &Configuration, folder: &RunFolder, faces: &Faces, stop_after: Option<usize>) -> Outcome {
    let (stop, mut steps) = (AtomicBool::new(false), 0);
    train(configuration, faces.labelled().into(), faces.labelled().into(), folder, &stop, &mut |progress| {
        if let Progress::Step { .. } = progress {
            steps += 1;
            stop.store(Some(steps) == stop_after, Ordering::Relaxed);
        }
    })
    .expect("trains")
}

/// The network after an epoch, in a run's folder.
fn trained(
    architecture: &Architecture,
    folder: &std::path::Path,
    faces: &Faces,
) -> (RunFolder, Configuration, Network) {
    let mut configuration = Configuration::new(architecture, "refined.toml", 3, None, "synthetic faces".into());
    (configuration.epochs, configuration.batch_size) = (1, 8);
    let folder = RunFolder::create(folder, &configuration).expect("a new run");
    let network = run(&configuration, &folder, faces, None).last;
    (folder, configuration, network)
}

/// The core's logits, in real numbers, and the size of one step.
fn core_logits(network: &Network, images: &[i8]) -> (Vec<Logits>, f32) {
    // Ranges that nobody may look at: the layers have their own.
    let calibrated = vec![Range { min: 0.0, max: 1e9 }; network.architecture.layers.len()];
    let quantized = quantize_network(&network.to_float_network(), &calibrated, Form::Folded).expect("fits");
    let measurement = Measurement { data: "", images: 0, accuracy: 0.0 };
    let particulars = Particulars { temperature: 1.0, threshold: 0.4, measurement, training_hash: 0 };
    let file = quantized.encode(&particulars).expect("sound");
    let model = Model::parse(file.as_slice()).expect("sound");
    let rows = inference::run_normalized(&model, images, |_| {}).expect("runs");
    (inference::dequantize(&model, &rows), model.output().quantization.scale)
}

#[test]
fn a_rounding_network_is_the_lowered_one_and_says_what_the_core_says() {
    assert_that_the_core_agrees(&architecture(), 0.1);
    // The core rounds a mean twice, once of them to whole sums.
    assert_that_the_core_agrees(&averaging(), 0.3);
}

/// The logits of emotions that the network knows.
fn known(rows: &[Logits]) -> impl Iterator<Item = f32> {
    rows.iter().flat_map(|row| row[..7].to_vec())
}

/// At most the share `most_unequal` of the logits is a step off, or two.
fn assert_that_the_core_agrees(architecture: &Architecture, most_unequal: f64) {
    let faces = Faces::new(architecture, 1, 64);
    let folder = tempfile::tempdir().expect("a folder");
    let (_, _, network) = trained(architecture, folder.path(), &faces);
    let float = network.to_float_network();
    let rounded = rounding(&float, &ranges(&network, &faces.images), REFINEMENT).expect("the core has all layers");

    let expected = merge_branches(lower(&float).expect("the core has all layers"));
    let found = lower(&rounded).expect("the core has all layers");
    assert_eq!(found.operators, expected.operators);

    let rounded = rounded.to_network(&Default::default());
    let unseen = Faces::new(architecture, 2, 256);
    let ours = logits(&rounded, &unseen.images, |_| {});
    let (cores, step) = core_logits(&rounded, &unseen.images);
    assert_eq!((ours.len(), cores.len()), (256, 256));
    let differences: Vec<f32> = known(&ours).zip(known(&cores)).map(|(a, b)| (a - b).abs() / step).collect();
    let most = differences.iter().copied().fold(0.0, f32::max);
    let unequal = differences.iter().filter(|&&steps| steps > 0.01).count();
    assert!(most < 2.01, "a logit is {most} steps off");
    // Single precision rounds a few of an image's thousands of values to the other side of a half.
    let share = unequal as f64 / differences.len() as f64;
    assert!(share < most_unequal, "{share} of the logits are a step off");
    // And the float network is further away, or the rounding would be none.
    let float_logits = logits(&network, &unseen.images, |_| {});
    let float_unequal = known(&float_logits).zip(known(&cores)).filter(|(a, b)| ((a - b).abs() / step) > 0.01).count();
    assert!(float_unequal > 2 * unequal, "{float_unequal} against {unequal}");
}

#[test]
fn a_refined_run_begins_with_the_finished_network_and_resumes_to_the_same_weights() {
    let faces = Faces::new(&architecture(), 1, 64);
    let folder = tempfile::tempdir().expect("a folder");
    let (finished, configuration, network) = trained(&architecture(), &folder.path().join("run"), &faces);
    let prepare = || prepare(&finished, &configuration, REFINEMENT, &network, faces.labelled()).expect("prepared");

    let (refined, refined_configuration) = prepare();
    assert_eq!(refined.path(), finished.path().join("refined"));
    assert_eq!(refined_configuration.epochs, REFINEMENT.epochs);
    // 8 steps an epoch: cut in the second.
    let cut = run(&refined_configuration, &refined, &faces, Some(11));
    assert_eq!((cut.finished, cut.metrics.len()), (false, 1));
    let start = refined.file("start.burnpack");
    // The program that was stopped has the folder no more.
    drop(refined);
    let (again, again_configuration) = prepare();
    assert_eq!(again_configuration, refined_configuration);
    let mut shifting = network.clone();
    Arc::make_mut(&mut shifting.architecture).recipe.logit_adjustment = vec![1.0; 7];
    let images = faces.labelled();
    let error =
        refinement::prepare(&finished, &configuration, REFINEMENT, &shifting, images).expect_err("another shift");
    assert!(error.to_string().contains("`logit_adjustment`"), "{error}");
    let resumed = run(&again_configuration, &again, &faces, None);

    let other = tempfile::tempdir().expect("a folder");
    let whole = RunFolder::create(&other.path().join("whole"), &refined_configuration).expect("new");
    std::fs::copy(start, whole.file("start.burnpack")).expect("copied");
    let whole = run(&refined_configuration, &whole, &faces, None);
    assert_eq!(resumed.last.to_float_network(), whole.last.to_float_network());

    let start = rounding(&network.to_float_network(), &ranges(&network, &faces.images), REFINEMENT).expect("fits");
    assert_ne!(resumed.last.to_float_network().weights, start.weights, "something is learned");
    let Some(first) = whole.metrics.first() else { panic!("an epoch") };
    let untouched = accuracy(&start.to_network(&Default::default()), &faces);
    assert!((first.validation_accuracy - untouched).abs() < 0.2, "it goes on from {untouched}: {first:?}");
}

#[test]
fn logits_that_are_shifted_at_the_end_have_room_for_it() {
    let shifting = NETWORK.replace("epochs = 1 }", "epochs = 1, logit_adjustment = [0, 3, 0, -2, 0, 0, 0] }");
    let faces = Faces::new(&architecture(), 1, 16);
    let rounded = |text: &str| {
        let architecture = Architecture::parse("refined.toml", text).expect("sound");
        let network = Network::new(architecture.into(), 3, &Default::default());
        let rounded = rounding(&network.to_float_network(), &ranges(&network, &faces.images), REFINEMENT);
        rounded.expect("the core has all layers").to_network(&Default::default())
    };
    let [plain, shifted] = [NETWORK, shifting.as_str()].map(rounded);
    let range = |network: &Network| network.architecture.layers.last().and_then(|layer| layer.range);
    let Some(Range { min, max }) = range(&plain) else { panic!("logits have a range") };
    assert_eq!(range(&shifted), Some(Range { min: min - 2.0, max: max + 3.0 }));
    let (cores, step) = core_logits(&shifted.adjusted(), &faces.images);
    let floats = logits(&shifted.adjusted(), &faces.images, |_| {});
    assert_eq!((cores.len(), floats.len()), (16, 16));
    for (core, float) in known(&cores).zip(known(&floats)) {
        assert!((core - float).abs() < 2.01 * step, "{core} {float} {step}");
    }
}

fn accuracy(network: &Network, faces: &Faces) -> f64 {
    let rows = logits(network, &faces.images, |_| {});
    let largest = |row: &Logits| (0..7).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
    let right = rows.iter().zip(&faces.labels).filter(|(row, label)| largest(row) == usize::from(**label)).count();
    right as f64 / faces.labels.len() as f64
}
