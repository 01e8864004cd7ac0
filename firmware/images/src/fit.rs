//! Whether a board can hold a model.

use firmware::engine::{EngineError, Runner};
use firmware::finder::search::memory_bytes_on;
use shared::finder::Finder;
use shared::image::ImageHeader;
use shared::model::Model;
use shared::slot::{HEADER_BYTES, Header, SlotError};

/// What a model, with a finder if it brings one, takes of a board, and what there is, all in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// RAM that it takes of the arena.
    pub arena_need: u32,
    /// The arena.
    pub arena_have: u32,
    /// Flash that it takes of a slot.
    pub flash_need: u32,
    /// A slot.
    pub flash_have: u32,
}

/// Why a board cannot hold a model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Misfit {
    #[error("{board} cannot hold it: it needs {}", of(.room))]
    Room { board: String, room: Room },
    #[error("{0}")]
    Engine(EngineError),
    #[error("{0}")]
    Slot(SlotError),
}

/// `120,000 bytes of RAM for the arena and has 73,728; …`.
fn of(room: &Room) -> String {
    let Room { arena_need, arena_have, flash_need, flash_have } = *room;
    let short = |need, have| if need > have { " (too little)" } else { "" };
    format!(
        "{arena_need} bytes of RAM and there are {arena_have}{}, {flash_need} bytes of flash and a slot has {flash_have}{}",
        short(arena_need, arena_have),
        short(flash_need, flash_have)
    )
}

/// What a model and a finder of so many bytes take of the board whose image has this header.
///
/// # Errors
/// [`Misfit`] if they cannot be there.
pub fn room(
    header: &ImageHeader<'_>,
    (model, model_bytes): (&Model<'_>, usize),
    finder: Option<(&Finder<'_>, usize)>,
) -> Result<Room, Misfit> {
    let mut arena_need = Runner::arena_bytes_on(&model.network(), header.processor).map_err(Misfit::Engine)?;
    if let Some((finder, _)) = finder {
        let (columns, rows) = (header.largest.columns.into(), header.largest.rows.into());
        let need = memory_bytes_on(finder, columns, rows, header.processor).map_err(Misfit::Engine)?;
        arena_need = arena_need.max(u32::try_from(need).unwrap_or(u32::MAX));
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let slot = Header { model_bytes: length(model_bytes), finder_bytes: length(finder.map_or(0, |it| it.1)), crc: 0 };
    let contents = slot.content_bytes().map_err(Misfit::Slot)?;
    let flash_have = header.flash.slots[0].bytes.min(header.flash.slots[1].bytes);
    let flash_need = HEADER_BYTES as u32 + contents;
    let room = Room { arena_need, arena_have: header.arena_bytes, flash_need, flash_have };
    if arena_need > room.arena_have || flash_need > flash_have {
        return Err(Misfit::Room { board: header.board.into(), room });
    }
    Ok(room)
}
