//! Files that the boot loader of a Pico takes.

use anyhow::{Context, bail};
use images::{Board, contents, fit::room};
use shared::{
    image::ImageHeader,
    model::{AlignedBytes, Model},
    slot,
};

/// The UF2 file that puts a model onto a board, by its index in [`Board::ALL`]. `firmware` is the board's ready firmware, which the file
/// holds as well, or the beginning of it, and then the file holds the model `alone`.
///
/// # Errors
/// If there is no such board, the firmware is another's, the file is no model, or the board has no room for it.
pub fn uf2(board: usize, firmware: &[u8], model: &[u8], alone: bool) -> anyhow::Result<Vec<u8>> {
    let board = *Board::ALL.get(board).context("there is no such board")?;
    let header = ImageHeader::find(firmware).context("the board's firmware")?;
    if header.board != board.name() {
        bail!("the firmware is for {}, not for {}", header.board, board.name());
    }
    let bytes = AlignedBytes::new(model);
    let parsed = Model::parse(bytes.as_slice())?;
    room(&header, (&parsed, model.len()), None)?;
    let slot = slot::encode(model, None)?;
    Ok(match alone {
        true => contents::model_alone(board, &header, &slot),
        false => contents::firmware_and_model(board, &header, firmware, &slot),
    })
}
