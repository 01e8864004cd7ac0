//! Networks that are not like the sample, and run.

use firmware::engine::Runner;
use shared::{
    label::Emotion,
    model::{EncodeError, Model, ModelError, Network, OperationRecord, Task},
    operator::FullyConnected,
    preprocessing::FACE_PIXELS,
    shape::Shape,
};
use tests::{lasting::engine, sample_model::sample_model};

use crate::unsound::faces;

#[test]
fn a_network_for_anything_has_any_input_and_several_outputs_but_is_no_classifier_of_faces() {
    let mut sample = sample_model(3);
    sample.header.task = Task::Any;
    sample.header.outputs = &[16, 14];
    let bytes = sample.encode().expect("sound");
    assert_eq!(Model::parse(bytes.as_slice()).unwrap_err(), ModelError::Task);
    let network = Network::parse(bytes.as_slice()).expect("sound");
    let shapes: Vec<Shape> = network.outputs().map(|tensor| tensor.shape).collect();
    assert_eq!(shapes, [Shape::vector(7), sample.steps[14].record.output.shape]);
    let mut arena = vec![0; Runner::arena_bytes(&network).expect("it fits") as usize];
    let mut runner = Runner::new(&network, &mut arena).expect("fits");
    runner.input().expect("there is one").fill(5);
    runner.run().expect("runs");
    let logits = network.outputs().next().expect("two");
    // The same network as a classifier gives the same logits.
    let faces = sample_model(3).encode().expect("sound");
    let model = Model::parse(faces.as_slice()).expect("sound");
    let mut engine = engine(&model);
    assert_eq!(engine.run_normalized(&[5; FACE_PIXELS]), Ok(runner.tensor(&logits)));
}

#[test]
fn a_model_may_know_all_eight_emotions_or_one() {
    for labels in [&[0, 1, 2, 3, 4, 5, 6, 7][..], &[7]] {
        let mut sample = sample_model(1);
        faces(&mut sample).labels = labels;
        let last = sample.steps.last_mut().expect("the fully connected one");
        let units = labels.len() as u16;
        let OperationRecord::FullyConnected(dense) = &mut last.record.operation else { panic!("fully connected") };
        dense.operator = FullyConnected { units };
        last.record.output.shape = Shape::vector(units);
        let inputs = last.weights.len() / last.channels.len();
        last.channels = vec![last.channels[0]; labels.len()];
        last.weights = vec![1; inputs * labels.len()];
        let bytes = sample.encode().expect("sound");
        let model = Model::parse(bytes.as_slice()).expect("sound");
        assert_eq!(model.labels().last(), Some(Emotion::Contempt));
        let readout = engine(&model).classify(&[128; FACE_PIXELS]).expect("runs");
        assert!((readout.probabilities[7] - 1.0 / labels.len() as f32).abs() < 1e-5, "{:?}", readout.probabilities);
    }
}

#[test]
fn a_name_that_a_device_cannot_tell_is_refused() {
    const LONGEST: &str = "0123456789 0123456789 0123456789 0123456789 0123456789 012345678";
    const TOO_LONG: &str = "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789";
    let mut sample = sample_model(1);
    for name in [LONGEST, "x", "größer"] {
        sample.header.name = name;
        assert_eq!(Model::parse(sample.encode().expect("sound").as_slice()).map(|model| model.name()), Ok(name));
    }
    for name in ["", TOO_LONG, "two\r\nlines", "\u{1b}[2J", "nul\0"] {
        sample.header.name = name;
        assert_eq!(sample.encode().map(|_| ()), Err(EncodeError::Unsound(ModelError::Name)), "{name:?}");
    }
    assert_eq!((LONGEST.len(), TOO_LONG.len()), (64, 65));
}
