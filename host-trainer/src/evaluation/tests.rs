//! The expected figures are scikit-learn 1.9's (`labels=range(7)`, `zero_division=0`), the temperature SciPy's
//! `minimize_scalar` over scikit-learn's `log_loss`.

use shared::label::Emotion;

use super::*;
use crate::data::LabelSet;

/// Twelve faces: label and answer.
const PAIRS: [(usize, usize); 12] =
    [(0, 0), (0, 0), (0, 3), (1, 0), (2, 2), (2, 4), (3, 3), (3, 3), (4, 4), (5, 5), (5, 2), (6, 4)];

fn emotion(index: usize) -> Emotion {
    Emotion::from_index(index).expect("0..8")
}

fn confusion() -> Confusion {
    Confusion::new(LabelSet::Fer2013, PAIRS.map(|(label, answer)| (emotion(label), emotion(answer))))
}

/// The logits of a network that knows seven emotions.
fn seven(logits: [f32; 7]) -> Logits {
    std::array::from_fn(|class| logits.get(class).copied().unwrap_or(f32::NEG_INFINITY))
}

/// 200 faces whose logits follow a formula that Python can follow: right for about half of them.
fn faces() -> (Vec<Emotion>, Vec<Logits>) {
    let label = |face: usize| emotion((face * face + face / 5) % 7);
    let logits = |face: usize| {
        let noise = |class: usize| ((face * 31 + class * 17) % 23) as f32 / 4.0;
        seven(std::array::from_fn(|class| noise(class) + if class == label(face).index() { 2.5 } else { 0.0 }))
    };
    ((0..200).map(label).collect(), (0..200).map(logits).collect())
}

fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
}

#[test]
fn rows_are_labels_and_columns_answers() {
    let confusion = confusion();
    let counts: Vec<_> = confusion.counts().collect();
    assert_eq!(counts[0], [2, 0, 0, 1, 0, 0, 0], "one angry face was called happy");
    assert_eq!(counts[5], [0, 0, 1, 0, 0, 1, 0]);
    assert_eq!(confusion.total(), 12);
}

#[test]
fn accuracy_and_macro_f1_are_scikit_learns() {
    assert_close(confusion().accuracy(), 0.583_333_333_333);
    assert_close(confusion().macro_f1(), 0.447_619_047_619);
}

#[test]
fn scores_of_each_class_are_scikit_learns() {
    let third = 1.0 / 3.0;
    let expected = [
        (2.0 * third, 2.0 * third, 2.0 * third, 3),
        (0.0, 0.0, 0.0, 1),
        (0.5, 0.5, 0.5, 2),
        (2.0 * third, 1.0, 0.8, 2),
        (third, 1.0, 0.5, 1),
        (1.0, 0.5, 2.0 * third, 2),
        (0.0, 0.0, 0.0, 1),
    ];
    for (emotion, (precision, recall, f1, support)) in Emotion::ALL.into_iter().zip(expected) {
        let scores = confusion().scores(emotion);
        assert_close(scores.precision, precision);
        assert_close(scores.recall, recall);
        assert_close(scores.f1, f1);
        assert_eq!(scores.support, support);
    }
}

#[test]
fn no_faces_give_zeros_and_never_nan() {
    let report = EvaluationReport::new("PublicTest", LabelSet::Fer2013, &[], &[]);
    assert_eq!((report.images, report.accuracy, report.macro_f1), (0, 0.0, 0.0));
    assert_eq!(report.expected_calibration_error, 0.0);
    assert_eq!(fit_temperature(&[], &[]), 1.0);
}

#[test]
fn the_likelihood_is_scikit_learns() {
    let (labels, logits) = faces();
    assert_close(negative_log_likelihood(&labels, &logits, 1.0), 1.202_083_038_466);
}

#[test]
fn the_fitted_temperature_is_scipys() {
    let (labels, logits) = faces();
    let calibration = Calibration::fit(&logits, &labels);
    assert!((calibration.temperature - 1.168_296).abs() < 1e-4, "{}", calibration.temperature);
    assert_close(calibration.loss_after, 1.192_214_407_397);
    assert_close(calibration.error_before, 0.253_257_236_529);
}

#[test]
fn confidences_of_two_bins_do_not_make_up_for_each_other() {
    // The bins meet at 9/15 = 0.6. In one bin, the face too sure and the face too unsure would nearly cancel.
    let prediction = |confidence: f32| {
        let mut probabilities = [(1.0 - confidence) / 7.0; 8];
        probabilities[0] = confidence;
        Prediction { label: Emotion::Angry, probabilities }
    };
    let error = expected_calibration_error(&[Emotion::Angry, Emotion::Sad], &[prediction(0.599), prediction(0.61)]);
    assert!((error - (0.401 + 0.61) / 2.0).abs() < 1e-6, "{error}");
}

#[test]
fn certain_answers_are_the_most_that_reach_an_accuracy() {
    let prediction = |confidence: f32| {
        let mut probabilities = [(1.0 - confidence) / 7.0; 8];
        probabilities[0] = confidence;
        Prediction { label: Emotion::Angry, probabilities }
    };
    let answers = [(0.9, true), (0.8, false), (0.7, true), (0.6, true), (0.5, true), (0.5, false), (0.4, false)];
    let predictions = answers.map(|(confidence, _)| prediction(confidence));
    let labels = answers.map(|(_, right)| if right { Emotion::Angry } else { Emotion::Sad });
    let reaching = |accuracy| Certain::reaching(accuracy, &labels, &predictions);
    // 3 of 4; of the two of confidence 0.5 only one is right, and they go together.
    assert_eq!(reaching(0.75), Certain { threshold: 0.6, share: 4.0 / 7.0, accuracy: 0.75 });
    assert_eq!(reaching(0.66), Certain { threshold: 0.5, share: 6.0 / 7.0, accuracy: 4.0 / 6.0 });
    assert_eq!(reaching(1.0).threshold, 0.9);
    assert_eq!(reaching(0.0).share, 1.0);
    let never = Certain::reaching(0.8, &[Emotion::Sad], &[prediction(0.9)]);
    assert_eq!(never, Certain { threshold: 1.0, share: 0.0, accuracy: 0.0 });
}

#[test]
fn huge_logits_do_not_overflow_and_equal_ones_go_to_the_first() {
    let sure = Prediction::from_logits(&seven([0.0, 0.0, 1e30, 0.0, 0.0, 0.0, -1e30]), 1.0);
    assert_eq!((sure.label, sure.confidence()), (Emotion::Fear, 1.0));
    let equal = Prediction::from_logits(&seven([0.5; 7]), 2.0);
    assert_eq!(equal.label, Emotion::Angry);
    assert!((equal.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn json_has_the_confusion_as_seven_rows() {
    let pairs: (Vec<Emotion>, Vec<Prediction>) = PAIRS
        .iter()
        .map(|&(label, answer)| {
            let mut logits = [0.0; 7];
            logits[answer] = 1.0;
            (emotion(label), Prediction::from_logits(&seven(logits), 1.0))
        })
        .unzip();
    let report = EvaluationReport::new("PublicTest", LabelSet::Fer2013, &pairs.0, &pairs.1);
    let json = serde_json::to_value(&report).expect("plain data");
    assert_eq!(json["split"], "PublicTest");
    assert_eq!(json["images"], 12);
    assert_eq!(json["confusion"][0], serde_json::json!([2, 0, 0, 1, 0, 0, 0]));
    assert_eq!(json["confusion"].as_array().map(Vec::len), Some(7));
    assert_eq!(json["classes"].as_array().map(Vec::len), Some(7));
    assert_eq!(json["classes"][3]["label"], "happy");
    let back: EvaluationReport = serde_json::from_value(json).expect("what was written");
    assert_eq!(back.confusion, report.confusion);
}

#[test]
fn faces_with_a_twin_and_those_without_are_counted_apart() {
    let labels = &Emotion::ALL[..5];
    let predictions: Vec<Prediction> = [0, 1, 0, 0, 4]
        .map(|answer: usize| std::array::from_fn(|class| f32::from(class == answer)))
        .map(|logits| Prediction::from_logits(&logits, 1.0))
        .to_vec();
    let report = EvaluationReport::new("PublicTest", LabelSet::Fer2013, labels, &predictions);
    assert_eq!(report.clone().by_twins(None, labels, &predictions), report);
    let plain = serde_json::to_value(&report).expect("plain data");
    assert!(plain.get("near").is_none() && plain.get("apart").is_none() && !report.to_string().contains("twin"));
    let near = [true, true, true, false, false];
    let report = report.by_twins(Some(&near), labels, &predictions);
    let json = serde_json::to_value(&report).expect("plain data");
    assert_eq!(json["near"], serde_json::json!({ "images": 3, "accuracy": 2.0 / 3.0 }));
    assert_eq!(json["apart"], serde_json::json!({ "images": 2, "accuracy": 0.5 }));
    let text = report.to_string();
    assert!(text.contains("0.6667 of the 3 faces with a near twin in Training\n"), "{text}");
    assert!(text.contains("0.5000 of the 2 faces without\n"), "{text}");
    let none = report.by_twins(Some(&[false; 5]), labels, &predictions);
    assert_eq!(none.near, Some(Part { images: 0, accuracy: 0.0 }));
}

#[test]
fn contempt_is_an_eighth_row_and_a_mean_over_eight_where_labels_know_it_and_nothing_elsewhere() {
    let labels: Vec<Emotion> = Emotion::ALL.into_iter().chain([Emotion::Contempt]).collect();
    // A model of seven emotions takes contempt for anger, and has no way to say otherwise.
    let predictions: Vec<Prediction> = labels
        .iter()
        .map(|label| {
            let mut logits = [0.0; 7];
            logits[label.index() % 7] = 1.0;
            Prediction::from_logits(&seven(logits), 1.0)
        })
        .collect();
    assert!(predictions.iter().all(|prediction| prediction.probabilities[7] == 0.0));
    let report = EvaluationReport::new("PublicTest", LabelSet::FerPlus, &labels, &predictions);
    assert_close(report.accuracy, 7.0 / 9.0);
    // Anger: 1 of 3 answers is right, F1 = 2 / (1 + 3); contempt is never found.
    assert_close(report.macro_f1, (6.0 + 0.5) / 8.0);
    assert_eq!(report.classes[7].label, "contempt");
    let json = serde_json::to_value(&report).expect("plain data");
    assert_eq!(json["confusion"][7], serde_json::json!([2, 0, 0, 0, 0, 0, 0, 0]));
    let back: EvaluationReport = serde_json::from_value(json).expect("what was written");
    assert_eq!(back, report);
    assert!(report.to_string().contains("contempt"));

    let without = EvaluationReport::new("PublicTest", LabelSet::Fer2013, &labels[..7], &predictions);
    assert_close(without.macro_f1, 1.0);
    assert!(!without.to_string().contains("contempt"));
    assert!(serde_json::from_str::<Confusion>("[[1, 2], [3, 4]]").is_err(), "of two emotions");
}

#[test]
fn a_logit_that_the_model_does_not_have_changes_no_figure() {
    let (labels, logits) = faces();
    let lowest: Vec<Logits> = logits.iter().map(|row| row.map(|logit| logit.max(-1e4))).collect();
    let (padded, finite) = (Calibration::fit(&logits, &labels), Calibration::fit(&lowest, &labels));
    assert_eq!(padded, finite);
    assert!(padded.loss_after.is_finite() && padded.error_after.is_finite());
}

#[test]
fn columns_of_a_table_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(["layer", "kind", "MACs"]).left(2);
    table.row(["a", "conv2d", "17"]);
    table.row(["long name", "add"]);
    let lines = ["layer      kind    MACs", "a          conv2d    17", "long name  add         "];
    assert_eq!(table.to_string(), lines.join("\n"));
    assert!(table.markdown().starts_with("| layer | kind | MACs |\n|---|---|---:|\n"), "{}", table.markdown());
}
