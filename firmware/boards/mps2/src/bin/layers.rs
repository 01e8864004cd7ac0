//! Instructions of single layers, ours and in plain Rust, and whether both agree; the layers are those that peers were
//! measured on.
//!
//! Wants `-icount shift=6`, with which QEMU lets an instruction take 64 ns: 5 instructions are 8 ticks of the clock.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use embedded_io::Write;
use firmware::kernels::{self, ConvArguments, FullyConnectedArguments, PoolArguments, portable};
use mps2::clock::Clock;
use mps2::uart::{BAUD, Uart};
use shared::quantization::ChannelParameters;
use shared::shape::{Padding, Shape, Window};

/// Name, input, kernel, stride, output channels.
const CONVOLUTIONS: [(&str, [u16; 3], u8, u8, u16); 10] = [
    ("L1", [48, 48, 1], 5, 1, 14),
    ("L2", [48, 48, 14], 5, 1, 14),
    ("L3", [24, 24, 14], 7, 1, 8),
    ("L4", [24, 24, 8], 7, 1, 8),
    ("W", [48, 48, 1], 9, 1, 14),
    ("A", [24, 24, 16], 3, 1, 32),
    ("B", [12, 12, 64], 1, 1, 64),
    ("D", [24, 24, 32], 3, 2, 64),
    ("E", [12, 12, 64], 3, 1, 64),
    ("F", [48, 48, 1], 3, 1, 16),
];

#[repr(align(16))]
struct Aligned([i8; 1152 * 144]);

fn random(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

#[entry]
fn main() -> ! {
    static mut INPUT: [i8; 48 * 48 * 14] = [0; _];
    static mut WEIGHTS: [i8; 64 * 64 * 9] = [0; _];
    static mut WEIGHTS_FULL: Aligned = Aligned([0; 1152 * 144]);
    static mut OUTPUT: [i8; 48 * 48 * 16] = [0; _];
    static mut EXPECTED: [i8; 48 * 48 * 16] = [0; _];
    static mut SCRATCH: [i8; 64 * 1024] = [0; _];
    let mut uart = Uart::uart0(BAUD);
    let mut clock = Clock::timer0();
    let mut seed = 1;
    INPUT.fill_with(|| random(&mut seed) as i8);
    let WEIGHTS_FULL = &mut WEIGHTS_FULL.0;
    WEIGHTS_FULL.fill_with(|| random(&mut seed) as i8);
    WEIGHTS.fill_with(|| random(&mut seed) as i8);
    let channels: [ChannelParameters; 64] = core::array::from_fn(|at| ChannelParameters {
        bias: random(&mut seed) as i32 >> 18,
        multiplier: (1 << 30) + (random(&mut seed) >> 2) as i32,
        shift: -9 - (at as i32 % 3),
    });
    let mut instructions = |work: &mut dyn FnMut()| {
        let start = clock.ticks();
        work();
        (clock.ticks() - start) * 5 / 8
    };
    for (name, [height, width, depth], kernel, stride, filters) in CONVOLUTIONS {
        let input_shape = Shape::new(height, width, depth);
        let window = Window::square(kernel, stride, Padding::Same);
        let (out_height, out_width) = window.output_size(height, width).unwrap();
        let arguments = ConvArguments {
            window,
            input_shape,
            output_shape: Shape::new(out_height, out_width, filters),
            input_offset: 128,
            output_offset: 3,
            activation_min: -128,
            activation_max: 127,
        };
        let scratch = kernels::conv2d_scratch(&window, input_shape, arguments.output_shape);
        let channels = &channels[..filters.into()];
        OUTPUT.fill(0);
        EXPECTED.fill(0);
        let ours = instructions(&mut || {
            kernels::conv2d(&arguments, INPUT, WEIGHTS, channels, OUTPUT, &mut SCRATCH[..scratch]).unwrap()
        });
        let plain = instructions(&mut || portable::conv2d(&arguments, INPUT, WEIGHTS, channels, EXPECTED).unwrap());
        let same = OUTPUT == EXPECTED;
        let macs = u64::from(out_height) * u64::from(out_width) * u64::from(filters) * u64::from(kernel).pow(2) * u64::from(depth);
        write!(uart, "{name:<4}{macs:>12} MACs{ours:>12} instructions{:>6}.{:02} a MAC  plain{plain:>12}  scratch {scratch} same {same}\r\n", ours / macs, ours * 100 / macs % 100).unwrap();
    }
    let add = FullyConnectedArguments { input_offset: 128, output_offset: 3, activation_min: -100, activation_max: 127 };
    for (name, inputs, units) in [("L5", 1152, 144), ("L6", 144, 7)] {
        let scratch = kernels::fully_connected_scratch(inputs);
        let channels = &channels[..units.min(64)];
        let channels: &[ChannelParameters] = if units > 64 { &[channels[5]; 144] } else { channels };
        let (ours_out, plain_out) = (&mut OUTPUT[..units], &mut EXPECTED[..units]);
        let weights = &WEIGHTS_FULL[..inputs * units];
        let ours = instructions(&mut || kernels::fully_connected(&add, &INPUT[..inputs], weights, channels, ours_out, &mut SCRATCH[..scratch]).unwrap());
        let plain = instructions(&mut || portable::fully_connected(&add, &INPUT[..inputs], weights, channels, plain_out).unwrap());
        let same = ours_out == plain_out;
        write!(uart, "{name:<4}{:>12} MACs{ours:>12} instructions  plain{plain:>12} same {same}\r\n", inputs * units).unwrap();
    }
    for (name, side, depth) in [("P1", 48, 14), ("P2", 24, 8)] {
        let pool = PoolArguments { window: Window::square(2, 2, Padding::Valid), input_shape: Shape::new(side, side, depth), output_shape: Shape::new(side / 2, side / 2, depth), activation_min: -100, activation_max: 90 };
        OUTPUT.fill(0);
        EXPECTED.fill(0);
        let ours = instructions(&mut || kernels::max_pool2d(&pool, INPUT, OUTPUT).unwrap());
        let plain = instructions(&mut || portable::max_pool2d(&pool, INPUT, EXPECTED).unwrap());
        let same = OUTPUT == EXPECTED;
        write!(uart, "{name:<4}{ours:>12} instructions  plain{plain:>12} same {same}\r\n").unwrap();
    }
    {
        let (window, shape) = (Window::square(3, 1, Padding::Same), Shape::new(12, 12, 64));
        let arguments = ConvArguments { window, input_shape: shape, output_shape: shape, input_offset: 77, output_offset: -5, activation_min: -128, activation_max: 127 };
        let scratch = kernels::depthwise_conv2d_scratch(&window, shape, shape);
        OUTPUT.fill(0);
        EXPECTED.fill(0);
        let ours = instructions(&mut || kernels::depthwise_conv2d(&arguments, INPUT, WEIGHTS, &channels, OUTPUT, &mut SCRATCH[..scratch]).unwrap());
        let plain = instructions(&mut || portable::depthwise_conv2d(&arguments, INPUT, WEIGHTS, &channels, EXPECTED).unwrap());
        let same = OUTPUT == EXPECTED;
        write!(uart, "C   {ours:>12} instructions  plain{plain:>12} scratch {scratch} same {same}\r\n").unwrap();
    }
    write!(uart, "end\r\n").unwrap();
    loop {
        core::hint::spin_loop();
    }
}
