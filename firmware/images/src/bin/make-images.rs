//! `cargo run -p images`: compiles the boards' firmware and writes the ready images into the repository.

use std::{env, path::PathBuf};

fn main() -> anyhow::Result<()> {
    let root = images::make::root();
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    // A folder of its own: other flags would compile what boards share anew each time.
    images::make::all(&root, &target.join("images"))
}
