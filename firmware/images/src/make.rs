//! The ready images, compiled anew.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use shared::image::ImageHeader;

use crate::{Board, FLASH_START, contents, page};

/// Where the images lie, as seen from the repository's root.
pub const FOLDER: &str = "firmware/images";

/// What they were made by, beside them.
pub const RECORD: &str = "images.toml";

/// What compiles for a board: the compiler, and where the target's libraries come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// Such as `rustc 1.96.0 (ac68faa20 2026-05-25)`.
    pub version: String,
    /// Whether the libraries are compiled from their sources, too.
    pub builds_libraries: bool,
}

/// The repository's root, where this crate was compiled.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The compiler that is taken for a target, such as `thumbv6m-none-eabi`.
///
/// # Errors
/// If it does not start.
pub fn compiler(root: &Path, target: &str) -> anyhow::Result<Compiler> {
    let cross_cargo = root.join(".ci/cross-cargo");
    let asked = Command::new(&cross_cargo).args([target, "--has-libraries"]).output();
    let builds_libraries = !asked.with_context(|| cross_cargo.display().to_string())?.status.success();
    let version = output(Command::new(rustc(builds_libraries)).arg("-V"))?;
    Ok(Compiler { version, builds_libraries })
}

fn rustc(builds_libraries: bool) -> &'static str {
    // As cross-cargo takes them.
    if builds_libraries { "/usr/bin/rustc" } else { "rustc" }
}

/// What is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program<'a> {
    /// Where, as seen from the repository's root.
    pub folder: &'a str,
    /// For which target.
    pub triple: &'a str,
    /// What cargo is told beside the target: which profile, which program.
    pub arguments: &'a [&'a str],
    /// What the compiler is told.
    pub flags: &'a [&'a str],
    /// The file that comes of it, as seen from the target's folder.
    pub file: &'a str,
}

/// Compiles a program in `target`, a folder that it makes. The bytes are the same wherever the repository and cargo's folder lie, if the
/// compiler is the same.
///
/// # Errors
/// If it does not compile.
pub(crate) fn compile(root: &Path, program: Program<'_>, target: &Path) -> anyhow::Result<Vec<u8>> {
    let Program { folder, triple, arguments, flags, file } = program;
    let root = fs::canonicalize(root).with_context(|| root.display().to_string())?;
    fs::create_dir_all(target).with_context(|| target.display().to_string())?;
    let target = fs::canonicalize(target)?;
    let remappings = remappings(&root, triple, &target)?;
    let remappings = remappings.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
    let flags: Vec<String> = remappings.chain(flags.iter().map(|&flag| flag.into())).collect();
    let flags = toml::Value::from(flags);
    let mut command = Command::new(root.join(".ci/cross-cargo"));
    command
        .args([triple, "build", "--locked"])
        .args(arguments)
        .arg("--config")
        .arg(format!("target.{triple}.rustflags={flags}"))
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTC_WRAPPER", root.join(FOLDER).join("rustc-anywhere"))
        .current_dir(root.join(folder));
    // Flags of the environment would replace those of the board, and the board names its model. The libraries of the toolchain that runs
    // this are not those of the other compiler.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "FER_MODEL", "LD_LIBRARY_PATH"] {
        command.env_remove(variable);
    }
    let status = command.status().context("cross-cargo")?;
    ensure!(status.success(), "what lies in {folder} does not compile");
    let file = target.join(triple).join(file);
    fs::read(&file).with_context(|| file.display().to_string())
}

/// Compiles a board's firmware in `target`, a folder that it makes: the raw bytes from the beginning of flash.
///
/// # Errors
/// If it does not compile, or is not what the board starts.
pub fn firmware(root: &Path, board: Board, target: &Path) -> anyhow::Result<Vec<u8>> {
    let name = board.name();
    let program = Program {
        folder: &format!("firmware/boards/{name}"),
        triple: board.target(),
        arguments: &["--release", "--bin", name],
        flags: &[],
        file: &format!("release/{name}"),
    };
    let image = loaded(&compile(root, program, target)?).with_context(|| format!("the program of {name}"))?;
    let header = ImageHeader::find(&image)?;
    ensure!(header.board == name, "the image for {name} says that it is for {}", header.board);
    let room = header.flash.firmware.bytes as usize;
    ensure!(image.len() <= room, "the image for {name} has {} bytes, and there is room for {room}", image.len());
    Ok(image)
}

/// Folders of this machine, and what stands in the image in their places.
fn remappings(root: &Path, triple: &str, target: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let compiler = compiler(root, triple)?;
    let sysroot = output(Command::new(rustc(compiler.builds_libraries)).args(["--print", "sysroot"]))?;
    let sources = Path::new(&sysroot).join("lib/rustlib/src/rust");
    // Where several fit, the compiler takes the last.
    let mut folders = vec![(root.to_owned(), "fer"), (target.to_owned(), "target"), (sources, "rust")];
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let registries = cargo.context("no home folder")?.join("registry/src");
    if let Ok(entries) = fs::read_dir(&registries) {
        for entry in entries {
            folders.push((entry?.path(), "registry"));
        }
    }
    folders.into_iter().map(|(folder, name)| Ok((text(&folder)?, name.into()))).collect()
}

fn text(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().with_context(|| format!("{} is no UTF-8", path.display()))?.into())
}

/// The first line that a command prints.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{}", command.get_program().display()))?;
    ensure!(output.status.success(), "{} failed", command.get_program().display());
    Ok(String::from_utf8(output.stdout)?.lines().next().unwrap_or_default().into())
}

/// What an ELF file for a 32-bit processor loads to flash, from the beginning of flash on (System V ABI, chapter 5).
///
/// # Errors
/// If it is none, or loads something elsewhere.
pub fn loaded(program: &[u8]) -> anyhow::Result<Vec<u8>> {
    const LOADED: u32 = 1;
    /// More than any board of this project has.
    const MOST: u32 = 16 << 20;
    let part = |at: usize, length: usize| program.get(at..)?.get(..length);
    let half = |at| Some(u16::from_le_bytes(part(at, 2)?.try_into().ok()?));
    let word = |at| Some(u32::from_le_bytes(part(at, 4)?.try_into().ok()?));
    let ends = "the file ends within its headers";
    ensure!(program.starts_with(b"\x7fELF\x01\x01"), "it is no 32-bit little-endian ELF file");
    let (table, entry, entries) = (word(28).context(ends)?, half(42).context(ends)?, half(44).context(ends)?);
    let mut image = Vec::new();
    for index in 0..usize::from(entries) {
        let header = table as usize + index * usize::from(entry);
        let field = |offset| word(header + offset).context(ends);
        let [kind, offset, address, length] = [field(0)?, field(4)?, field(12)?, field(16)?];
        if kind != LOADED || length == 0 {
            continue;
        }
        let bytes = part(offset as usize, length as usize).context("a segment ends behind the file")?;
        let Some(start) = address.checked_sub(FLASH_START).filter(|start| start.saturating_add(length) <= MOST) else {
            bail!("it loads {length} bytes to {address:#x}, which is no flash");
        };
        let (start, end) = (start as usize, (start + length) as usize);
        // What lies between segments is not programmed, or as good as not.
        image.resize(image.len().max(end), 0xff);
        image[start..end].copy_from_slice(bytes);
    }
    ensure!(!image.is_empty(), "it loads nothing");
    Ok(image)
}

/// Makes all images and the page's files in `target`, and writes them into the repository at `root`, and what they were made by.
///
/// # Errors
/// If one does not compile, or cannot be written.
pub fn all(root: &Path, target: &Path) -> anyhow::Result<()> {
    let folder = root.join(FOLDER);
    let version = env!("CARGO_PKG_VERSION");
    let mut record = toml::Table::new();
    record.insert("version".into(), version.into());
    let mut images = Vec::new();
    for board in Board::ALL {
        let image = firmware(root, board, target)?;
        let header = ImageHeader::find(&image)?;
        ensure!(header.version == version, "the firmware has version {}, and this is {version}", header.version);
        for (extension, bytes) in [("bin", &image), ("uf2", &contents::firmware(board, &header, &image))] {
            write(&folder.join(board.name()).with_extension(extension), bytes)?;
        }
        record.insert(board.name().into(), made(root, board.target())?);
        images.push((board, image));
    }
    let of_the_page = root.join(page::FOLDER);
    for (name, bytes) in page::copies(root, &images)? {
        write(&of_the_page.join(name), &bytes)?;
    }
    for simd in [false, true] {
        let (name, bytes) = page::core(root, simd, target)?;
        write(&of_the_page.join(name), &bytes)?;
    }
    record.insert(page::NAME.into(), made(root, page::TARGET)?);
    let text = format!("# What the images were made by; `cargo run -p images` writes it.\n{record}");
    fs::write(folder.join(RECORD), text).context(RECORD)
}

/// What the record says of a program for this target.
fn made(root: &Path, target: &str) -> anyhow::Result<toml::Value> {
    let Compiler { version, builds_libraries } = compiler(root, target)?;
    let made = [("compiler".into(), version.into()), ("builds_libraries".into(), builds_libraries.into())];
    Ok(toml::Table::from_iter(made).into())
}

fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::write(file, bytes).with_context(|| file.display().to_string())
}
