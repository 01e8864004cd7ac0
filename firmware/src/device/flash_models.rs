//! A device's models in flash: its [`Store`], behind what the link asks for.

use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use shared::{
    model::{FORMAT_VERSION, Model, OLDEST_VERSION},
    slot::{Header, Slot},
    wire::{self, ErrorCode, Running, StoreIdentity},
};

use super::ModelStore;
use crate::{
    engine::Engine,
    kernels::PROCESSOR,
    store::{Layout, LayoutError, Place, SlotName, Store, StoreError},
};

/// The flash of a board, and how it is read in place.
pub struct ModelFlash<F> {
    /// The flash.
    pub flash: F,
    /// Where journal and slots lie in it.
    pub layout: Layout,
    /// Its bytes in memory. What a slot holds stays as long as its model runs; the other slot changes while it is written.
    pub mapped: fn(Place) -> &'static [u8],
    /// The board's name.
    pub board: &'static str,
}

impl<F> fmt::Debug for ModelFlash<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelFlash").field("layout", &self.layout).field("board", &self.board).finish_non_exhaustive()
    }
}

/// Models in flash.
pub struct FlashModels<F> {
    store: Store<F>,
    mapped: fn(Place) -> &'static [u8],
    board: &'static str,
    arena_bytes: u32,
    running: Option<SlotName>,
}

impl<F> fmt::Debug for FlashModels<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlashModels")
            .field("board", &self.board)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl<F: NorFlash> FlashModels<F> {
    /// The models in a flash, for a device with so many bytes of memory for tensors.
    ///
    /// # Errors
    /// [`LayoutError`] if the layout does not suit the flash.
    pub fn new(flash: ModelFlash<F>, arena_bytes: usize) -> Result<Self, LayoutError> {
        let ModelFlash { flash, layout, mapped, board } = flash;
        let arena_bytes = u32::try_from(arena_bytes).unwrap_or(u32::MAX);
        Ok(Self { store: Store::new(flash, layout)?, mapped, board, arena_bytes, running: None })
    }

    /// The newest model that is whole and can run, with what lies beside it in its slot. From now on it counts as the one that
    /// runs. `None` if there is none.
    pub fn start(&mut self) -> Option<(Model<'static>, Slot<'static>)> {
        self.running = None;
        for name in self.store.order() {
            let Ok(slot) = Slot::parse((self.mapped)(self.store.layout().slot(name))) else { continue };
            let Ok(model) = Model::parse(slot.model) else { continue };
            if Engine::arena_bytes(&model).is_ok_and(|need| need <= self.arena_bytes) {
                self.running = Some(name);
                return Some((model, slot));
            }
        }
        None
    }
}

impl<F: NorFlash> ModelStore for FlashModels<F> {
    fn identity(&self) -> StoreIdentity<'static> {
        let layout = self.store.layout();
        let slot = |name| layout.contents(name).bytes;
        StoreIdentity {
            board: self.board,
            arena_bytes: self.arena_bytes,
            processor: PROCESSOR,
            model_bytes: slot(SlotName::A).min(slot(SlotName::B)),
            formats: [OLDEST_VERSION, FORMAT_VERSION],
            running: match self.running {
                None => Running::BuiltIn,
                Some(SlotName::A) => Running::A,
                Some(SlotName::B) => Running::B,
            },
        }
    }

    fn wear(&self) -> Option<wire::Wear> {
        let wear = self.store.wear();
        Some(wire::Wear { slot_a: wear.slot_a, slot_b: wear.slot_b, journal: wear.journal })
    }

    fn begin(&mut self, model_bytes: u32, crc: u32) -> Result<u32, ErrorCode> {
        let most = self.identity().model_bytes;
        if model_bytes == 0 || model_bytes > most {
            return Err(ErrorCode::ModelSize { bytes: model_bytes, most });
        }
        self.store.begin(Header { model_bytes, finder_bytes: 0, crc }, self.running).map_err(code)
    }

    fn take(&mut self, offset: u32, bytes: &[u8]) -> Result<u32, ErrorCode> {
        self.store.write(offset, bytes).map_err(code)
    }

    fn whole(&mut self) -> Result<&[u8], ErrorCode> {
        let arrived = self.store.finish().map_err(code)?;
        let slot = Slot::from_contents(arrived.header, (self.mapped)(arrived.contents));
        slot.map(|slot| slot.model).map_err(|_| ErrorCode::Store)
    }

    fn commit(&mut self) -> Result<(), ErrorCode> {
        self.store.commit().map(drop).map_err(code)
    }
}

/// What a host is told.
fn code(error: StoreError) -> ErrorCode {
    match error {
        StoreError::NoUpload | StoreError::Unfinished => ErrorCode::NoUpload,
        StoreError::Order { expected, found } => ErrorCode::UploadOrder { expected, found },
        StoreError::Incomplete { have, need } => ErrorCode::UploadOrder { expected: have, found: need },
        StoreError::TooLong { contents, end } => {
            ErrorCode::UploadOrder { expected: contents, found: u32::try_from(end).unwrap_or(u32::MAX) }
        }
        StoreError::TooLarge { need, have, .. } => ErrorCode::ModelSize { bytes: need, most: have },
        StoreError::Crc { .. } => ErrorCode::UploadChecksum,
        StoreError::Flash { .. } | StoreError::Worn { .. } | StoreError::JournalFull | StoreError::Slot(_) => {
            ErrorCode::Store
        }
    }
}
