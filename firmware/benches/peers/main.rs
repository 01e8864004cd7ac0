//! `peers core FILE.fer` or `peers tract FILE.onnx`: for each line `WARM_UP COUNT` of standard input, that many inferences on one
//! thread, and a line with the median time of the last `COUNT` in microseconds.

use std::{
    fs,
    hint::black_box,
    io::{self, Write},
    path::Path,
    time::Instant,
};

use anyhow::Context;
use firmware::engine::Engine;
use shared::{
    model::Model,
    preprocessing::{FACE_PIXELS, FACE_SIZE},
};
use tract_onnx::prelude::*;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["core", file] => core(file.as_ref()),
        ["tract", file] => tract(file.as_ref()),
        _ => anyhow::bail!("usage: peers core FILE.fer | tract FILE.onnx"),
    }
}

/// A normalized face without any structure.
fn face() -> Vec<i8> {
    let mut state = 1u32;
    let value = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 24) as i8).clamp(-126, 126)
    };
    (0..FACE_PIXELS).map(value).collect()
}

fn core(file: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(file)?;
    // A model is read in place, at an address that is a multiple of 16.
    let mut aligned = vec![0u128; bytes.len().div_ceil(16)];
    let aligned: &mut [u8] = bytemuck::cast_slice_mut(&mut aligned);
    aligned[..bytes.len()].copy_from_slice(&bytes);
    let model = Model::parse(&aligned[..bytes.len()]).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut arena = vec![0; Engine::arena_bytes(&model) as usize];
    let mut engine = Engine::new(&model, &mut arena)?;
    let face = face();
    serve(|| {
        black_box(engine.run_normalized(black_box(&face))?);
        Ok(())
    })
}

fn tract(file: &Path) -> anyhow::Result<()> {
    let shape = [1, 1, FACE_SIZE, FACE_SIZE];
    let model = tract_onnx::onnx()
        .model_for_path(file)?
        .with_input_fact(0, f32::fact(shape).into())?
        .into_optimized()?
        .into_runnable()?;
    let face: Vec<f32> = face().into_iter().map(|value| f32::from(value) / 37.0).collect();
    let face: TValue = Tensor::from_shape(&shape, &face)?.into();
    serve(|| {
        black_box(model.run(tvec!(face.clone()))?);
        Ok(())
    })
}

fn serve(mut inference: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    for line in io::stdin().lines() {
        let line = line?;
        let (warm_up, count) = line.split_once(' ').context("WARM_UP COUNT")?;
        let (warm_up, count): (usize, usize) = (warm_up.parse()?, count.parse()?);
        anyhow::ensure!(count > 0, "COUNT must be at least 1");
        for _ in 0..warm_up {
            inference()?;
        }
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            inference()?;
            times.push(start.elapsed());
        }
        times.sort();
        println!("{:.3}", times[count / 2].as_secs_f64() * 1e6);
        io::stdout().flush()?;
    }
    Ok(())
}
