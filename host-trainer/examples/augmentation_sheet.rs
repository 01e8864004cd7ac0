//! Draws what augmentation does to synthetic faces, first each setting alone, a row each, then all together:
//! `cargo run --release -p host-trainer --example augmentation_sheet -- PNG`

use std::path::Path;

use host_trainer::{
    augmentation::{Augmentation, Block, contact_sheet},
    image_file::write_grey,
    synthetic,
};

/// Strong but usual.
const EVERYTHING: Augmentation = Augmentation {
    flip: true,
    shift: 4.0,
    rotation: 12.0,
    scale: 0.15,
    brightness: 25.0,
    contrast: 0.3,
    gamma: 0.6,
    gradient: 40.0,
    erasing: 0.5,
};

fn main() {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: augmentation_sheet PNG");
        std::process::exit(2);
    };
    let off = Augmentation::default();
    let settings = [
        Augmentation { flip: true, ..off },
        Augmentation { shift: EVERYTHING.shift, ..off },
        Augmentation { rotation: EVERYTHING.rotation, ..off },
        Augmentation { scale: EVERYTHING.scale, ..off },
        Augmentation { brightness: EVERYTHING.brightness, ..off },
        Augmentation { contrast: EVERYTHING.contrast, ..off },
        Augmentation { gamma: EVERYTHING.gamma, ..off },
        Augmentation { gradient: EVERYTHING.gradient, ..off },
        Augmentation { erasing: 1.0, ..off },
        EVERYTHING,
        EVERYTHING,
    ];
    let faces: Vec<_> = (0..settings.len() as u64).map(|index| [synthetic::face(1, index).pixels]).collect();
    let rows = settings.iter().zip(&faces);
    let blocks: Vec<_> = rows.map(|(augmentation, faces)| Block { augmentation: *augmentation, faces }).collect();
    let (width, height, pixels) = contact_sheet(&blocks, 9, 2, 1);
    if let Err(error) = write_grey(Path::new(&path), width, height, pixels) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}
