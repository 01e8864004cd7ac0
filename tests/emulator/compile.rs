//! Builds the boards' programs for their targets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use images::make;

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
    if model == board.model() { device(board) } else { build(board, board.folder(), Some(model)) }
}

/// One of the board's programs, built once. All boards are built into one folder, where programs of the same name take each
/// other's place, so each is copied.
pub fn program(board: &Board, program: &'static str) -> PathBuf {
    build(board, program, None)
}

/// What tests run of a board without an operating system, beside its device and `agreement`. All of it is built by one call of cargo,
/// which links programs side by side: each is optimized as a whole, on one core.
const PROGRAMS: [(&str, &[&str]); 3] =
    [("mps2", &["clock", "finder"]), ("mps2-an505", &["clock"]), ("pico", &["finder", "store"])];

/// The programs that are built with `program`.
fn together(board: &Board, program: &'static str) -> Vec<&'static str> {
    let (_, others) = PROGRAMS.iter().find(|(name, _)| *name == board.name).copied().unwrap_or_default();
    let device = (board.has("device") && images::Board::named(board.name).is_none()).then_some(board.folder());
    let agreement = board.has("kernels").then_some("agreement");
    let mut programs: Vec<_> = others.iter().copied().chain(device).chain(agreement).collect();
    if board.is_linux() || board.is_wasm() || !programs.contains(&program) {
        programs = vec![program];
    }
    programs
}

fn build(board: &Board, program: &'static str, model: Option<&str>) -> PathBuf {
    static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let (triple, target_directory) = (board.target(), target_directory().join("boards"));
    let folder = target_directory.join("programs").join(board.folder()).join(&triple);
    let copy = |program| folder.join(model.unwrap_or_default()).join(program);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if built.contains(&copy(program)) {
        return copy(program);
    }
    if let (Some(ready), None) = (images::Board::named(program), model) {
        built.insert(ready_program(ready, &copy(program)));
        return copy(program);
    }
    // The programs that compare and measure where there is a standard library are those of a host.
    let hosted = board.is_linux() || board.is_wasm();
    let place = if program == "agreement" && hosted { "programs" } else { board.folder() };
    let programs = if model.is_some() { vec![program] } else { together(board, program) };
    let output = Command::new(root().join(".ci/cross-cargo"))
        .args([&triple, "build", "--release", "--locked", "--target-dir"])
        .arg(&target_directory)
        .args(programs.iter().flat_map(|program| ["--bin", program]))
        .current_dir(root().join("firmware/boards").join(place))
        // The libraries of the toolchain that runs these tests are not those of the other compiler.
        .env_remove("LD_LIBRARY_PATH")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Ctarget-feature=+simd128")
        .envs(model.map(|model| ("FER_MODEL", format!("../../models/{model}"))))
        .output()
        .unwrap();
    assert!(output.status.success(), "{programs:?} for {triple}:\n{}", String::from_utf8_lossy(&output.stderr));
    for program in programs {
        let file = target_directory.join(&triple).join("release").join(program);
        let copy = copy(program);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(if board.is_wasm() { file.with_extension("wasm") } else { file }, &copy).unwrap();
        built.insert(copy);
    }
    copy(program)
}

/// Compiles the device of a board as its ready image is compiled, for the test of that image compares it: once for both.
fn ready_program(board: images::Board, copy: &Path) -> PathBuf {
    let target = target_directory().join("images");
    make::firmware(root(), board, &target).expect("it compiles");
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::copy(target.join(board.target()).join("release").join(board.name()), copy).unwrap();
    copy.into()
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
