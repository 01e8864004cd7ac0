//! Chooses the model of the boards' images, and the frames that the program `finder` searches.

use std::path::PathBuf;
use std::{env, fs};

/// Tells the compiler the path of the model as `FER_MODEL_FILE`: `firmware/models/edge.fer`, or the file that `FER_MODEL` names,
/// as seen from a board's folder. This package lies beside the boards, so that a relative path means the same here. Likewise that of
/// the frames as `FER_FRAMES_FILE`: the file that `FER_FRAMES` names, or an empty one.
fn main() {
    let directory = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let named = env::var_os("FER_MODEL").map(PathBuf::from);
    let model = directory.join(named.unwrap_or_else(|| "../../models/edge.fer".into()));
    assert!(model.is_file(), "{}: no such model file; FER_MODEL names one", model.display());
    println!("cargo::rustc-env=FER_MODEL_FILE={}", model.display());
    println!("cargo::rerun-if-changed={}", model.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FER_MODEL");

    let empty = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("no_frames");
    fs::write(&empty, []).expect("the folder for outputs can be written to");
    let frames = env::var_os("FER_FRAMES").map_or(empty, |named| directory.join(named));
    assert!(frames.is_file(), "{}: no such file of frames; FER_FRAMES names one", frames.display());
    println!("cargo::rustc-env=FER_FRAMES_FILE={}", frames.display());
    println!("cargo::rerun-if-changed={}", frames.display());
    println!("cargo::rerun-if-env-changed=FER_FRAMES");
}
