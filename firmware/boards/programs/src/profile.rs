//! Where an inference spends its time: runs the network on a drawn face and prints every operator's share, what the engine
//! takes beside the kernels that it calls, and the memory.

use core::hint::black_box;

use embedded_io::Write;
use firmware::engine::{Caller, Engine};
use shared::model::Model;

use crate::model::MODEL;
use crate::{Counter, print, stack};

/// Adds up what kernels take, the counter's own share among it.
struct Timed<'a, F> {
    count: &'a mut F,
    sum: u64,
    calls: u64,
}

impl<F: FnMut() -> u64> Caller for Timed<'_, F> {
    fn call<R>(&mut self, kernel: impl FnOnce() -> R) -> R {
        let start = (self.count)();
        let result = kernel();
        self.sum += (self.count)() - start;
        self.calls += 1;
        result
    }
}

/// Runs the network and prints to `serial`.
///
/// # Panics
/// If the model is not sound, or `arena` is too small for it.
pub fn run(serial: &mut impl Write, clock: &impl Counter, arena: &mut [i8]) {
    let (mut count, unit) = (|| clock.count(), clock.unit());
    let model = Model::parse(&MODEL.0).unwrap_or_else(|error| panic!("the model: {error}"));
    let mut engine = Engine::new(&model, arena).unwrap_or_else(|error| panic!("the model: {error}"));
    let face = core::array::from_fn(|pixel| (pixel * 37 % 251) as u8);
    let mut line = |name: &str, macs: u64, counted: u64| {
        print(serial, format_args!("{name:<20}{macs:>12} MACs{counted:>14} {unit}\r\n"));
    };
    let logits = engine.run_profiled(
        &face,
        || count() as u32,
        |step, counted| match step {
            None => line("normalization", 0, counted.into()),
            Some((_, step)) => line(step.operator().name(), step.macs(), counted.into()),
        },
    );
    logits.expect("a checked model runs");

    let start = count();
    engine.run(&face).expect("a checked model runs");
    let inference = count() - start;
    line("inference", model.macs(), inference);

    let mut timed = Timed { count: &mut count, sum: 0, calls: 0 };
    engine.run_through(&face, &mut timed).expect("a checked model runs");
    let (kernels, calls) = (timed.sum, timed.calls);
    let mut timed = Timed { count: &mut count, sum: 0, calls: 0 };
    (0..calls).for_each(|_| timed.call(|| black_box(())));
    let overhead = inference.saturating_sub(kernels.saturating_sub(timed.sum));
    let hundredths = (overhead * 10_000).div_ceil(inference.max(1));
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    let (arena, stack) = (Engine::arena_bytes(&model).expect("it fits"), stack::high_water_mark());
    print(serial, format_args!("overhead {overhead} {unit}, {whole}.{rest:02} %, beside {calls} calls of kernels\r\n"));
    print(serial, format_args!("{arena} bytes of arena, {stack} bytes of stack\r\nend\r\n"));
}
