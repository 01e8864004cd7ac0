//! `peers NETWORK`: runs a network on one thread for compare.py, which asks on standard input, a line each:
//!
//! ```text
//! time WARM_UP COUNT        answered by the median time of the last COUNT inferences, in microseconds
//! logits VALUE VALUE …      answered by the logits of a normalized face
//! ```
//!
//! NETWORK is a model file (`.fer`) or the words of a description:
//!
//! ```text
//! input     SCALE
//! conv      KERNEL STRIDE PADDING FILTERS RELU SCALE ZERO_POINT weights… weight scales… biases…
//! max_pool  KERNEL STRIDE PADDING
//! mean      SCALE ZERO_POINT
//! dense     UNITS RELU SCALE ZERO_POINT weights… weight scales… biases…
//! ```
//!
//! Kernels and strides are square, PADDING is `same` or `valid`, RELU 0 or 1; weights are `[C_OUT, KERNEL, KERNEL, C_IN]`.

use std::{
    fs,
    hint::black_box,
    io::{self, Write},
    str::{FromStr, SplitWhitespace},
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use firmware::engine::Engine;
use shared::{
    model::{
        AlignedBytes, FaceHeader, Header, Measurement, Model, OperationRecord, StepRecord, StepSource, Task, Tensor,
        WeightOffsets, encode,
    },
    operator::{
        Conv2d, FullyConnected, Operator, Pool2d, conv2d::Conv2dRecord, fully_connected::FullyConnectedRecord,
        global_average_pool::MeanStep, pool2d::Pool2dStep,
    },
    preprocessing::{FACE_PIXELS, FACE_SIZE, Preprocessing},
    quantization::{ChannelParameters, Quantization, Requantization},
    shape::{Padding, Shape, Window},
};

fn main() -> anyhow::Result<()> {
    let file = std::env::args().nth(1).context("usage: peers FILE.fer|DESCRIPTION")?;
    let bytes = match file.ends_with(".fer") {
        true => AlignedBytes::new(&fs::read(&file)?),
        false => describe(&fs::read_to_string(&file)?)?,
    };
    let model = Model::parse(bytes.as_slice()).map_err(|error| anyhow::anyhow!("{file}: {error}"))?;
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena)?;
    let mut face: Vec<i8> = (0..FACE_PIXELS).map(|pixel| (pixel * 89 % 253) as i8).collect();
    for line in io::stdin().lines() {
        let line = line?;
        let mut words = Words(line.split_whitespace());
        match words.0.next() {
            Some("time") => {
                let (warm_up, count): (usize, usize) = (words.next()?, words.next()?);
                println!("{:.3}", time(&mut engine, &face, warm_up, count)?);
            }
            Some("logits") => {
                face = words.take(FACE_PIXELS)?;
                let logits: Vec<String> = engine.run_normalized(&face)?.iter().map(i8::to_string).collect();
                println!("{}", logits.join(" "));
            }
            _ => bail!("neither `time` nor `logits`"),
        }
        io::stdout().flush()?;
    }
    Ok(())
}

/// Median microseconds of `count` inferences.
fn time(engine: &mut Engine<'_, '_>, face: &[i8], warm_up: usize, count: usize) -> anyhow::Result<f64> {
    ensure!(count > 0, "COUNT must be at least 1");
    let mut times = Vec::with_capacity(count);
    for index in 0..warm_up + count {
        let start = Instant::now();
        black_box(engine.run_normalized(black_box(face))?);
        if index >= warm_up {
            times.push(start.elapsed());
        }
    }
    times.sort();
    Ok(times[count / 2].as_secs_f64() * 1e6)
}

/// The words of a text, one by one.
struct Words<'a>(SplitWhitespace<'a>);

impl Words<'_> {
    fn next<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(&mut self) -> anyhow::Result<T> {
        let word = self.0.next().context("the text ends too early")?;
        word.parse().with_context(|| format!("`{word}`"))
    }

    fn take<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
        &mut self,
        count: usize,
    ) -> anyhow::Result<Vec<T>> {
        (0..count).map(|_| self.next()).collect()
    }

    fn window(&mut self) -> anyhow::Result<Window> {
        let (kernel, stride) = (self.next()?, self.next()?);
        let padding = if self.next::<String>()? == "same" { Padding::Same } else { Padding::Valid };
        Ok(Window::square(kernel, stride, padding))
    }

    fn quantization(&mut self) -> anyhow::Result<Quantization> {
        Ok(Quantization { scale: self.next()?, zero_point: self.next()? })
    }
}

/// The model file of a description.
fn describe(text: &str) -> anyhow::Result<AlignedBytes> {
    let mut words = Words(text.split_whitespace());
    ensure!(words.0.next() == Some("input"), "a description begins with `input`");
    let size = FACE_SIZE as u16;
    let quantization = Quantization { scale: words.next()?, zero_point: 0 };
    let input = Tensor { shape: Shape::new(size, size, 1), quantization, offset: 0 };
    let (mut steps, mut last) = (Vec::new(), input);
    let weights = WeightOffsets::default();
    while let Some(word) = words.0.next() {
        let step = match word {
            "conv" => {
                let operator = Conv2d::new(words.window()?, words.next()?);
                let record = Conv2dRecord { operator, input: last, folding: None, pool: None, weights };
                weighted(&mut words, Operator::Conv2d(operator), OperationRecord::Conv2d(record), last)?
            }
            "dense" => {
                let operator = FullyConnected { units: words.next()? };
                let record = FullyConnectedRecord { operator, input: last, weights };
                weighted(&mut words, Operator::FullyConnected(operator), OperationRecord::FullyConnected(record), last)?
            }
            "max_pool" => {
                let operator = Pool2d::max(words.window()?);
                let record = OperationRecord::Pool2d(Pool2dStep { operator, input: last });
                step(Operator::Pool2d(operator), record, last, last.quantization)?
            }
            "mean" => {
                let quantization = words.quantization()?;
                let pixels = u32::from(last.shape.height) * u32::from(last.shape.width);
                let factor = Requantization::of_mean(last.quantization.scale, quantization.scale, pixels);
                let factor = factor.context("scales too far apart")?;
                let record = OperationRecord::GlobalAveragePool(MeanStep { input: last, factor });
                step(Operator::GlobalAveragePool, record, last, quantization)?
            }
            _ => bail!("no layer `{word}`"),
        };
        last = step.record.output;
        steps.push(step);
    }
    let arena_bytes = last.range().context("too large")?.end;
    for step in &mut steps {
        step.record.scratch_offset = arena_bytes;
    }
    let header = Header {
        name: "described",
        input,
        outputs: &[u8::try_from(steps.len())?.checked_sub(1).context("no layers")?],
        arena_bytes,
        macs: steps.iter().map(|step| step.record.operator().macs(step.record.input().shape)).sum(),
        training_hash: 0,
        weight_bytes: 0,
        step_count: 0,
        task: Task::Faces(FaceHeader {
            labels: &[0, 1, 2, 3, 4, 5, 6],
            preprocessing: Preprocessing::Local { sigma_floor: 4 * 256 },
            temperature: 1.0,
            threshold: 0.3,
            measurement: Measurement { data: "nothing", images: 0, accuracy: 0.0 },
        }),
    };
    encode(&header, &steps).map_err(|error| anyhow::anyhow!("{error}"))
}

/// A step without weights; every tensor has a place of its own.
fn step(
    operator: Operator,
    operation: OperationRecord,
    input: Tensor,
    quantization: Quantization,
) -> anyhow::Result<StepSource> {
    let shape = operator.output_shape(input.shape).map_err(|error| anyhow::anyhow!("{error}"))?;
    let offset = input.range().context("too large")?.end.next_multiple_of(16);
    let output = Tensor { shape, quantization, offset };
    let (activation_min, activation_max) = (i8::MIN, i8::MAX);
    let record = StepRecord { operation, output, scratch_offset: 0, activation_min, activation_max };
    Ok(StepSource { record, weights: Vec::new(), channels: Vec::new() })
}

fn weighted(
    words: &mut Words<'_>,
    operator: Operator,
    operation: OperationRecord,
    input: Tensor,
) -> anyhow::Result<StepSource> {
    let relu = words.next::<u8>()? == 1;
    let mut step = step(operator, operation, input, words.quantization()?)?;
    let output = step.record.output;
    if relu {
        step.record.activation_min = output.quantization.zero_point;
    }
    let outputs = usize::from(output.shape.channels);
    step.weights = words.take(operator.weight_count(input.shape) as usize)?;
    let (scales, biases) = (words.take::<f32>(outputs)?, words.take::<i32>(outputs)?);
    for (scale, bias) in scales.into_iter().zip(biases) {
        let factor = f64::from(input.quantization.scale) * f64::from(scale) / f64::from(output.quantization.scale);
        let Requantization { multiplier, shift } = real(factor)?;
        step.channels.push(ChannelParameters { bias, multiplier, shift });
    }
    Ok(step)
}

fn real(factor: f64) -> anyhow::Result<Requantization> {
    Requantization::from_real(factor).with_context(|| format!("no factor is {factor}"))
}
