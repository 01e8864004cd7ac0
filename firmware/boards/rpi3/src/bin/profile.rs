//! Where an inference spends its instructions: runs the network once on a drawn face and prints every operator's share, and the
//! memory it took.
//!
//! Wants `-icount shift=4`, with which QEMU lets an instruction take 16 ns, a tick of the counter.
#![no_std]
#![no_main]

use embedded_io::Write;
use firmware::engine::Engine;
use rpi3::clock::Clock;
use rpi3::model::{MODEL, arena};
use rpi3::stack;
use rpi3::uart::{BAUD, Uart};
use shared::model::Model;

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let mut uart = Uart::uart0(BAUD);
    let clock = Clock::start();
    let model = Model::parse(&MODEL.0).expect("the embedded model is sound");
    let mut engine = Engine::new(&model, arena()).expect("the arena is large enough");
    let face = core::array::from_fn(|pixel| (pixel * 37 % 251) as u8);

    let mut line = |name: &str, macs: u64, instructions: u32| {
        write!(uart, "{name:<20}{macs:>12} MACs{instructions:>14} instructions\r\n")
            .expect("this UART reports no error");
    };
    let mut total = 0;
    let logits = engine.run_profiled(
        &face,
        || clock.ticks() as u32,
        |step, instructions| {
            total += instructions;
            match step {
                None => line("normalization", 0, instructions),
                Some((_, step)) => {
                    line(step.operator().name(), step.macs(), instructions);
                }
            }
        },
    );
    logits.expect("a checked model runs");
    line("inference", model.macs(), total);
    let (arena, stack) = (Engine::arena_bytes(&model).expect("it fits"), stack::high_water_mark());
    write!(uart, "{arena} bytes of arena, {stack} bytes of stack\r\nend\r\n").expect("this UART reports no error");
    loop {
        core::hint::spin_loop();
    }
}
