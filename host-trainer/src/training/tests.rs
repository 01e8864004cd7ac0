use std::{fs, sync::atomic::Ordering};

use shared::preprocessing::FACE_PIXELS;

use super::*;
use crate::architecture::Architecture;

const SMALL: &str = "name = \"small\"\n[preprocessing]\nkind = \"local\"\nsigma_floor = 4.0\n[recipe]\nbatch_size = 8\n\
    epochs = 4\noptimizer = { kind = \"rmsprop\" }\n\
    [[layer]]\nkind = \"conv2d\"\nfilters = 2\nkernel = 3\nstride = 4\n[[layer]]\nkind = \"relu\"\n\
    [[layer]]\nkind = \"flatten\"\n[[layer]]\nkind = \"dropout\"\nrate = 0.5\n[[layer]]\nkind = \"dense\"\nunits = 7\n";

/// Faces whose top rows are bright by their label.
fn faces(count: usize) -> (Vec<i8>, Vec<u8>) {
    let labels: Vec<u8> = (0..count).map(|i| (i % 7) as u8).collect();
    let images = labels
        .iter()
        .enumerate()
        .flat_map(|(i, &label)| {
            (0..FACE_PIXELS).map(move |p| {
                let noise = ((i * 31 + p * 17) % 23) as i8 - 11;
                if p / 48 / 7 == usize::from(label) { 60 + noise } else { noise }
            })
        })
        .collect();
    (images, labels)
}

fn configuration() -> Configuration {
    let architecture = Architecture::parse("small.toml", SMALL).expect("sound");
    Configuration::new(&architecture, "small.toml", 5, None, "stripes".into())
}

fn run(configuration: &Configuration, folder: &RunFolder, stop_after: Option<usize>) -> Outcome {
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let stop = AtomicBool::new(false);
    let mut steps = 0;
    train(configuration, faces.into(), faces, folder, &stop, &mut |progress| {
        if let Progress::Step { .. } = progress {
            steps += 1;
            stop.store(Some(steps) == stop_after, Ordering::Relaxed);
        }
    })
    .expect("trains")
}

#[test]
fn an_interrupted_run_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let whole = RunFolder::create(&folder.path().join("whole"), &configuration).expect("new");
    let expected = run(&configuration, &whole, None);
    assert!(expected.finished);

    let path = folder.path().join("cut");
    // 7 steps an epoch: the third epoch is cut after its second step.
    let cut = RunFolder::create(&path, &configuration).expect("new");
    let first = run(&configuration, &cut, Some(16));
    assert!(!first.finished);
    assert_eq!(first.metrics.len(), 2);
    let (reopened, read) = RunFolder::open(&path).expect("a run");
    assert_eq!(read, configuration);
    let second = run(&read, &reopened, None);
    assert!(second.finished);
    assert_eq!(second.last.to_float_network(), expected.last.to_float_network());
    assert_eq!(second.best.to_float_network(), expected.best.to_float_network());
    assert_eq!(second.best_epoch, expected.best_epoch);

    let rows = fs::read_to_string(reopened.file("metrics.csv")).expect("there");
    let epochs: Vec<&str> = rows.lines().skip(1).filter_map(|row| row.split(',').next()).collect();
    assert_eq!(epochs, ["1", "2", "3", "4"]);
}

#[test]
fn training_learns_what_can_be_learned() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = Configuration { epochs: 12, ..configuration() };
    let folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let outcome = run(&configuration, &folder, None);
    let accuracy = outcome.metrics[outcome.best_epoch - 1].validation_accuracy;
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn a_torn_checkpoint_falls_back_to_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let expected = run(&configuration, &run_folder, None);
    let last = run_folder.file("checkpoints/last.ckpt");
    let bytes = fs::read(&last).expect("there");
    fs::write(&last, &bytes[..bytes.len() / 2]).expect("torn");
    assert_eq!(run_folder.last_checkpoint().expect("readable").expect("the one before").metrics.len(), 3);
    let again = run(&configuration, &run_folder, None);
    assert_eq!(again.last.to_float_network(), expected.last.to_float_network());
}

#[test]
fn a_loss_that_is_no_number_names_epoch_and_step_and_keeps_the_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", "{ kind = \"sgd\", learning_rate = 1e38 }");
    let configuration = Configuration { architecture: text, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let error = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {})
        .expect_err("a step of 1e38 overflows");
    assert!(matches!(error, TrainingError::NonFinite { epoch: 1, last_good: 0, .. }), "{error}");
}

#[test]
fn a_new_run_does_not_overwrite_another() {
    let folder = tempfile::tempdir().expect("a folder");
    RunFolder::create(folder.path(), &configuration()).expect("new");
    let error = RunFolder::create(folder.path(), &configuration()).expect_err("taken");
    assert!(error.to_string().contains("--resume"), "{error}");
}

#[test]
fn no_faces_and_faces_that_do_not_fit_are_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let none = LabelledFaces { images: &[], labels: &[] };
    let torn = LabelledFaces { images: &[0; 100], labels: &[1] };
    for (faces, words) in [(none, "no training faces"), (torn, "2,304")] {
        let error = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
        let error = error.expect_err("unusable").to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn rmsprop_takes_kerass_first_step() {
    use burn::tensor::{Tensor, TensorData};
    // v = 0.1 g^2, so the first step is learning_rate / sqrt(0.1) against the sign of the gradient, whatever its size.
    use burn::module::{Module, Param};
    #[derive(Module, Debug)]
    struct One {
        w: Param<Tensor<1>>,
    }
    let device = Device::flex().autodiff();
    let module = One { w: Param::from_data(TensorData::new(vec![1.0f32, -2.0], [2]), &device) };
    let mut optimizer = optimizer::optimizer(Architecture::find("levorse").expect("built in").recipe.optimizer);
    let loss = (module.w.val() * module.w.val()).sum();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &module);
    let module = optimizer.step(1e-3, module, gradients);
    let values: Vec<f32> = module.w.val().into_data().iter::<f32>().collect();
    let step = 1e-3 / 0.1f32.sqrt();
    assert!((values[0] - (1.0 - step)).abs() < 1e-6 && (values[1] - (step - 2.0)).abs() < 1e-6, "{values:?}");
}

fn with_validation_stuck(patience: usize) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    // A learning rate of zero: no epoch is better than the first.
    let text = SMALL
        .replace("{ kind = \"rmsprop\" }", &format!("{{ kind = \"sgd\", learning_rate = 0.0 }}\nearly_stopping = {patience}"));
    let configuration = Configuration { architecture: text, epochs: 10, ..configuration() };
    let folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &folder, None)
}

#[test]
fn early_stopping_ends_after_its_patience_without_a_better_epoch() {
    let outcome = with_validation_stuck(2);
    assert!(outcome.finished);
    assert_eq!(outcome.metrics.len(), 3, "the first epoch, and two that are no better");
}

#[test]
fn an_update_that_overflows_in_an_epochs_last_step_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", "{ kind = \"sgd\", learning_rate = 1e38 }");
    let configuration = Configuration { architecture: text, batch_size: 56, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let result = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
    assert!(matches!(result, Err(TrainingError::NonFinite { epoch: 1, last_good: 0, .. })), "{result:?}");
    assert!(run_folder.last_checkpoint().expect("readable").is_none(), "weights that are no numbers were kept");
}

#[test]
fn a_torn_best_checkpoint_does_not_pass_other_weights_off_as_the_best() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let text = SMALL.replace("epochs = 4", "epochs = 4");
    let configuration = Configuration { architecture: text, seed: 11, epochs: 8, ..configuration };
    let expected = run(&configuration, &run_folder, None);
    println!("best {} of {}", expected.best_epoch, expected.metrics.len());
    let best = run_folder.file("checkpoints/best.ckpt");
    fs::write(&best, b"torn").expect("torn");
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    if let Ok(again) = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {}) {
        assert_eq!(again.best.to_float_network(), expected.best.to_float_network(), "labelled epoch {}", again.best_epoch);
    }
}

#[test]
fn a_torn_checkpoint_never_replaces_the_good_one_before_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &run_folder, None);
    let last = run_folder.file("checkpoints/last.ckpt");
    let good = run_folder.last_checkpoint().expect("readable").expect("there");
    fs::write(&last, b"torn").expect("torn");
    run_folder.write_last(&good).expect("written");
    fs::remove_file(&last).expect("as if the power had failed between the two steps");
    assert!(run_folder.last_checkpoint().expect("readable").is_some(), "nothing whole is left");
}

#[test]
fn two_torn_checkpoints_are_an_error_not_a_fresh_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    run(&configuration, &run_folder, None);
    for name in ["checkpoints/last.ckpt", "checkpoints/previous.ckpt"] {
        fs::write(run_folder.file(name), b"torn").expect("torn");
    }
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let result = train(&configuration, faces.into(), faces, &run_folder, &AtomicBool::new(false), &mut |_| {});
    assert!(result.is_err(), "trained anew from nothing, over the metrics of the old run");
}

#[test]
fn a_resumed_run_keeps_the_statistics_of_batch_normalization() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("[[layer]]\nkind = \"relu\"", "[[layer]]\nkind = \"batch_norm\"\n[[layer]]\nkind = \"relu\"");
    let configuration = Configuration { architecture: text, ..configuration() };
    let whole = RunFolder::create(&folder.path().join("whole"), &configuration).expect("new");
    let expected = run(&configuration, &whole, None);
    let cut = RunFolder::create(&folder.path().join("cut"), &configuration).expect("new");
    assert!(!run(&configuration, &cut, Some(16)).finished);
    let second = run(&configuration, &cut, None);
    assert_eq!(second.last.to_float_network(), expected.last.to_float_network());
    assert_eq!(second.best.to_float_network(), expected.best.to_float_network());
}
