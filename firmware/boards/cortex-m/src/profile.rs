//! Where an inference spends its time: runs the network once on a drawn face and prints every operator's share, and the memory
//! that it took.

use embedded_io::Write;
use firmware::engine::Engine;
use shared::model::Model;

use crate::model::{ARENA_BYTES, MODEL};
use crate::{print, stack};

/// Runs the network with `count`, which tells how many of `unit` there have been so far, and prints to `serial`.
pub fn run(serial: &mut impl Write, mut count: impl FnMut() -> u64, unit: &str, arena: &mut [i8; ARENA_BYTES]) {
    let model = Model::parse(&MODEL.0).expect("the embedded model is sound");
    let mut engine = Engine::new(&model, arena).expect("the arena is large enough");
    let face = core::array::from_fn(|pixel| (pixel * 37 % 251) as u8);
    let mut line = |name: &str, macs: u64, counted: u32| {
        print(serial, format_args!("{name:<20}{macs:>12} MACs{counted:>14} {unit}\r\n"));
    };
    let mut total = 0;
    let logits = engine.run_profiled(
        &face,
        || count() as u32,
        |step, counted| {
            total += counted;
            match step {
                None => line("normalization", 0, counted),
                Some((_, step)) => line(step.operator.name(), step.operator.macs(step.input.shape), counted),
            }
        },
    );
    logits.expect("a checked model runs");
    line("inference", model.macs(), total);
    let (arena, stack) = (Engine::arena_bytes(&model), stack::high_water_mark());
    print(serial, format_args!("{arena} bytes of arena, {stack} bytes of stack\r\nend\r\n"));
}
