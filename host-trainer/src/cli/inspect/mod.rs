//! `inspect`: what is in a model file.

mod arena;
mod savings;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;
use shared::{
    model::{Model, Operation, Step, Tensor},
    operator::{Operator, PoolKind, conv2d::Conv2dStep},
    shape::{Padding, Shape},
};

use super::{model_file, output::out};
use crate::{evaluation::Table, export};

#[derive(Args, Debug)]
pub struct InspectArguments {
    /// The model file
    #[arg(value_name = "FILE.fer")]
    model: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Description {
    name: String,
    crc: String,
    file_bytes: usize,
    labels: Vec<&'static str>,
    preprocessing: String,
    temperature: f32,
    threshold: f32,
    measured_on: String,
    measured_images: u32,
    measured_accuracy: f32,
    training_hash: String,
    arena_bytes: u32,
    /// Number of weights as run, with biases.
    weights: usize,
    weight_bytes: u32,
    macs: u64,
    macs_as_run: u64,
    operators: Vec<Row>,
    savings: Vec<String>,
    #[serde(skip)]
    arena: String,
}

#[derive(Serialize)]
struct Row {
    operator: String,
    window: String,
    input: String,
    output: String,
    macs: u64,
    weight_bytes: usize,
    input_scale: f32,
    output_scale: f32,
    output_zero_point: i8,
    clamp: [i8; 2],
    arena_input: u32,
    arena_output: u32,
}

pub fn run(arguments: &InspectArguments) -> anyhow::Result<()> {
    let bytes = model_file::read(&arguments.model)?;
    let model = model_file::parse(&arguments.model, &bytes)?;
    let description = describe(&model, bytes.as_slice().len());
    if arguments.json {
        writeln!(out(), "{}", serde_json::to_string(&description)?)?;
        Ok(())
    } else {
        Ok(print(&description)?)
    }
}

fn describe(model: &Model<'_>, file_bytes: usize) -> Description {
    let measurement = model.measurement();
    Description {
        name: model.name().into(),
        crc: format!("{:08x}", model.crc()),
        file_bytes,
        labels: model.labels().map(|label| label.name()).collect(),
        preprocessing: export::preprocessing(model.preprocessing()),
        temperature: model.temperature(),
        threshold: model.threshold(),
        measured_on: measurement.data.into(),
        measured_images: measurement.images,
        measured_accuracy: measurement.accuracy,
        training_hash: format!("{:016x}", model.training_hash()),
        arena_bytes: model.arena_bytes(),
        weights: model
            .steps()
            .map(|step| step.weights())
            .map(|(weights, channels)| weights.len() + channels.len())
            .sum(),
        weight_bytes: model.weight_bytes(),
        macs: model.macs(),
        macs_as_run: model.steps().map(|step| step.macs()).sum(),
        operators: model.steps().map(|step| row(&step)).collect(),
        savings: savings::savings(model),
        arena: arena::draw(model),
    }
}

fn row(step: &Step<'_>) -> Row {
    let Tensor { shape, quantization, offset } = step.input();
    let (weights, channels) = step.weights();
    Row {
        operator: name(step),
        window: window(&step.operator()),
        input: dimensions(shape),
        output: dimensions(step.output.shape),
        macs: step.macs(),
        weight_bytes: weights.len() + size_of_val(channels),
        input_scale: quantization.scale,
        output_scale: step.output.quantization.scale,
        output_zero_point: step.output.quantization.zero_point,
        clamp: [step.activation_min, step.activation_max],
        arena_input: offset,
        arena_output: step.output.offset,
    }
}

/// The operator, with the pool that is fused with it.
fn name(step: &Step<'_>) -> String {
    let pool = match step.operation {
        Operation::Conv2d(Conv2dStep { pool: Some(band), .. }) => match band.fused.pool.kind {
            PoolKind::Max => " + max",
            PoolKind::Average => " + average",
        },
        _ => "",
    };
    format!("{}{pool}", step.operator().name())
}

fn dimensions(shape: Shape) -> String {
    format!("{}x{}x{}", shape.height, shape.width, shape.channels)
}

/// `5x5/1 same`: kernel, stride, padding.
fn window(operator: &Operator) -> String {
    operator.window().map_or_else(String::new, |window| {
        let padding = if window.padding == Padding::Same { "same" } else { "valid" };
        let stride = if window.stride_height == window.stride_width {
            window.stride_height.to_string()
        } else {
            format!("{}x{}", window.stride_height, window.stride_width)
        };
        format!("{}x{}/{stride} {padding}", window.kernel_height, window.kernel_width)
    })
}

fn print(model: &Description) -> io::Result<()> {
    writeln!(out(), "{}  crc {}  {} bytes", model.name, model.crc, model.file_bytes)?;
    writeln!(out(), "labels         {}", model.labels.join(", "))?;
    writeln!(out(), "preprocessing  {}", model.preprocessing)?;
    writeln!(
        out(),
        "measured       {:.4} of {} images of {}",
        model.measured_accuracy,
        model.measured_images,
        model.measured_on
    )?;
    writeln!(out(), "temperature    {:.3}, uncertain below {:.2}", model.temperature, model.threshold)?;
    writeln!(out(), "trained by     configuration {}\n", model.training_hash)?;
    let mut table = Table::new([
        "operator",
        "window",
        "input",
        "output",
        "MACs",
        "weight bytes",
        "in scale",
        "out scale",
        "zero",
        "clamp",
        "in at",
        "out at",
    ]);
    for row in &model.operators {
        table.row([
            row.operator.clone(),
            row.window.clone(),
            row.input.clone(),
            row.output.clone(),
            row.macs.to_string(),
            row.weight_bytes.to_string(),
            format!("{:.5}", row.input_scale),
            format!("{:.5}", row.output_scale),
            row.output_zero_point.to_string(),
            format!("{}..{}", row.clamp[0], row.clamp[1]),
            row.arena_input.to_string(),
            row.arena_output.to_string(),
        ]);
    }
    writeln!(out(), "{table}\n")?;
    writeln!(
        out(),
        "total          {} MACs as trained, {} as run, {} weights in {} bytes, {} bytes of arena\n",
        model.macs,
        model.macs_as_run,
        model.weights,
        model.weight_bytes,
        model.arena_bytes
    )?;
    for sentence in &model.savings {
        writeln!(out(), "{sentence}")?;
    }
    if !model.savings.is_empty() {
        writeln!(out())?;
    }
    write!(out(), "{}", model.arena)
}
