//! The faces that boards show while nobody talks to them are the drawing program's.

use std::{env, fs, path::Path};

use host_trainer::synthetic;
use shared::label::Emotion;

const SEED: u64 = 0;

/// Of each emotion, in the order of its label, the face of the first 3,000 that `edge.fer` finds most of it in, as
/// `cargo run -p host-trainer --example demo_faces -- firmware/models/edge.fer` says. The model was trained on photographs, is
/// less sure of drawings, and takes none for disgust.
const INDICES: [u64; Emotion::FER2013.len()] = [2226, 2843, 1801, 2040, 1110, 782, 867];

/// Draw the file anew with `DEMO_FACES=write cargo test --test demo_faces`.
#[test]
fn the_demo_faces_are_the_trainers_drawings_one_an_emotion() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("firmware/models/demo_faces.bin");
    let faces = INDICES.map(|index| synthetic::face(SEED, index));
    assert_eq!(faces.each_ref().map(|face| face.emotion), Emotion::FER2013);
    let drawn = faces.map(|face| face.pixels).concat();
    if env::var_os("DEMO_FACES").is_some_and(|value| value == "write") {
        fs::write(&path, &drawn).unwrap();
    }
    assert!(
        fs::read(&path).unwrap() == drawn,
        "{} is not what the trainer draws; DEMO_FACES=write cargo test --test demo_faces",
        path.display()
    );
}
