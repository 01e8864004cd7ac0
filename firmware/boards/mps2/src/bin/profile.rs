//! Where an inference spends its instructions: runs the network once on a drawn face and prints every operator's share, and the
//! memory it took.
//!
//! Wants `-icount shift=6`, with which QEMU lets an instruction take 64 ns.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use embedded_io::Write;
use firmware::engine::Engine;
use mps2::clock::Clock;
use mps2::machine::instructions;
use mps2::model::{ARENA_BYTES, MODEL};
use mps2::stack;
use mps2::uart::{BAUD, Uart};
use shared::model::Model;

#[entry]
fn main() -> ! {
    static mut ARENA: [i8; ARENA_BYTES] = [0; ARENA_BYTES];

    let mut uart = Uart::uart0(BAUD);
    let mut clock = Clock::timer0();
    let model = Model::parse(&MODEL.0).expect("the embedded model is sound");
    let mut engine = Engine::new(&model, ARENA).expect("the arena is large enough");
    let face = core::array::from_fn(|pixel| (pixel * 37 % 251) as u8);

    let mut line = |name: &str, macs: u64, instructions: u32| {
        write!(uart, "{name:<20}{macs:>12} MACs{instructions:>14} instructions\r\n")
            .expect("this UART reports no error");
    };
    let mut total = 0;
    let logits = engine.run_profiled(
        &face,
        || clock.ticks() as u32,
        |step, ticks| {
            let instructions = instructions(ticks.into()) as u32;
            total += instructions;
            match step {
                None => line("normalization", 0, instructions),
                Some((_, step)) => {
                    line(step.operator.name(), step.operator.macs(step.input.shape), instructions);
                }
            }
        },
    );
    logits.expect("a checked model runs");
    line("inference", model.macs(), total);
    let (arena, stack) = (Engine::arena_bytes(&model), stack::high_water_mark());
    write!(uart, "{arena} bytes of arena, {stack} bytes of stack\r\nend\r\n").expect("this UART reports no error");
    loop {
        core::hint::spin_loop();
    }
}
