//! Links with the board's memory layout, and chooses the model of the image.

#[path = "../model_file.rs"]
mod model_file;

fn main() {
    let directory = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo::rustc-link-arg-bins=-T{directory}/kernel8.ld");
    println!("cargo::rerun-if-changed=kernel8.ld");
    model_file::choose();
}
