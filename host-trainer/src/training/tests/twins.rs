//! Validation faces that have a near twin among the training faces.

use super::*;

/// Trains on the stripes and validates on the same, of which every second has a twin and, if `wrong`, another label.
fn validated_on(near: &[bool], apart: bool, wrong: bool) -> Result<Outcome, TrainingError> {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = Configuration { apart, ..configuration() };
    let run = RunFolder::create(folder.path(), &configuration).expect("new");
    let (images, labels) = faces(56);
    let training = LabelledFaces { images: &images, labels: &labels };
    let labels: Vec<u8> =
        labels.iter().enumerate().map(|(face, label)| (label + u8::from(wrong && face % 2 == 0)) % 7).collect();
    let validation = ValidationFaces { faces: LabelledFaces { images: &images, labels: &labels }, near: Some(near) };
    train(&configuration, training.into(), validation, &run, &AtomicBool::new(false), &mut |_| {})
}

fn every_second() -> Vec<bool> {
    (0..56).map(|face| face % 2 == 0).collect()
}

#[test]
fn faces_with_a_twin_choose_nothing_and_are_counted_beside() {
    let near = every_second();
    let (right, wrong) = (validated_on(&near, true, false).expect("trains"), validated_on(&near, true, true));
    let wrong = wrong.expect("trains");
    assert_eq!(right.best_epoch, wrong.best_epoch);
    for (right, wrong) in right.metrics.iter().zip(&wrong.metrics) {
        assert_eq!(right.validation_accuracy, wrong.validation_accuracy);
        assert_eq!(right.validation_loss, wrong.validation_loss);
    }
    let (right, wrong) = (&right.metrics[3], &wrong.metrics[3]);
    // The last epoch answers most faces as the stripes say.
    assert!(right.validation_accuracy_all > wrong.validation_accuracy_all, "{right:?} {wrong:?}");
    assert!(right.validation_loss_all < wrong.validation_loss_all, "{right:?} {wrong:?}");
}

#[test]
fn the_figure_of_all_is_that_of_a_run_that_chooses_by_all() {
    let near = every_second();
    let (apart, all) = (validated_on(&near, true, true).expect("trains"), validated_on(&near, false, true));
    for (apart, all) in apart.metrics.iter().zip(&all.expect("trains").metrics) {
        assert_eq!(apart.validation_accuracy_all, Some(all.validation_accuracy));
        assert_eq!(apart.validation_loss_all, Some(all.validation_loss));
        assert_eq!((all.validation_loss_all, all.validation_accuracy_all), (None, None));
    }
}

#[test]
fn all_faces_choose_where_none_has_a_twin_or_every_one_has() {
    let plain = validated_on(&[false; 56], false, false).expect("trains").metrics;
    for near in [[false; 56], [true; 56]] {
        let metrics = validated_on(&near, true, false).expect("trains").metrics;
        let figures = |rows: &[EpochMetrics]| -> Vec<_> {
            rows.iter().map(|row| (row.validation_loss, row.validation_accuracy, row.validation_loss_all)).collect()
        };
        assert_eq!(figures(&metrics), figures(&plain));
    }
    let error = validated_on(&[true; 9], true, false).expect_err("an entry a face").to_string();
    assert!(error.contains("validation"), "{error}");
}
