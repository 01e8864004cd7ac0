//! The firmware's main loop on a board without an operating system.

use embedded_io::{Read, ReadReady, Write};
use firmware::camera::Camera;
use firmware::device::{Board, Clock, Device, Sight};
use firmware::engine::Engine;
use firmware::finder::frame::{MOST_COLUMNS, MOST_ROWS};
use shared::finder::Finder;
use shared::model::Model;
use shared::wire::FrameSize;

use crate::Parts;
use crate::model::{DEMO_FACES, FINDER, MODEL};
use crate::stack;

/// The largest picture that is searched.
const LARGEST: FrameSize = FrameSize { columns: MOST_COLUMNS as u16, rows: MOST_ROWS as u16 };

/// Bytes of it.
pub const PICTURE_BYTES: usize = MOST_COLUMNS * MOST_ROWS;

/// Runs the model and the finder that are part of the image, for ever.
///
/// # Panics
/// If one of them is not sound, or `arena` is too small for them.
pub fn run(
    parts: Parts<impl Read + ReadReady + Write, impl Clock, impl FnMut(), impl Camera>,
    arena: &mut [i8],
    picture: &mut [u8; PICTURE_BYTES],
) -> ! {
    let Parts { serial, clock, mut idle, boot, camera } = parts;
    let board = Board {
        stack_high_water: Some(stack::high_water_mark),
        demo_faces: DEMO_FACES,
        demo_interval_us: 1_000_000,
        boot,
    };
    let model = Model::parse(&MODEL.0).unwrap_or_else(|error| panic!("the model: {error}"));
    let engine = Engine::new(&model, arena).unwrap_or_else(|error| panic!("the model: {error}"));
    let finder = Finder::parse(&FINDER.0).unwrap_or_else(|error| panic!("the finder: {error}"));
    let sight = Sight { finder, picture, largest: LARGEST, camera };
    let device = Device::new(engine, serial, clock, board).with_sight(sight);
    let mut device = device.unwrap_or_else(|error| panic!("{error}"));
    loop {
        // A byte that did not arrive whole is missing in its frame, which the host sends again.
        let _ = device.poll();
        if device.is_idle() {
            idle();
        }
    }
}
