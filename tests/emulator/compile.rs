//! Builds the boards' programs for their targets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::boards::Board;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folder of what cargo builds here.
pub fn target_directory() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// The board's device.
pub fn device(board: &Board) -> PathBuf {
    program(board, if board.is_linux() { "fer-linux" } else { board.folder() })
}

/// The board's device with another model than the usual one, a file of `firmware/models`.
pub fn device_with(board: &Board, model: &str) -> PathBuf {
    build(board, board.folder(), Some(model))
}

/// One of the board's programs, built once. All boards are built into one folder, where programs of the same name take each
/// other's place, so each is copied.
pub fn program(board: &Board, program: &str) -> PathBuf {
    build(board, program, None)
}

fn build(board: &Board, program: &str, model: Option<&str>) -> PathBuf {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let (triple, target_directory) = (board.target(), target_directory().join("boards"));
    let folder = target_directory.join("programs").join(board.folder()).join(&triple);
    let copy = folder.join(model.unwrap_or_default()).join(program);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if built.contains(&copy) {
        return copy;
    }
    // The programs that compare and measure where there is a standard library are those of a host.
    let hosted = board.is_linux() || board.is_wasm();
    let folder = if program == "agreement" && hosted { "programs" } else { board.folder() };
    let output = Command::new(root().join(".ci/cross-cargo"))
        .args([&triple, "build", "--release", "--locked", "--bin", program, "--target-dir"])
        .arg(&target_directory)
        .current_dir(root().join("firmware/boards").join(folder))
        // The libraries of the toolchain that runs these tests are not those of the other compiler.
        .env_remove("LD_LIBRARY_PATH")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Ctarget-feature=+simd128")
        .envs(model.map(|model| ("FER_MODEL", format!("../../models/{model}"))))
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} for {triple}:\n{}", String::from_utf8_lossy(&output.stderr));
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    let built_file = target_directory.join(&triple).join("release").join(program);
    fs::copy(if board.is_wasm() { built_file.with_extension("wasm") } else { built_file }, &copy).unwrap();
    built.insert(copy.clone());
    copy
}

/// A program of a board as raw bytes, as some boards start it: what the ELF file loads, from its first address on.
pub fn image(program: &Path) -> PathBuf {
    // Each test makes its own: they run at the same time.
    let image = program.with_extension(format!("{:?}.img", std::thread::current().id()));
    let output = Command::new("aarch64-linux-gnu-objcopy").args(["-O", "binary"]).arg(program).arg(&image).output();
    let output = output.expect("binutils for AArch64 are installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    image
}
