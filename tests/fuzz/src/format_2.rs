//! Model files of format version 2, which no program writes any more: their records field by field, as `postcard` lays them out.

use postcard::to_allocvec;
use serde::Serialize;
use shared::{
    model::{Measurement, OLDEST_VERSION, Tensor},
    preprocessing::Preprocessing,
    quantization::{AddParameters, Quantization, Requantization},
    shape::{
        Padding::{Same, Valid},
        Shape,
    },
};

use crate::envelope::Contents;

/// Channel parameters at the beginning of the weight section, for every step the same; its weights follow.
const CHANNELS: usize = 8;

/// Convolution, depthwise convolution, mean, two units.
pub fn conv2d() -> Vec<u8> {
    let mut network = Network::new();
    let conv = network.step((0u8, ((3u8, 3u8, 4u8, 4u8, Same), 3u16)), NONE, network.input(), None, [12, 12, 3], 0u8);
    let depthwise = network.step((1u8, (2u8, 3u8, 2u8, 1u8, Valid)), NONE, conv, None, [6, 10, 3], 0u8);
    let mean = network.step(4u8, NONE, depthwise, None, [1, 1, 3], (1u8, factor(0.02)));
    network.step((6u8, 2u16), NONE, mean, None, [1, 1, 2], 0u8);
    network.file()
}

/// A convolution plus a depthwise one of it, mean.
pub fn add() -> Vec<u8> {
    let mut network = Network::new();
    let conv = network.step((0u8, ((1u8, 1u8, 8u8, 8u8, Same), 2u16)), NONE, network.input(), None, [6, 6, 2], 0u8);
    let depthwise = network.step((1u8, (3u8, 3u8, 1u8, 1u8, Same)), NONE, conv, None, [6, 6, 2], 0u8);
    let factors = AddParameters::from_scales(SCALE, SCALE, SCALE).expect("in range");
    let sum = network.step(5u8, NONE, conv, Some(depthwise), [6, 6, 2], (2u8, factors));
    network.step(4u8, NONE, sum, None, [1, 1, 2], (1u8, factor(0.03)));
    network.file()
}

/// Both pools and two units.
pub fn pools() -> Vec<u8> {
    let mut network = Network::new();
    let input = network.input();
    let max = network.pool((2u8, (4u8, 4u8, 8u8, 8u8, Same)), input, [6, 6, 1]);
    let average = network.pool((3u8, (2u8, 3u8, 2u8, 2u8, Valid)), max, [3, 2, 1]);
    network.step((6u8, 2u16), NONE, average, None, [1, 1, 2], 0u8);
    network.file()
}

/// A convolution that stands for two and has a pool behind it, after a pool that makes it small; mean.
pub fn folded_pooled() -> Vec<u8> {
    let mut network = Network::new();
    let input = network.input();
    let small = network.pool((2u8, (8u8, 8u8, 8u8, 8u8, Same)), input, [6, 6, 1]);
    let fused = (Some((1u16, 2u8, 2u8)), Some(((2u8, (2u8, 2u8, 2u8, 2u8, Same)), 2u16)));
    let pooled = network.step((0u8, ((4u8, 4u8, 1u8, 1u8, Same), 2u16)), fused, small, None, [3, 3, 2], 0u8);
    network.step(4u8, NONE, pooled, None, [1, 1, 2], (1u8, factor(0.1)));
    network.file()
}

const SCALE: f32 = 0.05;

/// Neither folded nor pooled.
const NONE: (Option<u8>, Option<u8>) = (None, None);

fn factor(real: f64) -> Requantization {
    Requantization::from_real(real).expect("in range")
}

struct Network {
    end: u32,
    steps: Vec<Vec<u8>>,
}

impl Network {
    const PREPROCESSING: Preprocessing = Preprocessing::Grey { divisor: 255 };

    fn new() -> Self {
        Self { end: 2304, steps: Vec::new() }
    }

    fn input(&self) -> Tensor {
        let quantization = Quantization { scale: Self::PREPROCESSING.scale(), zero_point: -128 };
        Tensor { shape: Shape::new(48, 48, 1), quantization, offset: 0 }
    }

    /// A step whose output comes behind every tensor before it.
    fn step(
        &mut self,
        operator: impl Serialize,
        fused: impl Serialize,
        input: Tensor,
        second: Option<Tensor>,
        shape: [u16; 3],
        arithmetic: impl Serialize,
    ) -> Tensor {
        let quantization = Quantization { scale: SCALE, zero_point: 4 };
        self.write(operator, fused, input, second, (shape, quantization), arithmetic)
    }

    /// A pool, whose output is quantized as its input.
    fn pool(&mut self, operator: impl Serialize, input: Tensor, shape: [u16; 3]) -> Tensor {
        self.write(operator, NONE, input, None, (shape, input.quantization), 0u8)
    }

    fn write(
        &mut self,
        operator: impl Serialize,
        fused: impl Serialize,
        input: Tensor,
        second: Option<Tensor>,
        ([height, width, channels], quantization): ([u16; 3], Quantization),
        arithmetic: impl Serialize,
    ) -> Tensor {
        let output = Tensor { shape: Shape::new(height, width, channels), quantization, offset: self.end };
        self.end = output.range().expect("small").end;
        let places = (self.end, -128i8, 127i8, (CHANNELS * 12) as u32, 0u32);
        let record = to_allocvec(&(operator, fused, input, second, output, places, arithmetic));
        self.steps.push(record.expect("memory"));
        output
    }

    fn file(self) -> Vec<u8> {
        // Channel parameters: bias, multiplier, shift.
        let mut weights: Vec<u8> = (0..CHANNELS as i32)
            .flat_map(|channel| [channel * 100 - 300, (1 << 30) + channel, -6])
            .flat_map(i32::to_le_bytes)
            .collect();
        weights.extend((0..160usize).map(|index| (index * index * 13) as u8));
        let measurement = Measurement { data: "nothing", images: 0, accuracy: 0.0 };
        // Behind the last step a band and as much again is free.
        let arena_bytes = self.end + 200;
        let labels: &[u8] = &[3, 6];
        let what = ("seed", labels, Self::PREPROCESSING, self.input(), 1.0f32, 0.5f32);
        let counts = (arena_bytes, 0u64, measurement, 0u64, weights.len() as u32, self.steps.len() as u16);
        let mut header = to_allocvec(&(what, counts)).expect("memory");
        header.extend(self.steps.concat());
        Contents { version: OLDEST_VERSION, header, weights }.file()
    }
}
