//! Lets the linker find memory.x, wherever cargo was started.

fn main() {
    let directory = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    println!("cargo::rustc-link-search={directory}");
    println!("cargo::rerun-if-changed=memory.x");
}
