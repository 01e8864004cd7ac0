//! Random bytes and random changes.

use firmware::engine::{Engine, EngineError};
use shared::{
    model::{AlignedBytes, Model, ModelError},
    preprocessing::FACE_PIXELS,
};
use tests::{random::Random, sample_model::sample_model};

use crate::file::{header_of, parse, sample_bytes, with_header};

/// Envelopes hold and headers begin as they should; from any place on come random bytes, so that every part of the checker meets
/// some.
#[test]
fn random_bytes_behind_a_sound_beginning_are_refused_for_many_reasons() {
    let sample = sample_bytes();
    let header = header_of(&sample);
    let mut random = Random(1);
    let mut reasons = std::collections::HashSet::new();
    for _ in 0..20_000 {
        // The last bytes are a clamp, of which many are sound.
        let mut bytes = header[..random.below(header.len() - 20)].to_vec();
        // Small numbers make sense more often than large ones.
        let largest = [4, 50, 256][random.below(3)];
        let missing = header.len() - bytes.len();
        bytes.extend((0..random.below(2 * missing)).map(|_| random.below(largest) as u8));
        let error = match parse(&with_header(&sample, &bytes)) {
            Err(error) => error,
            Ok(_) => panic!("random steps are a sound network: {bytes:?}"),
        };
        let step = if let ModelError::Step { error, .. } = error { Some(std::mem::discriminant(&error)) } else { None };
        reasons.insert((std::mem::discriminant(&error), step));
    }
    assert!(reasons.len() >= 10, "{} reasons", reasons.len());
}

/// The sample's file with one to four bytes of its header changed.
fn with_changed_bytes(sample: &[u8], random: &mut Random) -> Vec<u8> {
    let mut changed = header_of(sample).to_vec();
    for _ in 0..1 + random.below(4) {
        let place = random.below(changed.len());
        // A number that is nearly the same is sound more often than any.
        changed[place] = match random.below(3) {
            0 => random.below(256) as u8,
            1 => changed[place].wrapping_add(1),
            _ => changed[place].wrapping_sub(1),
        };
    }
    with_header(sample, &changed)
}

/// The sample's file with other sizes, places and clamps, if that is sound.
fn with_changed_numbers(random: &mut Random) -> Option<Vec<u8>> {
    let mut sample = sample_model(1);
    let more = [0, 1, 1000, 1 << 20, 1 << 27, u32::MAX][random.below(6)];
    sample.header.arena_bytes = sample.header.arena_bytes.saturating_add(more);
    for _ in 0..1 + random.below(3) {
        let step = random.below(sample.steps.len());
        let (arena, record) = (sample.header.arena_bytes as usize, &mut sample.steps[step].record);
        match random.below(4) {
            0 => record.scratch_offset = random.below(arena + 1) as u32,
            1 => record.activation_min = random.below(256) as u8 as i8,
            2 => record.activation_max = random.below(256) as u8 as i8,
            _ => record.output.quantization.zero_point = random.below(256) as u8 as i8,
        }
    }
    Some(sample.encode().ok()?.as_slice().to_vec())
}

/// With the checksum made right again, a file with a changed header is refused, or another sound model that runs.
#[test]
fn a_changed_header_is_an_error_or_a_model_that_runs() {
    let sample = sample_bytes();
    let mut random = Random(2);
    let (mut refused, mut ran, mut too_large) = (0, 0, 0);
    for case in 0..4000 {
        let changed = if case % 2 == 0 {
            with_changed_bytes(&sample, &mut random)
        } else {
            with_changed_numbers(&mut random).unwrap_or_default()
        };
        let bytes = AlignedBytes::new(&changed);
        let Ok(model) = Model::parse(bytes.as_slice()) else {
            refused += 1;
            continue;
        };
        assert!(model.steps().count() > 0);
        for step in model.steps() {
            assert!(step.output.range().is_some_and(|range| range.end <= model.arena_bytes()));
        }
        let need = match Engine::arena_bytes(&model) {
            Ok(need) if need < 1 << 28 => need,
            found => {
                let error = Engine::new(&model, &mut [0; 4096]).map(|_| ()).expect_err("an arena that is too small");
                let expected = found.map_or_else(|error| error, |need| EngineError::ArenaTooSmall { need, have: 4096 });
                assert_eq!(error, expected);
                too_large += 1;
                continue;
            }
        };
        let mut arena = vec![0; need as usize];
        let mut engine = Engine::new(&model, &mut arena).expect("large enough");
        engine.run(&[128; FACE_PIXELS]).expect("a checked model runs");
        ran += 1;
    }
    println!("{refused} refused, {ran} ran, {too_large} too large");
    assert!(refused > 1000 && ran > 500 && too_large > 5, "{refused} refused, {ran} ran, {too_large} too large");
}
