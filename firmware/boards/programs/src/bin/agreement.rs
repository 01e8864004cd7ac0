//! Random operators, by this processor's kernels and in plain Rust: how many agreed, or the first that differs and status 1. For
//! processors on which the property tests do not run, and for sanitizers.
//!
//! `cargo run --release -p programs --bin agreement`, with the number of operators of each kind behind `--`

use std::{env, io::stdout, process::ExitCode};

use embedded_io_adapters::std::FromStd;
use programs::agreement;
use programs::memory::{Buffers, Memory, Sizes};
use shared::quantization::ChannelParameters;

/// Operators of each kind.
const COUNT: u32 = 2_000;

fn main() -> ExitCode {
    let count = env::args().nth(1).map_or(Ok(COUNT), |count| count.parse());
    let Ok(count) = count else {
        eprintln!("usage: agreement [OPERATORS OF EACH KIND]");
        return ExitCode::from(2);
    };
    let agree = agreement::run(&mut FromStd::new(stdout()), &mut Heap::default(), count);
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every buffer in an allocation of its own, so that a sanitizer sees what is read or written behind it or before.
#[derive(Default)]
struct Heap {
    input: Box<[i8]>,
    weights: Box<[i8]>,
    channels: Box<[ChannelParameters]>,
    ours: Box<[i8]>,
    plain: Box<[i8]>,
    scratch: Box<[i8]>,
}

impl Memory for Heap {
    fn buffers(&mut self, sizes: Sizes) -> Option<Buffers<'_>> {
        let new = |length| vec![0; length].into_boxed_slice();
        *self = Self {
            input: new(sizes.input),
            weights: new(sizes.weights),
            channels: vec![ChannelParameters { bias: 0, multiplier: 0, shift: 0 }; sizes.channels].into_boxed_slice(),
            ours: new(sizes.output),
            plain: new(sizes.output),
            scratch: new(sizes.scratch),
        };
        let Self { input, weights, channels, ours, plain, scratch } = self;
        Some(Buffers { input, weights, channels, ours, plain, scratch })
    }
}
