//! The generated files of the page: the core as WebAssembly, models, the firmware of a Pico.

use std::{fs, path::Path};

use anyhow::Context;

use crate::{
    Board,
    make::{Program, compile},
};

/// Where the page lies, as seen from the repository's root.
pub const FOLDER: &str = "docs/page";

/// Its name in the record.
pub const NAME: &str = "page";

/// What its core is compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Bytes of an image in which the header lies that tells how flash is divided.
const HEAD_BYTES: usize = 4096;

/// The models that the page offers, and its finder: files of `firmware/models`.
const MODELS: [&str; 5] = ["edge.fer", "pico.fer", "pi.fer", "levorse.fer", "finder.ferf"];

/// What the page has of the models and of the boards' images, by the names of its files.
///
/// # Errors
/// If a model cannot be read.
pub fn copies(root: &Path, images: &[(Board, Vec<u8>)]) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for name in MODELS {
        let file = root.join("firmware/models").join(name);
        files.push((format!("models/{name}"), fs::read(&file).with_context(|| file.display().to_string())?));
    }
    for (board, image) in images {
        files.push(match board {
            Board::Pico => ("pico.bin".into(), image.clone()),
            // The page makes no firmware for it, but files with a model alone.
            Board::Pico2 => ("pico2.head".into(), image.get(..HEAD_BYTES).unwrap_or(image).into()),
        });
    }
    Ok(files)
}

/// The core, compiled in `target` with or without 128-bit SIMD, which a browser may lack, and the name of its file.
///
/// # Errors
/// If it does not compile.
pub fn core(root: &Path, simd: bool, target: &Path) -> anyhow::Result<(&'static str, Vec<u8>)> {
    let flags: &[&str] = if simd { &["-Ctarget-feature=+simd128"] } else { &[] };
    let program = Program {
        folder: "firmware/boards/web",
        triple: TARGET,
        arguments: &["--profile", "page", "--package", "web", "--lib"],
        flags,
        file: "page/web.wasm",
    };
    Ok((if simd { "core-simd.wasm" } else { "core.wasm" }, compile(root, program, target)?))
}
