//! The faces that boards show while nobody talks to them are the drawing program's.

use std::{env, fs, path::Path};

use host_trainer::synthetic;
use shared::label::Emotion;

/// A stream whose first seven faces are easy to read.
const SEED: u64 = 10;

/// Draw the file anew with `DEMO_FACES=write cargo test --test demo_faces`.
#[test]
fn the_demo_faces_are_what_the_trainer_draws_one_an_emotion() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("firmware/models/demo_faces.bin");
    let drawn: Vec<u8> = (0..Emotion::COUNT as u64).flat_map(|index| synthetic::face(SEED, index).pixels).collect();
    if env::var_os("DEMO_FACES").is_some_and(|value| value == "write") {
        fs::write(&path, &drawn).unwrap();
    }
    assert!(
        fs::read(&path).unwrap() == drawn,
        "{} is not what the trainer draws; DEMO_FACES=write cargo test --test demo_faces",
        path.display()
    );
}
