//! Single layers, by this processor's kernels and in plain Rust.
//!
//! ```text
//! cargo run --release -p programs --bin layers                     # a table: nanoseconds of both, which must agree
//! cargo run --release -p programs --bin layers -- L2 ours 3        # runs one that often, for counters of instructions
//! cargo run --release -p programs --bin layers -- network ours 3   # a whole inference of levorse.fer
//! ```
//!
//! `firmware/benches/instructions.py` counts instructions with it, in emulation.

use std::{env, io::stdout, process::ExitCode, time::Instant};

use embedded_io_adapters::std::FromStd;
use firmware::engine::Engine;
use programs::layers::{self, Memory, Version};
use shared::model::{Aligned, Model};

/// Runs of a layer in the table.
const RUNS: u32 = 20;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut memory = Box::new(Memory::ZERO);
    if arguments.is_empty() {
        let start = Instant::now();
        let nanoseconds = || start.elapsed().as_nanos() as u64;
        let same = layers::run(&mut FromStd::new(stdout()), nanoseconds, "nanoseconds", RUNS, &mut memory);
        return if same { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let [name, version @ ("ours" | "plain"), runs] = arguments[..] else { return usage() };
    let version = if version == "ours" { Version::Ours } else { Version::Plain };
    let Ok(runs) = runs.parse() else { return usage() };
    match (name, version) {
        ("network", Version::Ours) => run_network(runs),
        _ if layers::repeat(name, version, runs, &mut memory) => {}
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: layers [LAYER ours|plain RUNS], with a layer that `layers` alone prints, or network");
    ExitCode::from(2)
}

/// Classifies a face, from grey levels to the readout.
fn run_network(runs: u32) {
    static LEVORSE: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../../models/levorse.fer"));
    let model = Model::parse(&LEVORSE.0).expect("the model that ships is sound");
    let mut arena = vec![0; Engine::arena_bytes(&model).expect("it fits") as usize];
    let mut engine = Engine::new(&model, &mut arena).expect("the arena is large enough");
    let face = std::array::from_fn(|pixel| (pixel * 37 % 251) as u8);
    for _ in 0..runs {
        engine.classify(&face).expect("a checked model runs");
    }
}
