//! Builds the boards' programs for their targets.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folder of what cargo builds here.
pub fn target_directory() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// The program of the board `mps2`, for a Cortex-M4F without an operating system.
pub fn mps2() -> PathBuf {
    mps2_program("thumbv7em-none-eabihf", "mps2")
}

/// One of the board's programs, for its own processor or for a smaller one whose code it runs as well.
pub fn mps2_program(triple: &str, program: &str) -> PathBuf {
    build(&root().join("firmware/boards/mps2"), triple, "mps2").with_file_name(program)
}

/// One of the programs of the board `pico`.
pub fn pico(program: &str) -> PathBuf {
    build(&root().join("firmware/boards/pico"), "thumbv6m-none-eabi", "pico").with_file_name(program)
}

/// The program of the board `pico2`.
pub fn pico2() -> PathBuf {
    build(&root().join("firmware/boards/pico2"), "thumbv8m.main-none-eabihf", "pico2")
}

/// The program of the board `linux`.
pub fn linux(triple: &str) -> PathBuf {
    build(root(), triple, "fer-linux")
}

/// The core's program that compares kernels with those in plain Rust, for Linux.
pub fn agreement(triple: &str) -> PathBuf {
    build_with(root(), triple, "firmware", &["--example", "agreement"]).with_file_name("examples/agreement")
}

/// The image of the board `rpi3`, as it is copied onto an SD card.
pub fn rpi3() -> PathBuf {
    let program = build(&root().join("firmware/boards/rpi3"), "aarch64-unknown-none", "rpi3");
    // Each test makes its own: they run at the same time.
    let image = program.with_file_name(format!("kernel8-{:?}.img", std::thread::current().id()));
    let output = Command::new("aarch64-linux-gnu-objcopy").args(["-O", "binary"]).arg(&program).arg(&image).output();
    let output = output.expect("binutils for AArch64 are installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    image
}

/// Runs `cargo build --release` for one package in `directory`; cargo lets builds into the same folder wait for each
/// other.
fn build(directory: &Path, triple: &str, package: &str) -> PathBuf {
    build_with(directory, triple, package, &[])
}

fn build_with(directory: &Path, triple: &str, package: &str, arguments: &[&str]) -> PathBuf {
    let target_directory = target_directory().join("boards");
    let output = Command::new(root().join(".ci/cross-cargo"))
        .args([triple, "build", "--release", "--locked", "--package", package, "--target-dir"])
        .arg(&target_directory)
        .args(arguments)
        .current_dir(directory)
        // The libraries of the toolchain that runs these tests are not those of the other compiler.
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .unwrap();
    assert!(output.status.success(), "{package} for {triple}:\n{}", String::from_utf8_lossy(&output.stderr));
    target_directory.join(triple).join("release").join(package)
}
