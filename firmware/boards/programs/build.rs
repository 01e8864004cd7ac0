//! Chooses the model of the boards' images.

use std::env;
use std::path::PathBuf;

/// Tells the compiler the path of the model as `FER_MODEL_FILE`: `firmware/models/edge.fer`, or the file that `FER_MODEL` names,
/// as seen from a board's folder. This package lies beside the boards, so that a relative path means the same here.
fn main() {
    let directory = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let named = env::var_os("FER_MODEL").map(PathBuf::from);
    let model = directory.join(named.unwrap_or_else(|| "../../models/edge.fer".into()));
    assert!(model.is_file(), "{}: no such model file; FER_MODEL names one", model.display());
    println!("cargo::rustc-env=FER_MODEL_FILE={}", model.display());
    println!("cargo::rerun-if-changed={}", model.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FER_MODEL");
}
