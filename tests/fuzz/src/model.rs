//! Any bytes as a model file: they are refused, or what they say runs and gives what the reference gives.

use std::cell::RefCell;

use firmware::{
    engine::{Engine, EngineError, Runner},
    normalization::preprocess,
};
use shared::{
    label::Emotion,
    model::{AlignedBytes, Model, ModelError, Network, Step},
    preprocessing::FACE_PIXELS,
};

use crate::{envelope::Contents, reference};

/// The largest arena that a network is run in; one that wants more is refused, and that is all.
const MOST_ARENA: u32 = 1 << 20;

/// Multiplications, comparisons and additions of the largest network that is run.
const MOST_WORK: u64 = 200_000;

/// Likewise of the largest that the reference runs, which is slow.
const MOST_REFERENCE_WORK: u64 = 3_000;

/// What came of the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// No model.
    Refused(ModelError),
    /// A network that is too large to be run here.
    TooLarge,
    /// A network that ran.
    Ran {
        /// Whether its outputs were compared with the reference's.
        compared: bool,
        /// Whether it classifies faces.
        faces: bool,
    },
}

/// Reads `bytes` as they are, and then in an envelope that holds; runs what is accepted.
///
/// # Panics
/// If a model that was accepted does not run, or not as the reference does.
pub fn run(bytes: &[u8]) -> Outcome {
    let Some(contents) = Contents::of(bytes) else { return read(bytes) };
    let file = contents.file();
    if file != bytes && Network::parse(AlignedBytes::new(bytes).as_slice()).is_ok() {
        // Nothing but reserved bytes and padding may differ, and these are checked.
        panic!("a sound file is not what its envelope would be written as");
    }
    read(&file)
}

fn read(file: &[u8]) -> Outcome {
    let file = AlignedBytes::new(file);
    let network = match Network::parse(file.as_slice()) {
        Ok(network) => network,
        Err(error) => return Outcome::Refused(error),
    };
    let work = network.steps().map(|step| work(&step)).fold(0, u64::saturating_add);
    let bytes = match Runner::arena_bytes(&network) {
        Ok(bytes) => bytes,
        Err(error) => {
            assert_eq!(error, EngineError::ArenaTooLarge);
            return Outcome::TooLarge;
        }
    };
    let error = Runner::new(&network, &mut []).map(|_| ()).expect_err("every network has an input");
    assert_eq!(error, EngineError::ArenaTooSmall { need: bytes, have: 0 });
    if bytes > MOST_ARENA || work > MOST_WORK {
        return Outcome::TooLarge;
    }
    ARENA.with_borrow_mut(|arena| {
        arena.resize(bytes as usize, 0);
        let compared = run_network(&network, arena, work <= MOST_REFERENCE_WORK);
        let faces = Model::new(network).map(|model| classify(&model, arena)).is_ok();
        Outcome::Ran { compared, faces }
    })
}

thread_local! {
    static ARENA: RefCell<Vec<i8>> = const { RefCell::new(Vec::new()) };
}

/// What a step costs.
fn work(step: &Step<'_>) -> u64 {
    let elements = |tensor: shared::model::Tensor| u64::from(tensor.shape.elements().unwrap_or(u32::MAX));
    let taps = step.operator().window().map_or(1, |window| u64::from(window.taps()));
    // A fused pool has a window of its own, whose taps are the convolution's outputs.
    let outputs = elements(step.output).saturating_mul(taps);
    step.macs().saturating_add(outputs).saturating_add(elements(step.input())).saturating_add(step.band_bytes().into())
}

/// Twice, with other leftovers in the arena: they must not matter.
fn run_network(network: &Network<'_>, arena: &mut [i8], compare: bool) -> bool {
    let mut answers = [0x55, -0x56].map(|leftover| {
        arena.fill(leftover);
        let mut runner = Runner::new(network, arena).expect("the arena is as large as was asked for");
        let input = runner.input().expect("a checked network has an input");
        input.iter_mut().zip(INPUT.iter().cycle()).for_each(|(value, &input)| *value = input);
        let input = if compare { input.to_vec() } else { Vec::new() };
        runner.run().expect("a checked network runs");
        let outputs: Vec<Vec<i8>> = network.outputs().map(|output| runner.tensor(&output).to_vec()).collect();
        (input, outputs)
    });
    assert!(answers[0].1 == answers[1].1, "what was in the arena before changes the outputs");
    if compare {
        let (input, outputs) = std::mem::take(&mut answers[0]);
        assert_eq!(outputs, reference::run_network(network, &input), "the outputs are not the reference's");
    }
    compare
}

/// A face through the engine, by itself and with its mirror image.
fn classify(model: &Model<'_>, arena: &mut [i8]) {
    let face: [u8; FACE_PIXELS] = std::array::from_fn(|pixel| INPUT[pixel % INPUT.len()] as u8);
    let mut normalized = vec![0; model.preprocessing().values()];
    preprocess(model.preprocessing(), &face, &mut normalized);
    let mut engine = Engine::new(model, arena).expect("the arena is as large as was asked for");
    let logits = engine.run_normalized(&normalized).expect("a checked model runs").to_vec();
    assert_eq!(engine.run(&face), Ok(logits.as_slice()));
    for readout in [engine.classify(&face), engine.classify_mirrored(&face)] {
        let readout = readout.expect("a checked model runs");
        let sum: f32 = readout.probabilities.iter().sum();
        assert!((0.999..1.001).contains(&sum), "{readout:?}");
        assert!((0.0..=1.0).contains(&readout.confidence) && readout.margin >= 0.0, "{readout:?}");
        assert!(model.labels().any(|label| label == readout.label), "{readout:?}");
        assert_eq!(readout.confidence, readout.probabilities[readout.label.index()]);
        let unknown = Emotion::ALL.into_iter().filter(|&emotion| model.labels().all(|label| label != emotion));
        assert!(unknown.into_iter().all(|emotion| readout.probabilities[emotion.index()] == 0.0), "{readout:?}");
    }
}

/// The values that every input is filled with, again and again; the ends of an `i8` are among them.
const INPUT: [i8; 61] = {
    let mut input = [0; 61];
    let mut index = 0;
    while index < input.len() {
        input[index] = ((index * index * 7 + index * 31) % 256) as u8 as i8;
        index += 1;
    }
    input[3] = i8::MIN;
    input[11] = i8::MAX;
    input
};
