//! How fast a network trains: forward, loss, backward and optimizer step on random faces, step after step.
//!
//! ```text
//! cargo bench -p host-trainer --bench training_speed -- NETWORK BATCH STEPS [bf16]
//! ```
//!
//! NETWORK is the name of a built-in architecture or a TOML file, whose `precision` the last argument replaces. Prints one line:
//! network, precision, program, version, median and best images a second over the steps, peak resident memory in MiB. `compare.py`
//! runs it beside PyTorch.

use std::{sync::Arc, time::Instant};

use anyhow::Context;
use burn::{
    nn::loss::CrossEntropyLossConfig,
    optim::{GradientsParams, ModuleOptimizer, RmsPropConfig, SgdConfig},
    tensor::{Device, Int, Tensor, TensorData},
};
use host_trainer::{
    architecture::{Architecture, Optimizer},
    convolution::Precision,
    network::{Mode, Network, input_tensor},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::preprocessing::FACE_PIXELS;

/// The program's allocator; the system's gives large tensors back after every step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Steps before the clock counts.
const WARM_UP: usize = 5;

fn main() -> anyhow::Result<()> {
    // cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (network, batch, steps, precision) = match arguments.as_slice() {
        [network, batch, steps] => (network, batch, steps, None),
        [network, batch, steps, last] if last == "bf16" => (network, batch, steps, Some(Precision::Bf16)),
        _ => anyhow::bail!("usage: cargo bench -p host-trainer --bench training_speed -- NETWORK BATCH STEPS [bf16]"),
    };
    let batch: usize = batch.parse().context("BATCH must be a number of images")?;
    let steps: usize = steps.parse().context("STEPS must be a number")?;
    anyhow::ensure!(batch > 0 && steps > 0, "BATCH and STEPS must be at least 1");
    let mut architecture = Architecture::find(network)?;
    architecture.recipe.precision = precision.unwrap_or(architecture.recipe.precision);
    let architecture = Arc::new(architecture);
    let mut seconds = train(&architecture, batch, steps);
    seconds.sort_by(f64::total_cmp);
    let rate = |seconds: f64| batch as f64 / seconds;
    println!(
        "{},{},host-trainer,{},{:.1},{:.1},{:.0}",
        architecture.name,
        architecture.recipe.precision,
        env!("CARGO_PKG_VERSION"),
        rate(seconds[seconds.len() / 2]),
        rate(seconds[0]),
        peak_resident_mib(),
    );
    Ok(())
}

/// Trains for `WARM_UP + steps` steps; the seconds of each of the last `steps`.
fn train(architecture: &Arc<Architecture>, batch: usize, steps: usize) -> Vec<f64> {
    let device = Device::flex().autodiff();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let faces: Vec<i8> = (0..batch * FACE_PIXELS).map(|_| random.random_range(-100..=100)).collect();
    let labels: Vec<i32> = (0..batch).map(|_| random.random_range(0..architecture.labels().count() as i32)).collect();
    let mut network = Network::new(architecture.clone(), 1, &device);
    let (mut optimizer, rate) = optimizer(architecture);
    let criterion = CrossEntropyLossConfig::new().init(&device);
    let preprocessing = architecture.preprocessing;
    let mut seconds = Vec::with_capacity(steps);
    for step in 0..WARM_UP + steps {
        let start = Instant::now();
        let images = input_tensor(faces.chunks_exact(FACE_PIXELS), preprocessing, &device);
        let targets = Tensor::<1, Int>::from_data(TensorData::new(labels.clone(), [batch]), &device);
        let logits = network.forward(images, &mut Mode::Training(&mut random));
        let loss = criterion.forward(logits, targets);
        let gradients = GradientsParams::from_grads(loss.backward(), &network.parameters);
        network.parameters = optimizer.step(rate, network.parameters, gradients);
        if step >= WARM_UP {
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    seconds
}

fn optimizer(architecture: &Architecture) -> (ModuleOptimizer, f64) {
    let optimizer = architecture.recipe.optimizer;
    let module = match optimizer {
        Optimizer::RmsProp { rho, epsilon, .. } => {
            RmsPropConfig::new().with_alpha(rho).with_momentum(0.0).with_epsilon(epsilon).init()
        }
        _ => SgdConfig::new().init(),
    };
    // A loss that stays finite: denormal and infinite numbers are slow.
    (module, optimizer.learning_rate().min(1e-4))
}

/// Linux's `VmHWM`; 0 elsewhere.
fn peak_resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
