//! The device: [`firmware::device`] at UART0.
#![no_std]
#![no_main]

use cortex_m_board::model::{ARENA_BYTES, DEMO_FACES, MODEL};
use cortex_m_board::stack;
use cortex_m_rt::entry;
use firmware::device::{Board, Device};
use firmware::engine::Engine;
use mps2::clock::Clock;
use mps2::uart::{BAUD, Uart};
use mps2::wakeup::Wakeups;
use shared::model::Model;

const BOARD: Board = Board {
    stack_high_water: Some(stack::high_water_mark),
    demo_faces: DEMO_FACES,
    demo_interval_us: 1_000_000,
    // Nothing on this board differs from startup to startup.
    boot: 0,
};

#[entry]
fn main() -> ! {
    static mut ARENA: [i8; ARENA_BYTES] = [0; ARENA_BYTES];

    let model = Model::parse(&MODEL.0).unwrap_or_else(|error| panic!("the model: {error}"));
    let engine = Engine::new(&model, ARENA).unwrap_or_else(|error| panic!("the model: {error}"));
    let mut device = Device::new(engine, Uart::uart0(BAUD), Clock::timer0(), BOARD);
    let mut wakeups = Wakeups::enable();
    loop {
        wakeups.forget();
        let Ok(()) = device.poll();
        wakeups.wait();
    }
}
