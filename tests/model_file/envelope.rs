//! The envelope, byte by byte, and older versions of the format.

use shared::{
    checksum::crc32,
    model::{AlignedBytes, FORMAT_VERSION, Model, ModelError, RawModel},
    shape::Shape,
};
use tests::{lasting::engine, sample_model::sample_model};

use crate::file::{parse, sample_bytes, with_checksum};

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
        assert_eq!((step.operator(), step.inputs()), (source.record.operator(), source.record.inputs()));
        assert_eq!(step.weights(), (source.weights.as_slice(), source.channels.as_slice()));
        assert_eq!(step.output, source.record.output);
    }
}

#[test]
fn the_envelope_is_pinned_byte_by_byte() {
    let bytes = sample_bytes();
    let header_length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    assert_eq!(&bytes[..4], b"FERM");
    assert_eq!(&bytes[4..8], [3, 0, 0, 0], "version 3, reserved bytes zero");
    assert_eq!(u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize, bytes.len());
    // Header: name, input 48x48x1 of scale 1/37 and zero point 0 at 0, outputs: that of step 16.
    let mut expected = vec![6];
    expected.extend(b"sample");
    expected.extend([48, 48, 1]);
    expected.extend((1.0f32 / 37.0).to_le_bytes());
    expected.extend([0, 0]);
    expected.extend([1, 16]);
    assert_eq!(&bytes[16..16 + expected.len()], expected);
    // Then, behind varints, the 17 steps, and the task, faces: seven labels, local normalization with a floor of 4 * 256, temperature, threshold.
    let mut task = vec![17, 1, 7, 0, 1, 2, 3, 4, 5, 6, 0, 0x80, 0x08];
    task.extend(1.0f32.to_le_bytes());
    task.extend(0.3f32.to_le_bytes());
    assert!(bytes[16..].windows(task.len()).any(|window| window == task));
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
        let error = parse(&damaged).expect_err("a damaged file is no model");
        // Behind the magic, the version, zeros and both lengths, only the checksum can tell.
        let by_checksum = matches!(error, ModelError::Crc { .. });
        assert!(position < 16 * 8 || by_checksum, "bit {position} flipped: {error}");
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

/// A sample network in format version 2, as the program of that time wrote it.
const FORMAT_2: &[u8] = include_bytes!("../goldens/format_2.fer");

#[test]
fn a_file_of_format_2_gives_the_logits_that_it_gave_then() {
    let file = AlignedBytes::new(FORMAT_2);
    let model = Model::parse(file.as_slice()).expect("sound");
    assert_eq!((model.name(), model.crc(), model.labels().len()), ("sample", 0x3941_2bda, 7));
    assert_eq!(model.steps().count(), 10);
    let mut engine = engine(&model);
    let face = |factor: usize| core::array::from_fn(|pixel| (pixel * factor % 251) as u8);
    assert_eq!(engine.run(&face(37)), Ok(&[10, 67, 127, 127, -128, 54, 127][..]));
    assert_eq!(engine.run(&face(91)), Ok(&[39, 66, 47, 127, -128, 34, 127][..]));
}

#[test]
fn a_file_of_format_1_is_refused() {
    let mut bytes = FORMAT_2.to_vec();
    bytes[4] = 1;
    let expected = ModelError::UnsupportedVersion { found: 1, supported: FORMAT_VERSION };
    assert_eq!(parse(&with_checksum(bytes)), Err(expected));
    assert!(expected.to_string().contains("reads 2 to 3; export the model again"), "{expected}");
}
