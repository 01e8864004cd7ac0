//! Draws a sheet of synthetic faces, a row per emotion: `cargo run --release -p host-trainer --example contact_sheet -- PNG`

use std::path::Path;

use host_trainer::{image_file::write_grey, synthetic::contact_sheet};

fn main() {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: contact_sheet PNG");
        std::process::exit(2);
    };
    let (width, height, pixels) = contact_sheet(1, 10, 2);
    if let Err(error) = write_grey(Path::new(&path), width, height, pixels) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}
