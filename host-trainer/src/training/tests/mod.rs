//! Small networks that learn stripes.
//!
//! ```text
//! resuming.rs  interrupted runs, and files that are torn
//! recipes.rs   what a recipe asks for
//! teachers.rs  distillation
//! twins.rs     validation faces that choose nothing
//! ```

mod recipes;
mod resuming;
mod teachers;
mod twins;

use std::{fs, sync::atomic::Ordering};

use super::*;
use crate::{architecture::Architecture, data::LabelSet, export::MeasuredOn, quantization::Form};

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
    try_run(configuration, folder, stop_after).expect("trains")
}

/// Trains on the stripes.
fn try_run(
    configuration: &Configuration,
    folder: &RunFolder,
    stop_after: Option<usize>,
) -> Result<Outcome, TrainingError> {
    let (images, labels) = faces(56);
    train_on(LabelledFaces { images: &images, labels: &labels }.into(), configuration, folder, stop_after)
}

/// Trains, and validates on the same faces, until so many steps are done.
fn train_on(
    training: TrainingFaces<'_>,
    configuration: &Configuration,
    folder: &RunFolder,
    stop_after: Option<usize>,
) -> Result<Outcome, TrainingError> {
    let stop = AtomicBool::new(false);
    let mut steps = 0;
    train(configuration, training, training.faces.into(), folder, &stop, &mut |progress| {
        if let Progress::Step { .. } = progress {
            steps += 1;
            stop.store(Some(steps) == stop_after, Ordering::Relaxed);
        }
    })
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
fn a_network_of_eight_emotions_learns_contempt_and_its_model_answers_it() {
    let architecture = Architecture::parse("small.toml", SMALL).expect("sound");
    let architecture = architecture.with_labels(LabelSet::FerPlus).expect("its last layer is dense");
    let configuration = Configuration::new(&architecture, "small.toml", 5, None, "stripes".into());
    let configuration = Configuration { epochs: 12, ..configuration };
    let (mut images, mut labels) = faces(56);
    let (contemptuous, _) = faces(8);
    // The lowest rows are bright.
    images.extend(contemptuous.iter().enumerate().map(|(i, &q)| if i % FACE_PIXELS / 48 > 43 { 60 } else { q / 8 }));
    labels.extend([7; 8]);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let folder = tempfile::tempdir().expect("a folder");
    let run = RunFolder::create(folder.path(), &configuration).expect("new");
    let outcome = train_on(faces.into(), &configuration, &run, None).expect("trains");
    let exported = crate::export::quantize(
        &outcome.best,
        faces,
        MeasuredOn::one(faces, "PublicTest"),
        &configuration,
        Form::default(),
    )
    .expect("fits");
    let model = shared::model::Model::parse(exported.model.as_slice()).expect("sound");
    assert_eq!(model.labels().collect::<Vec<_>>(), Emotion::ALL);
    assert_eq!(model.measurement().data, "stripes with FER+ labels PublicTest");
    let contempt = &exported.int8.classes[7];
    assert_eq!((contempt.label.as_str(), contempt.support), ("contempt", 8));
    assert!(contempt.recall > 0.5, "{contempt:?}");
    let (_, read) = RunFolder::open(folder.path()).expect("a run");
    assert_eq!((read.labels, &read), (LabelSet::FerPlus, &configuration));
}

#[test]
fn a_label_that_the_network_does_not_know_is_refused_and_a_configuration_of_seven_does_not_mention_labels() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, mut labels) = faces(8);
    labels[3] = 7;
    let faces = LabelledFaces { images: &images, labels: &labels };
    let error = train_on(faces.into(), &configuration, &run, None).expect_err("no such emotion");
    assert!(error.to_string().contains("one of the network's 7"), "{error}");
    let text = fs::read_to_string(run.file("config.toml")).expect("written");
    assert!(!text.contains("labels"), "{text}");
}

#[test]
fn a_loss_that_is_no_number_names_epoch_and_step_and_keeps_the_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", "{ kind = \"sgd\", learning_rate = 1e38 }");
    let configuration = Configuration { architecture: text, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let error = try_run(&configuration, &run_folder, None).expect_err("a step of 1e38 overflows");
    assert!(matches!(error, TrainingError::NonFinite { epoch: 1, last_good: 0, .. }), "{error}");
}

#[test]
fn an_update_that_overflows_in_an_epochs_last_step_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("{ kind = \"rmsprop\" }", "{ kind = \"sgd\", learning_rate = 1e38 }");
    let configuration = Configuration { architecture: text, batch_size: 56, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let result = try_run(&configuration, &run_folder, None);
    assert!(matches!(result, Err(TrainingError::NonFinite { epoch: 1, last_good: 0, .. })), "{result:?}");
    assert!(run_folder.last_checkpoint().expect("readable").is_none(), "weights that are no numbers were kept");
}

#[test]
fn no_faces_and_faces_that_do_not_fit_are_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let none = LabelledFaces { images: &[], labels: &[] };
    let torn = LabelledFaces { images: &[0; 100], labels: &[1] };
    for (faces, words) in [(none, "no training faces"), (torn, "the preprocessing makes")] {
        let error = train_on(faces.into(), &configuration, &run_folder, None);
        let error = error.expect_err("unusable").to_string();
        assert!(error.contains(words), "{error}");
    }
    let (images, labels) = faces(8);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let none = TrainingFaces { left_out: Some(&[true; 8]), ..faces.into() };
    let error = train_on(none, &configuration, &run_folder, None);
    assert!(error.expect_err("all are left out").to_string().contains("epoch 1 has no face"));
}

#[test]
fn a_model_and_its_figures_have_the_logits_adjustment_and_the_epochs_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SMALL.replace("epochs = 4\n", "epochs = 1\nlogit_adjustment = [0.0, 200.0, 0.0, 0.0, 0.0, 0.0, 0.0]\n");
    let configuration = Configuration { architecture: text, epochs: 1, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let outcome = run(&configuration, &run_folder, None);
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let measured_on = MeasuredOn::one(faces, "PublicTest");
    let exported = crate::export::write_run(&run_folder, &configuration, &outcome, faces, measured_on);
    let exported = exported.expect("written");
    for report in [&exported.float, &exported.int8] {
        assert_eq!((report.classes[1].recall, report.accuracy), (1.0, 1.0 / 7.0), "all are taken for disgust");
    }
    let answers =
        |network: &Network| logits(network, &images, |_| {}).iter().filter(|row| steps::argmax(&row[..]) == 1).count();
    let kept = load_record(configuration.architecture().expect("sound").into(), &run_folder.file("network.burnpack"));
    assert!(answers(&kept.expect("read")) < 56, "the record is as trained");
    assert_eq!(answers(&outcome.best.adjusted()), 56);
    assert_eq!(answers(&outcome.best.adjusted().adjusted()), 56);
}

#[test]
fn faces_that_are_kept_aside_fit_the_temperature_and_others_are_reported_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let network = run(&configuration, &run_folder, None).best;
    let (images, labels) = faces(56);
    let reported = LabelledFaces { images: &images, labels: &labels };
    // Nearly everything is answered wrong there, so that the answers had better be unsure.
    let wrong: Vec<u8> = labels[..28].iter().map(|label| (label + 3) % 7).collect();
    let aside = LabelledFaces { images: &images[..28 * FACE_PIXELS], labels: &wrong };
    let export = |measured_on| {
        crate::export::quantize(&network, reported, measured_on, &configuration, Form::default()).expect("fits")
    };
    let same = MeasuredOn::one(reported, "PublicTest");
    let (one, two) = (export(same), export(MeasuredOn { held_out: Some(aside.into()), ..same }));
    assert!(two.calibration.temperature > 2.0 * one.calibration.temperature);
    assert_eq!((two.int8.images, two.int8.accuracy), (one.int8.images, one.int8.accuracy));
}

#[test]
fn importance_is_that_of_the_faces_that_are_learned_from() {
    let network = Network::new(configuration().architecture().expect("sound").into(), 3, &Device::flex());
    let (images, labels) = faces(56);
    let faces = |count: usize| LabelledFaces { images: &images[..count * FACE_PIXELS], labels: &labels[..count] };
    let noise = crate::architecture::Noise::Anchors;
    let left_out: Vec<bool> = (0..56).map(|image| image >= 35).collect();
    let some = importance(&network, &TrainingFaces { left_out: Some(&left_out), ..faces(56).into() }, &noise);
    assert_eq!(some[..35], importance(&network, &faces(35).into(), &noise));
    assert_eq!(some[35..], [1.0; 21]);
    assert_ne!(some[..35], importance(&network, &faces(56).into(), &noise)[..35]);
}

#[test]
fn a_seed_gives_the_same_model_file_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configuration();
    let (images, labels) = faces(56);
    let faces = LabelledFaces { images: &images, labels: &labels };
    let model = |name: &str, configuration: &Configuration| {
        let run_folder = RunFolder::create(&folder.path().join(name), configuration).expect("new");
        let outcome = run(configuration, &run_folder, None);
        let exported = crate::export::quantize(
            &outcome.best,
            faces,
            MeasuredOn::one(faces, "PublicTest"),
            configuration,
            Form::default(),
        )
        .expect("fits");
        exported.model.as_slice().to_vec()
    };
    let first = model("first", &configuration);
    assert_eq!(first, model("second", &configuration));
    assert_ne!(first, model("third", &Configuration { seed: 6, ..configuration.clone() }));
}
