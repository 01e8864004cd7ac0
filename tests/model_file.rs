//! The model file: pinned bytes, and no byte string that panics or is wrongly accepted.

use firmware::engine::Engine;
use proptest::prelude::*;
use shared::{
    checksum::crc32,
    folding::Folding,
    label::Emotion,
    model::{AlignedBytes, Arithmetic, EncodeError, FORMAT_VERSION, FusedPool, Model, ModelError, RawModel},
    operator::Operator,
    preprocessing::FACE_PIXELS,
    quantization::Requantization,
    shape::{Padding, Shape, Window},
};
use tests::sample_model::{SampleModel, sample_model};

fn sample_bytes() -> Vec<u8> {
    sample_model(1).encode().expect("the sample is sound").as_slice().to_vec()
}

/// Writes the checksum anew after a change, so that what lies behind it is reached.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(body) = bytes.len().checked_sub(4) {
        let crc = crc32(&bytes[..body]);
        bytes[body..].copy_from_slice(&crc.to_le_bytes());
    }
    bytes
}

fn parse(bytes: &[u8]) -> Result<u32, ModelError> {
    Model::parse(AlignedBytes::new(bytes).as_slice()).map(|model| model.crc())
}

/// The error that encoding reports after `change`.
fn unsound(change: impl FnOnce(&mut SampleModel)) -> ModelError {
    let mut sample = sample_model(1);
    change(&mut sample);
    match sample.encode() {
        Err(EncodeError::Unsound(error)) => error,
        other => panic!("expected an unsound model, got {:?}", other.map(|bytes| bytes.as_slice().len())),
    }
}

#[test]
fn a_model_comes_back_as_it_was_written() {
    let sample = sample_model(7);
    let bytes = sample.encode().expect("sound");
    let model = Model::parse(bytes.as_slice()).expect("sound");
    assert_eq!(model.name(), "sample");
    assert_eq!(model.labels().len(), 7);
    assert_eq!(model.macs(), sample.header.macs);
    assert_eq!(model.training_hash(), 7);
    assert_eq!(model.output().shape, Shape::vector(7));
    assert_eq!(model.steps().count(), sample.steps.len());
    for (step, source) in model.steps().zip(&sample.steps) {
        assert_eq!(step.operator, source.record.operator);
        assert_eq!(step.weights, source.weights);
        assert_eq!(step.channels, source.channels);
        assert_eq!(step.output, source.record.output);
    }
}

#[test]
fn the_envelope_is_pinned_byte_by_byte() {
    let bytes = sample_bytes();
    let header_length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    assert_eq!(&bytes[..4], b"FERM");
    assert_eq!(&bytes[4..8], [2, 0, 0, 0], "version 2, reserved bytes zero");
    assert_eq!(u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize, bytes.len());
    // Header: name, labels, local normalization with a floor of 4 * 256, input 48x48x1, scale 1/37, zero point 0.
    let mut expected = vec![6];
    expected.extend(b"sample");
    expected.extend([7, 0, 1, 2, 3, 4, 5, 6]);
    expected.extend([0, 0x80, 0x08]);
    expected.extend([48, 48, 1]);
    expected.extend((1.0f32 / 37.0).to_le_bytes());
    expected.extend([0, 0]);
    expected.extend(1.0f32.to_le_bytes());
    expected.extend(0.3f32.to_le_bytes());
    assert_eq!(&bytes[16..16 + expected.len()], expected);
    let weights = (16 + header_length).next_multiple_of(16);
    let first = sample_model(1).steps[0].weights[0] as u8;
    assert_eq!(bytes[weights], first, "the weight section begins at the next multiple of 16");
    let crc = u32::from_le_bytes(bytes[bytes.len() - 4..].try_into().unwrap());
    assert_eq!(crc, crc32(&bytes[..bytes.len() - 4]));
}

#[test]
fn every_truncation_is_an_error_that_says_so() {
    let bytes = sample_bytes();
    for length in 0..bytes.len() {
        let error = parse(&bytes[..length]).expect_err("a cut file is no model");
        assert!(matches!(error, ModelError::Truncated { .. }), "{length} bytes: {error}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(parse(&longer), Err(ModelError::TrailingBytes { .. })));
}

#[test]
fn every_flipped_bit_is_an_error() {
    let bytes = sample_bytes();
    for position in (0..bytes.len() * 8).step_by(3) {
        let mut damaged = bytes.clone();
        damaged[position / 8] ^= 1 << (position % 8);
        assert!(parse(&damaged).is_err(), "bit {position} flipped and nobody noticed");
    }
}

#[test]
fn an_unknown_version_names_both_versions() {
    let mut bytes = sample_bytes();
    bytes[4] = 9;
    let expected = ModelError::UnsupportedVersion { found: 9, supported: FORMAT_VERSION };
    assert_eq!(parse(&with_checksum(bytes)), Err(expected));
    assert!(expected.to_string().contains("update the program"));
}

#[test]
fn a_picture_is_not_a_model() {
    assert_eq!(parse(b"\x89PNG\r\n\x1a\n0000000000000000").unwrap_err(), ModelError::Magic(*b"\x89PNG"));
}

#[test]
fn a_file_at_an_odd_address_is_misaligned() {
    let bytes = sample_bytes();
    let mut shifted = vec![0];
    shifted.extend(&bytes);
    let buffer = AlignedBytes::new(&shifted);
    assert_eq!(Model::parse(&buffer.as_slice()[1..]).unwrap_err(), ModelError::Misaligned);
    assert!(RawModel::new(&buffer.as_slice()[1..]).is_ok(), "the envelope can be read anywhere");
}

#[test]
fn unsound_descriptions_are_refused_with_the_step() {
    assert_eq!(unsound(|m| m.steps.clear()), ModelError::NoSteps);
    assert_eq!(unsound(|m| m.header.labels = &[0, 1, 1]), ModelError::Labels);
    assert_eq!(unsound(|m| m.header.labels = &[0, 8]), ModelError::Labels);
    assert_eq!(unsound(|m| m.header.labels = &[]), ModelError::Labels);
    assert_eq!(unsound(|m| m.header.labels = &[0, 1, 2]), ModelError::Logits);
    assert_eq!(unsound(|m| m.header.temperature = f32::NAN), ModelError::Calibration);
    assert_eq!(unsound(|m| m.header.threshold = 1.5), ModelError::Calibration);
    assert_eq!(unsound(|m| m.header.input.shape.height = 47), ModelError::Input);
    assert_eq!(unsound(|m| m.header.arena_bytes = 3000), ModelError::OutsideArena { step: 0 });
    assert_eq!(unsound(|m| m.steps[0].record.output.shape.width = 25), ModelError::OutputShape { step: 0 });
    assert_eq!(unsound(|m| m.steps[0].record.output.offset = 2300), ModelError::Overlap { step: 0 });
    assert_eq!(unsound(|m| m.steps[1].record.output.offset = u32::MAX), ModelError::OutsideArena { step: 1 });
    assert_eq!(unsound(|m| m.steps[3].record.second_input = None), ModelError::Inputs { step: 3 });
    assert_eq!(unsound(|m| m.steps[5].record.input.offset += 16), ModelError::DeadInput { step: 5 });
    let reversed = unsound(|m| {
        m.steps[0].record.activation_min = 1;
        m.steps[0].record.activation_max = 0;
    });
    assert_eq!(reversed, ModelError::Quantization { step: 0 });
}

#[test]
fn a_tensor_that_was_overwritten_cannot_be_read() {
    let error = unsound(|m| {
        // The addition in place overwrote the first sum: it is gone when the same addition comes once more.
        let repeated = m.steps[4].clone();
        m.steps.truncate(5);
        m.steps.push(repeated);
    });
    assert_eq!(error, ModelError::DeadInput { step: 5 });
}

#[test]
fn working_memory_over_a_tensor_of_its_step_is_refused() {
    let depthwise = |m: &mut SampleModel| m.steps[2].record.output.range().expect("small");
    let error = unsound(|m| m.steps[2].record.scratch_offset = depthwise(m).end - 1);
    assert_eq!(error, ModelError::Scratch { step: 2 });
    let error = unsound(|m| m.steps[0].record.scratch_offset = m.header.arena_bytes - 10);
    assert_eq!(error, ModelError::Scratch { step: 0 }, "the band reaches beyond the arena");
}

#[test]
fn a_model_may_know_all_eight_emotions_or_one() {
    for labels in [&[0, 1, 2, 3, 4, 5, 6, 7][..], &[7]] {
        let mut sample = sample_model(1);
        sample.header.labels = labels;
        let last = sample.steps.last_mut().expect("the fully connected one");
        let units = labels.len() as u16;
        last.record.operator = Operator::FullyConnected { units };
        last.record.output.shape = Shape::vector(units);
        let inputs = last.weights.len() / last.channels.len();
        last.channels = vec![last.channels[0]; labels.len()];
        last.weights = vec![1; inputs * labels.len()];
        let bytes = sample.encode().expect("sound");
        let model = Model::parse(bytes.as_slice()).expect("sound");
        assert_eq!(model.labels().last(), Some(Emotion::Contempt));
        let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
        let readout = Engine::new(&model, &mut arena).expect("fits").classify(&[128; FACE_PIXELS]).expect("runs");
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

#[test]
fn what_cannot_be_folded_or_fused_is_refused() {
    let fusion = ModelError::Fusion { step: 0 };
    let folding = |change: fn(&mut Folding)| unsound(|m| change(m.steps[0].record.folding.as_mut().expect("folded")));
    assert_eq!(folding(|folding| folding.kernel_height = 0), fusion);
    assert_eq!(folding(|folding| folding.kernel_width = 9), fusion);
    assert_eq!(folding(|folding| folding.filters = 0), fusion);
    assert_eq!(folding(|folding| folding.kernel_width = 200), fusion);
    let pool = |change: fn(&mut FusedPool)| unsound(|m| change(m.steps[0].record.pool.as_mut().expect("fused")));
    assert_eq!(pool(|pool| pool.band_rows = 0), fusion);
    assert_eq!(pool(|pool| pool.band_rows = 25), fusion);
    assert_eq!(pool(|pool| pool.operator = Operator::GlobalAveragePool), ModelError::OutputShape { step: 0 });
    let overlapping = unsound(|m| {
        let window = Window::square(3, 2, Padding::Same);
        m.steps[0].record.pool = Some(FusedPool { operator: Operator::MaxPool2d { window }, band_rows: 5 });
    });
    assert_eq!(overlapping, fusion, "rows of the pool share rows of the convolution");
    let error = unsound(|m| m.steps[2].record.pool = m.steps[0].record.pool);
    assert_eq!(error, ModelError::OutputShape { step: 2 });
}

#[test]
fn arithmetic_that_could_overflow_is_refused() {
    assert_eq!(unsound(|m| m.steps[0].channels[2].multiplier = 5), ModelError::Quantization { step: 0 });
    assert_eq!(unsound(|m| m.steps[0].channels[2].shift = 31), ModelError::Quantization { step: 0 });
    assert_eq!(unsound(|m| m.steps[0].channels[2].shift = 30), ModelError::Accumulator { step: 0 });
    assert_eq!(unsound(|m| m.steps[0].channels[1].bias = i32::MIN), ModelError::Accumulator { step: 0 });
    assert_eq!(unsound(|m| m.steps[0].record.output.quantization.scale = 0.0), ModelError::Quantization { step: 0 });
    assert_eq!(unsound(|m| m.steps[5].record.output.quantization.scale = 0.5), ModelError::Quantization { step: 5 });
    assert_eq!(unsound(|m| m.steps[8].record.arithmetic = Arithmetic::None), ModelError::Quantization { step: 8 });
    let mean = |multiplier, shift| Arithmetic::Mean(Requantization { multiplier, shift });
    let huge = mean(1 << 30, 30);
    assert_eq!(unsound(|m| m.steps[8].record.arithmetic = huge), ModelError::Accumulator { step: 8 });
    for factor in [mean(-1, -3), mean(1 << 30, 31), mean(1 << 30, -32)] {
        assert_eq!(unsound(|m| m.steps[8].record.arithmetic = factor), ModelError::Quantization { step: 8 });
    }
    // Of 2^k - 1 pixels a mean has a multiplier that is not normalized.
    for factor in [mean(0, 0), mean(1 << 29, -3), mean(i32::MAX, -31)] {
        let mut sample = sample_model(1);
        sample.steps[8].record.arithmetic = factor;
        assert!(sample.encode().is_ok(), "{factor:?}");
    }
}

#[test]
fn a_window_of_size_zero_is_an_error() {
    let error = unsound(|m| {
        if let Operator::Conv2d { window, .. } = &mut m.steps[0].record.operator {
            window.stride_width = 0;
        }
    });
    assert!(matches!(error, ModelError::Shape { step: 0, .. }), "{error}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(parse(&bytes).is_err());
    }

    #[test]
    fn random_bytes_behind_a_sound_envelope_never_panic(
        header in proptest::collection::vec(any::<u8>(), 0..300),
        weights in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = b"FERM\x02\0\0\0".to_vec();
        let start = (16 + header.len()).next_multiple_of(16);
        bytes.extend(((start + weights.len() + 4) as u32).to_le_bytes());
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(&header);
        bytes.resize(start, 0);
        bytes.extend(&weights);
        bytes.extend([0; 4]);
        prop_assert!(parse(&with_checksum(bytes)).is_err());
    }

    /// With the checksum made right again, a changed header is an error or another sound model, never a panic; and a model
    /// that is accepted runs.
    #[test]
    fn mutated_headers_never_panic(
        changes in proptest::collection::vec((16usize..360, any::<u8>()), 1..6),
    ) {
        let mut bytes = sample_bytes();
        for (position, value) in changes {
            bytes[position] = value;
        }
        let bytes = AlignedBytes::new(&with_checksum(bytes));
        if let Ok(model) = Model::parse(bytes.as_slice()) {
            prop_assert!(model.steps().count() > 0);
            for step in model.steps() {
                prop_assert!(step.output.range().is_some_and(|range| range.end <= model.arena_bytes()));
            }
            let arena_bytes = Engine::arena_bytes(&model).expect("it fits") as usize;
            if arena_bytes < 1 << 20 {
                let mut arena = vec![0; arena_bytes];
                let mut engine = Engine::new(&model, &mut arena).expect("large enough");
                prop_assert!(engine.run(&[128; FACE_PIXELS]).is_ok());
            }
        }
    }
}
