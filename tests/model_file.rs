//! The model file: pinned bytes, and no byte string that panics or is wrongly accepted.

use firmware::engine::{Engine, EngineError, Runner};
use shared::{
    checksum::crc32,
    folding::Folding,
    label::Emotion,
    model::{
        AlignedBytes, EncodeError, FORMAT_VERSION, FaceHeader, FusedPool, Model, ModelError, Network, OperationRecord,
        RawModel, StepError, Task,
    },
    operator::{
        FullyConnected, Pool2d, ShapeError, add::AddStep, conv2d::Conv2dRecord, global_average_pool::MeanStep,
        mul::MulStep, pool2d::Pool2dStep,
    },
    preprocessing::{FACE_PIXELS, Preprocessing},
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

fn faces(model: &mut SampleModel) -> &mut FaceHeader<'static> {
    let Task::Faces(faces) = &mut model.header.task else { panic!("the sample classifies faces") };
    faces
}

fn operation(model: &mut SampleModel, step: usize) -> &mut OperationRecord {
    &mut model.steps[step].record.operation
}

fn conv2d(model: &mut SampleModel, step: usize) -> &mut Conv2dRecord {
    let OperationRecord::Conv2d(conv) = operation(model, step) else { panic!("step {step} is no convolution") };
    conv
}

fn pool2d(model: &mut SampleModel, step: usize) -> &mut Pool2dStep {
    let OperationRecord::Pool2d(pool) = operation(model, step) else { panic!("step {step} is no pool") };
    pool
}

fn add(model: &mut SampleModel, step: usize) -> &mut AddStep {
    let OperationRecord::Add(add) = operation(model, step) else { panic!("step {step} is no addition") };
    add
}

fn mul(model: &mut SampleModel, step: usize) -> &mut MulStep {
    let OperationRecord::Mul(mul) = operation(model, step) else { panic!("step {step} is no multiplication") };
    mul
}

fn mean(model: &mut SampleModel, step: usize) -> &mut MeanStep {
    let OperationRecord::GlobalAveragePool(mean) = operation(model, step) else { panic!("step {step} is no mean") };
    mean
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
    assert_eq!(unsound(|m| faces(m).labels = &[0, 1, 1]), ModelError::Labels);
    assert_eq!(unsound(|m| faces(m).labels = &[0, 8]), ModelError::Labels);
    assert_eq!(unsound(|m| faces(m).labels = &[]), ModelError::Labels);
    assert_eq!(unsound(|m| faces(m).labels = &[0, 1, 2]), ModelError::Logits);
    assert_eq!(unsound(|m| faces(m).temperature = f32::NAN), ModelError::Calibration);
    assert_eq!(unsound(|m| faces(m).threshold = 1.5), ModelError::Calibration);
    assert_eq!(unsound(|m| faces(m).preprocessing = Preprocessing::Grey { divisor: 1 }), ModelError::Input);
    assert_eq!(unsound(|m| m.header.arena_bytes = 3000), ModelError::Step { step: 0, error: StepError::OutsideArena });
    assert_eq!(
        unsound(|m| m.steps[0].record.output.shape.width = 25),
        ModelError::Step { step: 0, error: StepError::OutputShape }
    );
    assert_eq!(
        unsound(|m| m.steps[0].record.output.offset = 2300),
        ModelError::Step { step: 0, error: StepError::Overlap }
    );
    assert_eq!(
        unsound(|m| m.steps[1].record.output.offset = u32::MAX),
        ModelError::Step { step: 1, error: StepError::OutsideArena }
    );
    assert_eq!(unsound(|m| add(m, 3).right = m.header.input), ModelError::Step { step: 3, error: StepError::Inputs });
    assert_eq!(unsound(|m| pool2d(m, 5).input.offset += 16), ModelError::Step { step: 5, error: StepError::DeadInput });
    let reversed = unsound(|m| {
        m.steps[0].record.activation_min = 1;
        m.steps[0].record.activation_max = 0;
    });
    assert_eq!(reversed, ModelError::Step { step: 0, error: StepError::Quantization });
}

#[test]
fn outputs_are_tensors_that_hold_a_result_in_the_end() {
    assert_eq!(unsound(|m| m.header.outputs = &[]), ModelError::Outputs);
    assert_eq!(unsound(|m| m.header.outputs = &[17]), ModelError::Outputs, "there is no such step");
    assert_eq!(unsound(|m| m.header.outputs = &[3]), ModelError::Outputs, "the addition in place overwrote it");
    assert_eq!(unsound(|m| m.header.outputs = &[15]), ModelError::Logits, "not one a label");
    assert_eq!(unsound(|m| m.header.outputs = &[16, 15]), ModelError::Logits, "two outputs");
}

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
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("fits");
    assert_eq!(engine.run_normalized(&[5; FACE_PIXELS]), Ok(runner.tensor(&logits)));
}

#[test]
fn a_product_is_checked_as_other_operators_are() {
    let step = |step, error| ModelError::Step { step, error };
    assert_eq!(unsound(|m| mul(m, 11).right.shape = Shape::vector(9)), step(11, StepError::Inputs));
    let factor = |multiplier, shift| Requantization { multiplier, shift };
    assert_eq!(unsound(|m| mul(m, 11).factor = factor(5, 0)), step(11, StepError::Quantization));
    assert_eq!(
        unsound(|m| mul(m, 11).factor = factor(1 << 30, 16)),
        step(11, StepError::Accumulator),
        "255 * 255 * 2^16"
    );
    assert_eq!(unsound(|m| m.steps[10].record.output.quantization.zero_point = 0), step(10, StepError::Quantization));
    assert_eq!(unsound(|m| m.steps[10].record.activation_min = 0), step(10, StepError::Quantization));
    assert!(matches!(
        unsound(|m| conv2d(m, 12).operator.groups = 3),
        ModelError::Step { step: 12, error: StepError::Shape(_) }
    ));
    assert_eq!(
        unsound(|m| pool2d(m, 5).operator.window.dilation_width = 2),
        step(5, shape_error("MaxPool2D", 12, 12, 6))
    );
}

fn shape_error(operator: &'static str, height: u16, width: u16, channels: u16) -> StepError {
    StepError::Shape(ShapeError { operator, input: Shape::new(height, width, channels) })
}

#[test]
fn a_tensor_that_was_overwritten_cannot_be_read() {
    let error = unsound(|m| {
        // The addition in place overwrote the first sum: it is gone when the same addition comes once more.
        let repeated = m.steps[4].clone();
        m.steps.truncate(5);
        m.steps.push(repeated);
    });
    assert_eq!(error, ModelError::Step { step: 5, error: StepError::DeadInput });
}

#[test]
fn working_memory_over_a_tensor_of_its_step_is_refused() {
    let depthwise = |m: &mut SampleModel| m.steps[2].record.output.range().expect("small");
    let error = unsound(|m| m.steps[2].record.scratch_offset = depthwise(m).end - 1);
    assert_eq!(error, ModelError::Step { step: 2, error: StepError::Scratch });
    let error = unsound(|m| m.steps[0].record.scratch_offset = m.header.arena_bytes - 10);
    assert_eq!(error, ModelError::Step { step: 0, error: StepError::Scratch }, "the band reaches beyond the arena");
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
    let fusion = ModelError::Step { step: 0, error: StepError::Fusion };
    let folding = |change: fn(&mut Folding)| unsound(|m| change(conv2d(m, 0).folding.as_mut().expect("folded")));
    assert_eq!(folding(|folding| folding.kernel_height = 0), fusion);
    assert_eq!(folding(|folding| folding.kernel_width = 9), fusion);
    assert_eq!(folding(|folding| folding.filters = 0), fusion);
    assert_eq!(folding(|folding| folding.kernel_width = 200), fusion);
    let pool = |change: fn(&mut FusedPool)| unsound(|m| change(conv2d(m, 0).pool.as_mut().expect("fused")));
    assert_eq!(pool(|pool| pool.band_rows = 0), fusion);
    assert_eq!(pool(|pool| pool.band_rows = 25), fusion);
    let overlapping = unsound(|m| {
        let window = Window::square(3, 2, Padding::Same);
        conv2d(m, 0).pool = Some(FusedPool { pool: Pool2d::max(window), band_rows: 5 });
    });
    assert_eq!(overlapping, fusion, "rows of the pool share rows of the convolution");
}

#[test]
fn arithmetic_that_could_overflow_is_refused() {
    assert_eq!(
        unsound(|m| m.steps[0].channels[2].multiplier = 5),
        ModelError::Step { step: 0, error: StepError::Quantization }
    );
    assert_eq!(
        unsound(|m| m.steps[0].channels[2].shift = 31),
        ModelError::Step { step: 0, error: StepError::Quantization }
    );
    assert_eq!(
        unsound(|m| m.steps[0].channels[2].shift = 30),
        ModelError::Step { step: 0, error: StepError::Accumulator }
    );
    assert_eq!(
        unsound(|m| m.steps[0].channels[1].bias = i32::MIN),
        ModelError::Step { step: 0, error: StepError::Accumulator }
    );
    assert_eq!(
        unsound(|m| m.steps[0].record.output.quantization.scale = 0.0),
        ModelError::Step { step: 0, error: StepError::Quantization }
    );
    assert_eq!(
        unsound(|m| m.steps[5].record.output.quantization.scale = 0.5),
        ModelError::Step { step: 5, error: StepError::Quantization }
    );
    let factor = |multiplier, shift| Requantization { multiplier, shift };
    let huge = factor(1 << 30, 30);
    assert_eq!(unsound(|m| mean(m, 8).factor = huge), ModelError::Step { step: 8, error: StepError::Accumulator });
    for factor in [factor(-1, -3), factor(1 << 30, 31), factor(1 << 30, -32)] {
        assert_eq!(
            unsound(|m| mean(m, 8).factor = factor),
            ModelError::Step { step: 8, error: StepError::Quantization }
        );
    }
    // Of 2^k - 1 pixels a mean has a multiplier that is not normalized.
    for factor in [factor(0, 0), factor(1 << 29, -3), factor(i32::MAX, -31)] {
        let mut sample = sample_model(1);
        mean(&mut sample, 8).factor = factor;
        assert!(sample.encode().is_ok(), "{factor:?}");
    }
}

#[test]
fn a_window_of_size_zero_is_an_error() {
    let error = unsound(|m| {
        conv2d(m, 0).operator.window.stride_width = 0;
    });
    assert!(matches!(error, ModelError::Step { step: 0, error: StepError::Shape(_) }), "{error}");
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % limit
    }
}

/// A file of the sample's weights and this header, in an envelope that holds.
fn with_header(sample: &[u8], header: &[u8]) -> Vec<u8> {
    let length = |at: usize| u32::from_le_bytes(sample[at..at + 4].try_into().expect("four")) as usize;
    let weights = &sample[(16 + length(12)).next_multiple_of(16)..sample.len() - 4];
    let mut bytes = sample[..8].to_vec();
    let start = (16 + header.len()).next_multiple_of(16);
    bytes.extend(((start + weights.len() + 4) as u32).to_le_bytes());
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    bytes.resize(start, 0);
    bytes.extend(weights);
    bytes.extend([0; 4]);
    with_checksum(bytes)
}

fn header_of(sample: &[u8]) -> &[u8] {
    &sample[16..16 + u32::from_le_bytes(sample[12..16].try_into().expect("four")) as usize]
}

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

/// A sample network in format version 2, as the program of that time wrote it.
const FORMAT_2: &[u8] = include_bytes!("goldens/format_2.fer");

#[test]
fn a_file_of_format_2_gives_the_logits_that_it_gave_then() {
    let file = AlignedBytes::new(FORMAT_2);
    let model = Model::parse(file.as_slice()).expect("sound");
    assert_eq!((model.name(), model.crc(), model.labels().len()), ("sample", 0x3941_2bda, 7));
    assert_eq!(model.steps().count(), 10);
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("fits");
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
