//! `flash`: puts the firmware, a model and a finder onto a board by a file that its boot loader takes. No compiler is needed.

mod drive;
mod running;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use images::{
    Board, contents,
    estimate::cycles,
    fit::{Room, room},
    uf2,
};
use serde::Serialize;
use shared::{
    finder::Finder,
    image::ImageHeader,
    model::{AlignedBytes, Model},
    slot,
};

use self::drive::{Copied, Drive};
use super::{
    UsageError, model_file,
    output::{err, out},
};
use crate::{file_kind, files};

/// Milliseconds of a face above which there is a warning.
const SLOW: u64 = 1000;

#[derive(Args, Debug)]
pub struct FlashArguments {
    /// The model file [default: the one that is part of the board's firmware]; a UF2 file is checked and copied as it is
    #[arg(value_name = "MODEL.fer")]
    model: Option<PathBuf>,
    /// A finder file to go with the model [default: the one that is part of the firmware]
    #[arg(long, value_name = "FILE.ferf", requires = "model")]
    finder: Option<PathBuf>,
    /// The board: pico or pico2 [default: the one whose drive it is]
    #[arg(long, value_name = "BOARD", value_parser = board)]
    board: Option<Board>,
    /// Write the model alone; the firmware that is on the board stays
    #[arg(long, requires = "model")]
    model_only: bool,
    /// Write this file in place of copying it onto a drive
    #[arg(long, value_name = "FILE.uf2", requires = "board", conflicts_with = "drive")]
    out: Option<PathBuf>,
    /// The drive of a board in its boot loader [default: the only one that is mounted; a board that runs is asked for its boot loader]
    #[arg(long, value_name = "PATH")]
    drive: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn board(name: &str) -> Result<Board, String> {
    Board::named(name).ok_or_else(|| format!("the boards are {}", Board::ALL.map(Board::name).join(" and ")))
}

/// Where the file goes.
enum Destination {
    File(PathBuf),
    Drive(Drive),
}

/// What is told of a model.
#[derive(Serialize)]
struct ModelDescription {
    name: String,
    crc: String,
    bytes: usize,
    /// CRC of the finder file that goes with it, unless that is the firmware's.
    finder: Option<String>,
    ram_bytes: u32,
    ram_bytes_of: u32,
    flash_bytes: u32,
    flash_bytes_of: u32,
    /// Of a face, as estimated.
    milliseconds: u64,
}

/// What was written.
#[derive(Serialize)]
struct Description {
    board: &'static str,
    /// Version of the firmware in the file, if it is there.
    firmware: Option<String>,
    model: Option<ModelDescription>,
    written: String,
    bytes: usize,
    /// Whether `written` is on the board's drive.
    drive: bool,
}

/// A file for the boot loader, and what is told of it.
struct Made {
    file: Vec<u8>,
    /// The name on a drive.
    name: String,
    firmware: Option<String>,
    model: Option<ModelDescription>,
}

pub fn run(arguments: &FlashArguments) -> anyhow::Result<()> {
    let (destination, board) = destination(arguments)?;
    let made = made(arguments, board)?;
    let (written, copied) = match &destination {
        Destination::File(path) => {
            files::write_atomically(path, &made.file).with_context(|| path.display().to_string())?;
            (path.clone(), Copied::Whole)
        }
        Destination::Drive(drive) => drive.copy(&made.name, &made.file)?,
    };
    let is_drive = matches!(destination, Destination::Drive(_));
    let (written, bytes) = (written.display().to_string(), made.file.len());
    let description = Description {
        board: board.name(),
        firmware: made.firmware,
        model: made.model,
        written,
        bytes,
        drive: is_drive,
    };
    if arguments.json {
        writeln!(out(), "{}", serde_json::to_string(&description)?)?;
    } else {
        print(&description, board)?;
    }
    if is_drive {
        writeln!(err(), "{}", what_happens(copied))?;
    }
    Ok(())
}

fn what_happens(copied: Copied) -> &'static str {
    match copied {
        Copied::Whole => "the board starts anew as soon as it has everything, and its drive goes away",
        Copied::Gone => {
            "the drive went away at the end, as it does when the board starts anew; if it comes back, something is missing: try again"
        }
    }
}

fn destination(arguments: &FlashArguments) -> anyhow::Result<(Destination, Board)> {
    if let (Some(path), Some(board)) = (&arguments.out, arguments.board) {
        return Ok((Destination::File(path.clone()), board));
    }
    let drive = match &arguments.drive {
        Some(path) => Drive::at(path)?,
        None => match Drive::only(arguments.board) {
            Ok(drive) => drive,
            Err(none) => running::drive(arguments.board)?.ok_or(none)?,
        },
    };
    let board = drive.board;
    if let Some(named) = arguments.board.filter(|&named| named != board) {
        let (path, is) = (drive.path.display(), board.label());
        bail!(
            "the drive {path} is that of a {is}, and --board names a {}; leave out --board, or plug that board in",
            named.label()
        );
    }
    Ok((Destination::Drive(drive), board))
}

/// The file, made before anything is written.
fn made(arguments: &FlashArguments, board: Board) -> anyhow::Result<Made> {
    let (header, image) = (board.header()?, board.firmware());
    let name = format!("{}.uf2", board.name());
    let firmware = Some(header.version.to_owned());
    let Some(path) = &arguments.model else {
        return Ok(Made { file: contents::firmware(board, &header, image), name, firmware, model: None });
    };
    let bytes = model_file::read(path)?;
    if bytes.as_slice().starts_with(&uf2::MAGIC) {
        return as_it_is(arguments, board, &header, path, bytes.as_slice());
    }
    let model = model_file::parse(path, &bytes).map_err(|error| with_kind(error, bytes.as_slice()))?;
    let finder_bytes = arguments.finder.as_deref().map(model_file::read).transpose()?;
    let finder = match (&arguments.finder, &finder_bytes) {
        (Some(path), Some(bytes)) => {
            let finder = Finder::parse(bytes.as_slice()).with_context(|| path.display().to_string());
            Some(finder.map_err(|error| with_kind(error, bytes.as_slice()))?)
        }
        _ => None,
    };
    let finder_bytes = finder_bytes.as_ref().map(AlignedBytes::as_slice);
    let with_length = finder.as_ref().zip(finder_bytes.map(<[u8]>::len));
    let room =
        room(&header, (&model, bytes.as_slice().len()), with_length).with_context(|| path.display().to_string())?;
    let model = describe(board, &header, &model, bytes.as_slice().len(), finder.as_ref(), room);
    if let Some(warning) = warning(model.milliseconds, board) {
        writeln!(err(), "{warning}")?;
    }
    let slot = slot::encode(bytes.as_slice(), finder_bytes).with_context(|| path.display().to_string())?;
    let (file, firmware) = match arguments.model_only {
        true => (contents::model_alone(board, &header, &slot), None),
        false => (contents::firmware_and_model(board, &header, image, &slot), firmware),
    };
    Ok(Made { file, name, firmware, model: Some(model) })
}

/// What to say of a model that takes so many milliseconds for a face, if it is slow.
fn warning(milliseconds: u64, board: Board) -> Option<String> {
    let seconds = milliseconds as f64 / 1000.0;
    (milliseconds > SLOW).then(|| {
        format!("warning: a face will take about {seconds:.1} s on a {}; a smaller network is quicker", board.label())
    })
}

/// A file that is for boot loaders already.
fn as_it_is(
    arguments: &FlashArguments,
    board: Board,
    header: &ImageHeader<'_>,
    path: &Path,
    file: &[u8],
) -> anyhow::Result<Made> {
    if arguments.model_only || arguments.finder.is_some() {
        let problem = format!(
            "{} is a UF2 file, which is copied as it is; --model-only and --finder are for model files",
            path.display()
        );
        return Err(UsageError(problem).into());
    }
    let flash = contents::read(board, header, file).with_context(|| path.display().to_string())?;
    let known: Vec<u8> = flash.iter().map_while(|&byte| byte).take(shared::image::WITHIN).collect();
    let firmware = match ImageHeader::find(&known) {
        Ok(inside) if inside.board == board.name() => Some(inside.version.to_owned()),
        Ok(inside) => {
            bail!("{}: the firmware in it is for the board {}, not for {}", path.display(), inside.board, board.name())
        }
        Err(error) if !known.is_empty() => return Err(error).with_context(|| path.display().to_string()),
        Err(_) => None,
    };
    Ok(Made { file: file.into(), name: format!("{}.uf2", board.name()), firmware, model: None })
}

/// The error of a file that could not be parsed, with what it is if that is known.
fn with_kind(error: anyhow::Error, bytes: &[u8]) -> anyhow::Error {
    match file_kind::of(&bytes[..bytes.len().min(file_kind::ENOUGH)]) {
        Some(kind) => anyhow::anyhow!("{error:#}; this is {kind}"),
        None => error,
    }
}

fn describe(
    board: Board,
    header: &ImageHeader<'_>,
    model: &Model<'_>,
    bytes: usize,
    finder: Option<&Finder<'_>>,
    room: Room,
) -> ModelDescription {
    let Room { arena_need, arena_have, flash_need, flash_have } = room;
    ModelDescription {
        name: model.name().into(),
        crc: format!("{:08x}", model.crc()),
        bytes,
        finder: finder.map(|finder| format!("{:08x}", finder.crc)),
        ram_bytes: arena_need,
        ram_bytes_of: arena_have,
        flash_bytes: flash_need,
        flash_bytes_of: flash_have,
        milliseconds: cycles(model, header.processor) / (1000 * u64::from(board.megahertz())),
    }
}

fn print(written: &Description, board: Board) -> anyhow::Result<()> {
    writeln!(out(), "board        {} ({})", board.label(), board.name())?;
    match &written.firmware {
        Some(version) => writeln!(out(), "firmware     {version}")?,
        None => writeln!(out(), "firmware     stays as it is")?,
    }
    if let Some(model) = &written.model {
        writeln!(out(), "model        {} {}, {} bytes", model.name, model.crc, model.bytes)?;
        if let Some(crc) = &model.finder {
            writeln!(out(), "finder       {crc}")?;
        }
        writeln!(out(), "RAM          {} of {} bytes", model.ram_bytes, model.ram_bytes_of)?;
        writeln!(out(), "flash        {} of {} bytes", model.flash_bytes, model.flash_bytes_of)?;
        writeln!(out(), "a face       about {} ms", model.milliseconds)?;
    }
    writeln!(out(), "written      {}, {} bytes", written.written, written.bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_a_second_a_face_there_is_a_warning() {
        assert_eq!(warning(1000, Board::Pico), None);
        let text = warning(1449, Board::Pico2).expect("slow");
        assert!(text.starts_with("warning: a face will take about 1.4 s on a Raspberry Pi Pico 2;"), "{text}");
    }
}
