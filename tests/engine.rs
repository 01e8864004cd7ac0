//! The engine over whole models: the logits are the naive reference's, wherever and however often it runs.

use std::cell::Cell;

use firmware::{
    engine::{Engine, EngineError, Runner},
    finder::search::memory_bytes_on,
    kernels::fully_connected_scratch,
    normalization::normalize,
};
use shared::{
    finder::Finder,
    image::Processor,
    label::Emotion,
    model::{AlignedBytes, Model},
    preprocessing::{FACE_PIXELS, FACE_SIZE, Preprocessing},
};
use tests::{lasting, reference, sample_model::sample_model};

fn sample(seed: u64) -> Model<'static> {
    lasting::model(sample_model(seed).encode().expect("the sample is sound"))
}

fn face(seed: usize) -> [u8; FACE_PIXELS] {
    core::array::from_fn(|i| ((i * 37 + i / 48 * seed * 11 + i * i * seed) % 251) as u8)
}

fn normalized(model: &Model<'_>, face: &[u8; FACE_PIXELS]) -> [i8; FACE_PIXELS] {
    let Preprocessing::Local { sigma_floor } = model.preprocessing() else { panic!("the sample normalizes") };
    let mut out = [0; FACE_PIXELS];
    normalize(face, sigma_floor, &mut out);
    out
}

#[test]
fn the_logits_of_a_model_with_every_operator_are_the_references() {
    for seed in 0..12 {
        let model = sample(seed);
        // Larger than needed, and full of the leftovers of another inference.
        let mut arena = vec![77; Engine::arena_bytes(&model).expect("it fits") as usize + 100];
        let mut engine = Engine::new(&model, &mut arena).expect("large enough");
        let mut distinct = std::collections::HashSet::new();
        for index in 0..3 {
            let face = face(index + 5 * seed as usize);
            let expected = reference::run(&model, &normalized(&model, &face));
            assert_eq!(engine.run(&face), Ok(expected.as_slice()), "model {seed}, face {index}");
            assert_eq!(engine.run_normalized(&normalized(&model, &face)), Ok(expected.as_slice()));
            assert_eq!(engine.logits(), expected);
            distinct.insert(expected);
        }
        assert!(distinct.len() > 1, "model {seed} says the same of every face, so it shows nothing");
    }
}

#[test]
fn an_arena_that_is_a_byte_short_is_refused_with_both_sizes() {
    let model = sample(1);
    let mut short = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize - 1];
    let error = Engine::new(&model, &mut short).map(|_| ()).expect_err("too small");
    assert_eq!(
        error,
        EngineError::ArenaTooSmall {
            need: Engine::arena_bytes(&model).expect("it fits"),
            have: Engine::arena_bytes(&model).expect("it fits") as usize - 1
        }
    );
    assert!(error.to_string().contains("enlarge it"));
}

/// What the boards' programs `profile` and `finder` print, on a Raspberry Pi Pico and on a Cortex-M4.
#[test]
fn a_host_knows_how_large_an_arena_a_board_needs() {
    let processors = [Processor::CortexM0Plus, Processor::CortexM33];
    let models: [(&[u8], _); 3] = [
        (include_bytes!("../firmware/models/edge.fer"), [92_455, 89_011]),
        (include_bytes!("../firmware/models/pico.fer"), [34_807, 32_003]),
        (include_bytes!("../firmware/models/levorse.fer"), [30_055, 29_579]),
    ];
    for (file, expected) in models {
        let file = AlignedBytes::new(file);
        let model = Model::parse(file.as_slice()).expect("it ships");
        let bytes = processors.map(|processor| Runner::arena_bytes_on(&model.network(), processor));
        assert_eq!(bytes, expected.map(Ok), "{}", model.name());
    }
    let file = AlignedBytes::new(include_bytes!("../firmware/models/finder.ferf"));
    let finder = Finder::parse(file.as_slice()).expect("it ships");
    for ((width, height), expected) in [((160, 120), [12_679, 9_235]), ((320, 240), [34_080, 34_080])] {
        let bytes = processors.map(|processor| memory_bytes_on(&finder, width, height, processor));
        assert_eq!(bytes, expected.map(Ok), "{width}x{height}");
    }
}

#[test]
fn an_arena_that_cannot_be_counted_is_refused() {
    let mut sample = sample_model(1);
    let step = sample.steps.last_mut().expect("the fully connected one");
    let inputs = step.record.input().shape.elements().expect("small") as usize;
    let scratch = fully_connected_scratch(inputs) as u32;
    // Tensors and working memory fit to the last byte, and then no longer.
    for (scratch_offset, fits) in
        [(u32::MAX - scratch, true), (u32::MAX - scratch + 1, scratch == 0), (u32::MAX, scratch == 0)]
    {
        let mut sample = sample.clone();
        sample.header.arena_bytes = u32::MAX;
        sample.steps.last_mut().expect("as above").record.scratch_offset = scratch_offset;
        let model = lasting::model(sample.encode().expect("the tensors fit"));
        let expected = if fits { Ok(u32::MAX) } else { Err(EngineError::ArenaTooLarge) };
        assert_eq!(Engine::arena_bytes(&model), expected, "{scratch_offset}");
        let error = Engine::new(&model, &mut []).map(|_| ()).expect_err("there is no arena");
        let expected =
            if fits { EngineError::ArenaTooSmall { need: u32::MAX, have: 0 } } else { EngineError::ArenaTooLarge };
        assert_eq!(error, expected);
    }
}

#[test]
fn a_face_of_another_size_is_refused_with_both_sizes() {
    let model = sample(1);
    let mut engine = lasting::engine(&model);
    assert_eq!(engine.run_normalized(&[0; 2303]), Err(EngineError::Input { need: 2304, have: 2303 }));
}

#[test]
fn a_profile_has_the_preprocessing_and_every_step_and_the_same_logits() {
    let model = sample(3);
    let mut engine = lasting::engine(&model);
    let expected = engine.run(&face(2)).expect("a checked model runs").to_vec();
    // A clock that overflows on the way: the third reading is past the end of a u32.
    let now = Cell::new(u32::MAX - 25);
    let clock = || now.replace(now.get().wrapping_add(10));
    let mut laps = Vec::new();
    let logits = engine.run_profiled(&face(2), clock, |step, elapsed| {
        laps.push((step.map(|(index, step)| (index, step.operator())), elapsed));
    });
    assert_eq!(logits, Ok(expected.as_slice()));
    let steps = model.steps().enumerate().map(|(index, step)| Some((index, step.operator())));
    let all: Vec<_> = core::iter::once(None).chain(steps).map(|step| (step, 10)).collect();
    assert_eq!(laps, all);
}

#[test]
fn a_readout_names_the_largest_logit() {
    let model = sample(4);
    let mut engine = lasting::engine(&model);
    for seed in 0..5 {
        let logits = engine.run(&face(seed)).expect("a checked model runs").to_vec();
        let readout = engine.classify(&face(seed)).expect("a checked model runs");
        assert_eq!(logits[readout.label.index()], *logits.iter().max().expect("seven"));
        assert_eq!(readout.confidence, readout.probabilities[readout.label.index()]);
        assert!(readout.margin >= 0.0 && readout.margin <= readout.confidence);
        assert_eq!(readout.uncertain, readout.confidence < model.threshold());
    }
}

fn mirrored(face: &[u8; FACE_PIXELS]) -> [u8; FACE_PIXELS] {
    core::array::from_fn(|index| face[index / FACE_SIZE * FACE_SIZE + FACE_SIZE - 1 - index % FACE_SIZE])
}

#[test]
fn a_face_with_its_mirror_image_is_answered_by_the_mean_of_both_logits() {
    for seed in 0..6 {
        let model = sample(seed);
        let mut engine = lasting::engine(&model);
        let face = face(seed as usize + 3);
        let there = engine.run(&face).expect("a checked model runs").to_vec();
        let back = engine.run(&mirrored(&face)).expect("a checked model runs").to_vec();
        assert_ne!(there, back, "the model takes the mirror image for the face, so it shows nothing");

        let sums = engine.sum_with_mirrored(&face).expect("a checked model runs");
        assert_eq!(engine.logits(), there, "the logits left behind are those of the face as it came");
        for (index, sum) in sums.into_iter().enumerate() {
            let expected = there.get(index).map_or(0, |&logit| i16::from(logit) + i16::from(back[index]));
            assert_eq!(sum, expected, "logit {index}");
        }

        let readout = engine.classify_mirrored(&face).expect("a checked model runs");
        assert_eq!(readout, engine.classify_mirrored(&mirrored(&face)).expect("a checked model runs"));
        let scale = f64::from(model.output().quantization.scale / model.temperature());
        let powers: Vec<f64> = sums[..there.len()].iter().map(|&sum| (scale * f64::from(sum) / 2.0).exp()).collect();
        for (emotion, power) in model.labels().zip(&powers) {
            let exact = power / powers.iter().sum::<f64>();
            let found = f64::from(readout.probabilities[emotion.index()]);
            assert!((found - exact).abs() < 0.01 * exact + 1e-6, "{emotion}: {found} instead of {exact}");
        }
    }
}

#[test]
fn a_symmetric_face_is_answered_as_without_its_mirror_image() {
    let model = sample(2);
    let mut engine = lasting::engine(&model);
    let (half, other) = (face(4), mirrored(&face(4)));
    let face = core::array::from_fn(|index| if index % FACE_SIZE < FACE_SIZE / 2 { half[index] } else { other[index] });
    let alone = engine.classify(&face).expect("a checked model runs");
    assert_eq!(engine.classify_mirrored(&face), Ok(alone));
}

#[test]
fn an_emotion_that_a_model_does_not_know_has_no_probability() {
    let model = sample(4);
    assert_eq!(model.label_indices(), [0, 1, 2, 3, 4, 5, 6]);
    let mut engine = lasting::engine(&model);
    for readout in [engine.classify(&face(1)), engine.classify_mirrored(&face(1))] {
        let probabilities = readout.expect("a checked model runs").probabilities;
        assert_eq!(probabilities[Emotion::Contempt.index()], 0.0);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
