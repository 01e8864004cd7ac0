//! Random operators, by this processor's kernels and in plain Rust: how many agreed, or the first that differs and status 1. For
//! processors on which the property tests do not run, and for sanitizers.
//!
//! `cargo run --release -p programs --bin agreement`, with the number of operators of each kind behind `--`
//!
//! As WebAssembly it imports `env.print(pointer, length)`, which prints bytes of its memory, and exports `main`; `tests/emulator/wasm32.mjs`
//! runs it.

use std::{env, process::ExitCode};

use embedded_io::Write;
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
    let agree = agreement::run(&mut output(), &mut Heap::default(), count);
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Standard output.
#[cfg(not(target_family = "wasm"))]
fn output() -> impl Write {
    embedded_io_adapters::std::FromStd::new(std::io::stdout())
}

/// Whatever runs it prints.
#[cfg(target_family = "wasm")]
fn output() -> impl Write {
    imported::Output
}

#[cfg(target_family = "wasm")]
mod imported {
    use std::convert::Infallible;

    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        fn print(bytes: *const u8, length: usize);
    }

    pub struct Output;

    impl embedded_io::ErrorType for Output {
        type Error = Infallible;
    }

    impl embedded_io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
            // SAFETY: so many bytes can be read there.
            unsafe { print(bytes.as_ptr(), bytes.len()) };
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
    }
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
