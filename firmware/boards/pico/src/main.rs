//! The device: [`firmware::device`] at UART0, with a status LED.
#![no_std]
#![no_main]

use core::hint;

use cortex_m_board::model::{ARENA_BYTES, DEMO_FACES, MODEL};
use cortex_m_board::stack;
use firmware::device::{Board, Device, StatusLed};
use firmware::engine::Engine;
use pico::board::{Parts, start};
use rp2040_hal::entry;
use shared::model::Model;

#[entry]
fn main() -> ! {
    static mut ARENA: [i8; ARENA_BYTES] = [0; ARENA_BYTES];

    let Parts { uart, led, clock } = start();
    let board = Board {
        stack_high_water: Some(stack::high_water_mark),
        demo_faces: DEMO_FACES,
        demo_interval_us: 1_000_000,
        // Nothing on this board differs from startup to startup.
        boot: 0,
    };
    let model = Model::parse(&MODEL.0).unwrap_or_else(|error| panic!("the model: {error}"));
    let engine = Engine::new(&model, ARENA).unwrap_or_else(|error| panic!("the model: {error}"));
    let mut device = Device::new(engine, StatusLed::new(uart, led), clock, board);
    loop {
        // A byte that did not arrive whole is missing in its frame, which the host sends again.
        let _ = device.poll();
        hint::spin_loop();
    }
}
