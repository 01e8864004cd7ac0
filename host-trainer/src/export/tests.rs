//! What trainings of stripes leave.

use shared::preprocessing::FACE_PIXELS;

use super::*;
use crate::{
    architecture::Architecture,
    data::LabelSet,
    training::{
        load_record,
        stripes::{SMALL, configuration, faces, run, train_on},
    },
};

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
    let exported =
        quantize(&outcome.best, faces, MeasuredOn::one(faces, "PublicTest"), &configuration, Form::default())
            .expect("fits");
    let model = Model::parse(exported.model.as_slice()).expect("sound");
    assert_eq!(model.labels().collect::<Vec<_>>(), Emotion::ALL);
    assert_eq!(model.measurement().data, "stripes with FER+ labels PublicTest");
    let contempt = &exported.int8.classes[7];
    assert_eq!((contempt.label.as_str(), contempt.support), ("contempt", 8));
    assert!(contempt.recall > 0.5, "{contempt:?}");
    let (_, read) = RunFolder::open(folder.path()).expect("a run");
    assert_eq!((read.labels, &read), (LabelSet::FerPlus, &configuration));
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
    let exported = write_run(&run_folder, &configuration, &outcome, faces, measured_on);
    let exported = exported.expect("written");
    for report in [&exported.float, &exported.int8] {
        assert_eq!((report.classes[1].recall, report.accuracy), (1.0, 1.0 / 7.0), "all are taken for disgust");
    }
    let answers = |network: &Network| {
        logits(network, &images, |_| {}).iter().filter(|row| row.iter().all(|&other| row[1] >= other)).count()
    };
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
    let export =
        |measured_on| quantize(&network, reported, measured_on, &configuration, Form::default()).expect("fits");
    let same = MeasuredOn::one(reported, "PublicTest");
    let (one, two) = (export(same), export(MeasuredOn { held_out: Some(aside.into()), ..same }));
    assert!(two.calibration.temperature > 2.0 * one.calibration.temperature);
    assert_eq!((two.int8.images, two.int8.accuracy), (one.int8.images, one.int8.accuracy));
}

#[test]
fn faces_with_a_twin_fit_no_temperature_and_no_threshold_and_are_reported_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = Configuration { apart: true, ..configuration() };
    let run_folder = RunFolder::create(folder.path(), &configuration).expect("new");
    let network = run(&configuration, &run_folder, None).best;
    let (images, mut labels) = faces(56);
    let training = LabelledFaces { images: &images, labels: &labels.clone() };
    // Those with a twin are all answered wrong.
    labels[..28].iter_mut().for_each(|label| *label = (*label + 3) % 7);
    let near: Vec<bool> = (0..56).map(|face| face < 28).collect();
    let reported = LabelledFaces { images: &images, labels: &labels };
    let export = |configuration: &Configuration, faces: ValidationFaces<'_>| {
        let measured_on = MeasuredOn::one(faces, "PublicTest");
        quantize(&network, training, measured_on, configuration, Form::default()).expect("fits")
    };
    let both = ValidationFaces { faces: reported, near: Some(&near) };
    let apart = export(&configuration, both);
    let values = 28 * FACE_PIXELS;
    let rest = LabelledFaces { images: &images[values..], labels: &labels[28..] };
    let alone = export(&configuration, rest.into());
    assert_eq!(apart.calibration, alone.calibration);
    let thresholds = [&apart.int8, &alone.int8].map(|report| report.certain.expect("known").threshold);
    assert_eq!(thresholds[0], thresholds[1]);
    assert_eq!(apart.int8.images, 56);
    let [near, without] = [apart.int8.near, apart.int8.apart].map(|part| part.expect("known"));
    assert_eq!((near.images, without.images, without.accuracy), (28, 28, alone.int8.accuracy));
    assert!(near.accuracy < 0.5 && (near.accuracy + without.accuracy - 2.0 * apart.int8.accuracy).abs() < 1e-9);
    let all = export(&Configuration { apart: false, ..configuration.clone() }, both);
    assert!(all.calibration.temperature > 2.0 * apart.calibration.temperature);
    assert_eq!(all.int8.accuracy, apart.int8.accuracy);
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
        let exported =
            quantize(&outcome.best, faces, MeasuredOn::one(faces, "PublicTest"), configuration, Form::default())
                .expect("fits");
        exported.model.as_slice().to_vec()
    };
    let first = model("first", &configuration);
    assert_eq!(first, model("second", &configuration));
    assert_ne!(first, model("third", &Configuration { seed: 6, ..configuration.clone() }));
}
