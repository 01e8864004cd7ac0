//! Links with the board's memory layout.

fn main() {
    let directory = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo::rustc-link-arg-bins=-T{directory}/kernel8.ld");
    println!("cargo::rerun-if-changed=kernel8.ld");
}
