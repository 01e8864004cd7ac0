use std::fs;

use shared::label::Emotion;

use super::*;
use crate::{
    architecture::Architecture,
    data::LabelSet,
    evaluation::{Calibration, EvaluationReport, Prediction},
    training::EpochMetrics,
};

fn epochs() -> Vec<EpochMetrics> {
    let epoch = |epoch: usize| EpochMetrics {
        epoch,
        train_loss: 1.8 / epoch as f64,
        train_accuracy: 0.3 + 0.05 * epoch as f64,
        validation_loss: 1.9 / epoch as f64,
        validation_accuracy: 0.4321,
        seconds: 30.0,
        images_per_second: 950.0,
        validation_loss_all: None,
        validation_accuracy_all: None,
    };
    (1..=3).map(epoch).collect()
}

fn evaluation(right: bool) -> EvaluationReport {
    evaluation_of(LabelSet::Fer2013, right)
}

fn evaluation_of(labels: LabelSet, right: bool) -> EvaluationReport {
    let logits = |label: Emotion| {
        let mut logits = [0.0; Emotion::COUNT];
        logits[if right { label.index() } else { 0 }] = 3.0;
        logits
    };
    let emotions = labels.emotions();
    let predictions: Vec<_> = emotions.iter().map(|&label| Prediction::from_logits(&logits(label), 1.0)).collect();
    EvaluationReport::new("PublicTest", labels, emotions, &predictions)
}

fn summary(synthetic: bool) -> RunSummary {
    let architecture = Architecture::find("levorse").expect("built in");
    RunSummary {
        name: "levorse".into(),
        data: DataSource {
            description: if synthetic { "synthetic faces" } else { "FER2013" }.into(),
            synthetic,
            training_images: 28_709,
            validation_images: 3_589,
            passed_over: 0,
            held_out: false,
            reported_choose: true,
        },
        preprocessing: "local intensity normalization".into(),
        layers: LayerRow::of(&architecture),
        recipe: vec![("optimizer".into(), "RMSprop".into())],
        epochs: epochs(),
        kept_epoch: 2,
        float: evaluation(true),
        int8: evaluation(false),
        calibration: Calibration {
            temperature: 1.25,
            error_before: 0.1,
            error_after: 0.05,
            loss_before: 1.5,
            loss_after: 1.25,
        },
        model: ModelSize { file_bytes: 200_000, arena_bytes: 64_512, macs: 17_230_320 },
        command: "host-trainer train".into(),
    }
}

#[test]
fn a_run_folder_gets_the_report_and_every_figure_that_it_links_to() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &summary(false)).expect("writable");
    let text = fs::read_to_string(folder.path().join(REPORT)).expect("written");
    let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(links, ["curves.png", "confusion.png", "curves.svg", "confusion.svg"]);
    for link in links {
        assert!(folder.path().join(link).is_file(), "{link} is missing");
    }
}

#[test]
fn the_report_gives_both_accuracies_and_the_points_between_them() {
    let text = markdown(&summary(false));
    assert!(text.contains("| float network | 1.0000 | 1.0000 |"), "{text}");
    assert!(text.contains("| int8 network, through the core | 0.1429 | 0.0357 |"), "{text}");
    assert!(text.contains("| difference | -85.71 points | -96.43 points |"), "{text}");
    assert!(text.contains("| total |  |  | 180,965 | 17,230,320 |"), "{text}");
    assert!(!text.contains("ynthetic"), "real faces are not called synthetic");
    assert!(
        text.contains("that of FER2013 for `DATA`") && text.contains("evaluate --model RUN/model.fer --data DATA\n")
    );
}

#[test]
fn the_report_gives_the_figures_with_and_without_twins_wherever_there_are_some() {
    let labels = LabelSet::Fer2013.emotions();
    let near = [true, false, false, false, false, false, true];
    let answers = |answer: fn(Emotion) -> Emotion| -> Vec<Prediction> {
        let logits = |label| std::array::from_fn(|class| f32::from(class == answer(label).index()));
        labels.iter().map(|&label| Prediction::from_logits(&logits(label), 1.0)).collect()
    };
    let report = |answers: &[Prediction]| {
        EvaluationReport::new("PublicTest", LabelSet::Fer2013, labels, answers).by_twins(Some(&near), labels, answers)
    };
    let mut run = summary(false);
    (run.float, run.int8) = (report(&answers(|label| label)), report(&answers(|_| Emotion::Angry)));
    run.data.passed_over = 2;
    run.epochs.iter_mut().for_each(|epoch| epoch.validation_accuracy_all = Some(0.5432));
    let text = markdown(&run);
    for expected in [
        "| accuracy | all 7 faces | 2 with a near twin in Training | 5 without |",
        "| float network | 1.0000 | 1.0000 | 1.0000 |",
        "| int8 network, through the core | 0.1429 | 0.5000 | 0.0000 |",
        "2 of the validation faces have a near twin among the training faces",
        "fitted on PublicTest without those that have a twin in Training",
        "| validation accuracy | with twins | seconds |",
        "| 0.4321 | 0.5432 | 30.0 |",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!markdown(&summary(false)).contains("twin"));
}

#[test]
fn a_report_on_synthetic_faces_says_so_before_any_figure() {
    let text = markdown(&summary(true));
    let warning = text.find("**Synthetic faces.**").expect("a warning");
    assert!(warning < text.find("## Result").expect("a result"));
    assert!(text.contains("evaluate --model RUN/model.fer\n") && !text.contains("DATA"), "{text}");
}

#[test]
fn figures_are_drawn_without_any_font_of_the_system() {
    let figure = heat_map("levorse", &evaluation(true)).expect("drawn");
    let image = image::load_from_memory(&figure.png).expect("a PNG").to_rgb8();
    assert_eq!(image.dimensions(), (1364, 1364));
    // The title's letters stand alone on white.
    let dark = (0..60).flat_map(|y| (0..1364).map(move |x| (x, y))).filter(|&(x, y)| image.get_pixel(x, y)[0] < 128);
    assert!(dark.count() > 100, "the title is not there");
    assert!(figure.svg.contains("disgust") && !figure.svg.contains("contempt"));
    let figure = heat_map("levorse", &evaluation_of(LabelSet::FerPlus, true)).expect("drawn");
    let image = image::load_from_memory(&figure.png).expect("a PNG");
    assert_eq!((image.width(), image.height()), (1520, 1520), "a row and a column more");
    assert!(figure.svg.contains("contempt"));
}

#[test]
fn curves_of_no_epochs_and_of_losses_that_are_no_numbers_are_drawn() {
    curves("levorse", "FER2013", &[]).expect("empty axes");
    let mut epochs = epochs();
    epochs[1].train_loss = f64::NAN;
    epochs[2].validation_loss = f64::INFINITY;
    curves("levorse", "FER2013", &epochs).expect("the other points");
    epochs.iter_mut().for_each(|epoch| epoch.validation_accuracy = 1e300);
    curves("levorse", "FER2013", &epochs).expect("a very long axis");
}

#[test]
fn a_folder_that_is_missing_is_an_error_that_names_the_file() {
    let error = write(Path::new("no/such/folder"), &summary(false)).expect_err("there is none").to_string();
    assert!(error.contains("curves.png") && error.contains("exists"), "{error}");
}
