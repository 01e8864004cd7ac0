//! Where an inference spends its instructions: runs the network on a drawn face and prints every operator's share, what the
//! engine takes beside the kernels that it calls, and the memory.
//!
//! Wants `-icount shift=6`, with which QEMU lets an instruction take 64 ns.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use embedded_io::Write;
use firmware::engine::{Caller, Engine};
use mps2::clock::Clock;
use mps2::machine::instructions;
use mps2::model::{ARENA_BYTES, MODEL};
use mps2::stack;
use mps2::uart::{BAUD, Uart};
use shared::model::Model;

/// Adds up the ticks of kernels alone, the clock's own among them.
struct Timed<'a> {
    clock: &'a mut Clock,
    ticks: u64,
    calls: u64,
}

impl<'a> Timed<'a> {
    fn new(clock: &'a mut Clock) -> Self {
        Self { clock, ticks: 0, calls: 0 }
    }
}

impl Caller for Timed<'_> {
    fn call<R>(&mut self, kernel: impl FnOnce() -> R) -> R {
        let start = self.clock.ticks();
        let result = kernel();
        self.ticks += self.clock.ticks() - start;
        self.calls += 1;
        result
    }
}

#[entry]
fn main() -> ! {
    static mut ARENA: [i8; ARENA_BYTES] = [0; ARENA_BYTES];

    let mut uart = Uart::uart0(BAUD);
    let mut clock = Clock::timer0();
    let model = Model::parse(&MODEL.0).expect("the embedded model is sound");
    let mut engine = Engine::new(&model, ARENA).expect("the arena is large enough");
    let face = core::array::from_fn(|pixel| (pixel * 37 % 251) as u8);

    let mut line = |name: &str, macs: u64, instructions: u64| {
        write!(uart, "{name:<20}{macs:>12} MACs{instructions:>14} instructions\r\n")
            .expect("this UART reports no error");
    };
    let logits = engine.run_profiled(
        &face,
        || clock.ticks() as u32,
        |step, ticks| {
            let instructions = instructions(ticks.into());
            match step {
                None => line("normalization", 0, instructions),
                Some((_, step)) => {
                    line(step.operator.name(), step.operator.macs(step.input.shape), instructions);
                }
            }
        },
    );
    logits.expect("a checked model runs");

    let start = clock.ticks();
    engine.run(&face).expect("a checked model runs");
    let inference = instructions(clock.ticks() - start);
    line("inference", model.macs(), inference);

    let mut timed = Timed::new(&mut clock);
    engine.run_through(&face, &mut timed).expect("a checked model runs");
    let (kernels, calls) = (timed.ticks, timed.calls);
    let mut timed = Timed::new(&mut clock);
    (0..calls).for_each(|_| timed.call(|| core::hint::black_box(())));
    let kernels = instructions(kernels - timed.ticks);
    let overhead = inference.saturating_sub(kernels);
    let hundredths = (overhead * 10_000).div_ceil(inference);
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let (arena, stack) = (Engine::arena_bytes(&model), stack::high_water_mark());
    write!(
        uart,
        "overhead {overhead} instructions, {whole}.{rest:02} %, beside {calls} calls of kernels\r\n\
         {arena} bytes of arena, {stack} bytes of stack\r\nend\r\n"
    )
    .expect("this UART reports no error");
    loop {
        core::hint::spin_loop();
    }
}
