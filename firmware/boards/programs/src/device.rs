//! The firmware's main loop on a board without an operating system.

use firmware::device::{Board, Device, FlashModels, Sight};
use firmware::engine::Engine;
use firmware::finder::frame::{MOST_COLUMNS, MOST_ROWS};
use firmware::finder::search::memory_bytes;
use shared::finder::Finder;
use shared::model::Model;
use shared::slot::Slot;
use shared::wire::FrameSize;

use crate::model::{DEMO_FACES, FINDER, MODEL};
use crate::{BareBoard, Parts, stack};

/// The largest picture that is searched.
const LARGEST: FrameSize = FrameSize { columns: MOST_COLUMNS as u16, rows: MOST_ROWS as u16 };

/// Bytes of it.
pub const PICTURE_BYTES: usize = MOST_COLUMNS * MOST_ROWS;

/// Runs the newest model that a host has uploaded, or else the one that is part of the image, for ever.
///
/// # Panics
/// If the image's model or finder is not sound, if `arena` is too small for them, or if the board's flash does not suit its layout.
pub fn run<B: BareBoard>(arena: &mut [i8], picture: &mut [u8; PICTURE_BYTES]) -> ! {
    let Parts { mut serial, mut clock, mut idle, boot, mut camera, mut light } = B::start();
    let board = Board {
        stack_high_water: Some(stack::high_water_mark),
        demo_faces: DEMO_FACES,
        demo_interval_us: 1_000_000,
        boot,
    };
    let built_in = Model::parse(&MODEL.0).unwrap_or_else(|error| panic!("the model: {error}"));
    let finder = Finder::parse(&FINDER.0).unwrap_or_else(|error| panic!("the finder: {error}"));
    let models = B::models().map(|flash| FlashModels::new(flash, arena.len()));
    let mut models = models.transpose().unwrap_or_else(|error| panic!("the flash: {error}"));
    loop {
        let uploaded = models.as_mut().and_then(FlashModels::start);
        let model = uploaded.as_ref().map_or(built_in, |(model, _)| *model);
        let with_it = uploaded.and_then(|(_, slot)| finder_of(slot, arena.len()));
        let engine = Engine::new(&model, arena).unwrap_or_else(|error| panic!("the model: {error}"));
        let finder = with_it.unwrap_or(finder);
        let sight = Sight { finder, picture: &mut picture[..], largest: LARGEST, camera: camera.as_mut() };
        let device = Device::new(engine, &mut serial, &mut clock, board).with_sight(sight);
        let mut device = device.unwrap_or_else(|error| panic!("{error}")).with_light(&mut light);
        if let Some(models) = &mut models {
            device = device.with_store(models);
        }
        if let Some(start) = B::BOOT_LOADER {
            device = device.with_boot_loader(start);
        }
        while !device.is_replaced() {
            if B::opened() {
                device.greet();
            }
            // A byte that did not arrive whole is missing in its frame, which the host sends again.
            let _ = device.poll();
            if device.is_idle() {
                idle();
            }
        }
    }
}

/// The finder that lies beside an uploaded model, if it can run.
fn finder_of(slot: Slot<'static>, arena: usize) -> Option<Finder<'static>> {
    let finder = Finder::parse(slot.finder?).ok()?;
    let need = memory_bytes(&finder, LARGEST.columns.into(), LARGEST.rows.into());
    need.is_ok_and(|need| need <= arena).then_some(finder)
}
