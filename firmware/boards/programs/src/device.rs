//! The firmware's main loop on a board without an operating system.

use embedded_io::{Read, ReadReady, Write};
use firmware::device::{Board, Clock, Device};
use firmware::engine::Engine;
use shared::model::Model;

use crate::Parts;
use crate::model::{DEMO_FACES, MODEL};
use crate::stack;

/// Runs the model that is part of the image, for ever.
///
/// # Panics
/// If the model is not sound, or `arena` is too small for it.
pub fn run(parts: Parts<impl Read + ReadReady + Write, impl Clock, impl FnMut()>, arena: &mut [i8]) -> ! {
    let Parts { serial, clock, mut idle, boot } = parts;
    let board = Board {
        stack_high_water: Some(stack::high_water_mark),
        demo_faces: DEMO_FACES,
        demo_interval_us: 1_000_000,
        boot,
    };
    let model = Model::parse(&MODEL.0).unwrap_or_else(|error| panic!("the model: {error}"));
    let engine = Engine::new(&model, arena).unwrap_or_else(|error| panic!("the model: {error}"));
    let mut device = Device::new(engine, serial, clock, board);
    loop {
        // A byte that did not arrive whole is missing in its frame, which the host sends again.
        let _ = device.poll();
        idle();
    }
}
