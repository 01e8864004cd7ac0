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

use std::fs;

use super::stripes::{SMALL, configuration, faces, run, train_on, try_run};
use super::*;

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
