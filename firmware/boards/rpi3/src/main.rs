//! The device: [`firmware::device`] at UART0, with a status LED.
#![no_std]
#![no_main]

use core::hint;

use firmware::device::{Board, Device, StatusLed};
use firmware::engine::Engine;
use rpi3::clock::Clock;
use rpi3::led::Led;
use rpi3::model::{DEMO_FACES, MODEL, arena};
use rpi3::stack;
use rpi3::uart::{BAUD, Uart};
use shared::model::Model;

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let board = Board {
        stack_high_water: Some(stack::high_water_mark),
        demo_faces: DEMO_FACES,
        demo_interval_us: 1_000_000,
        // The time that the board took to start differs from startup to startup.
        boot: Clock::since_power_on() as u32,
    };
    let model = Model::parse(&MODEL.0).unwrap_or_else(|error| panic!("the model: {error}"));
    let engine = Engine::new(&model, arena()).unwrap_or_else(|error| panic!("the model: {error}"));
    let serial = StatusLed::new(Uart::uart0(BAUD), Led::gpio21());
    let mut device = Device::new(engine, serial, Clock::start(), board);
    loop {
        let Ok(()) = device.poll();
        hint::spin_loop();
    }
}
