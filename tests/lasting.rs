//! Models and engines that last as long as the tests run, so that a test need not hold their memory.

use firmware::engine::Engine;
use shared::model::{AlignedBytes, Model};

/// The model of a file.
///
/// # Panics
/// If it is not sound.
pub fn model(file: AlignedBytes) -> Model<'static> {
    Model::parse(Box::leak(Box::new(file)).as_slice()).expect("a sound model")
}

/// An engine with an arena of its own, as large as it asks for.
///
/// # Panics
/// If the model needs more than can be counted.
pub fn engine<'model>(model: &Model<'model>) -> Engine<'model, 'static> {
    let arena = vec![0; Engine::arena_bytes(model).expect("it fits") as usize];
    Engine::new(model, arena.leak()).expect("the arena is large enough")
}
