//! Chooses the model of the image.

#[path = "../model_file.rs"]
mod model_file;

fn main() {
    model_file::choose();
    println!("cargo::rerun-if-changed=build.rs");
}
