//! The model store on a simulated flash that is cut in every write, flips bits and wears out.

mod cuts;
mod damage;
mod flash;
mod requests;

use embedded_storage::nor_flash::NorFlash;
use firmware::store::{Layout, Place, SlotName, Store, StoreError};
use shared::slot::{self, Header, Slot};

use crate::flash::{Flash, Random};

/// A flash so small that all cuts of an upload can be tried.
const SMALL_SECTOR: usize = 1024;

/// Journal of three sectors, then slots of eight.
const SMALL: Layout = layout(SMALL_SECTOR as u32, 1, 3, 8);

/// A Pico's flash.
const PICO: Layout = Layout {
    journal: Place { offset: 0xf8000, bytes: 0x8000 },
    slot_a: Place { offset: 0x10_0000, bytes: 0x8_0000 },
    slot_b: Place { offset: 0x18_0000, bytes: 0x8_0000 },
};

/// Journal and slots, one behind the other, in so many sectors each.
const fn layout(sector: u32, before: u32, journal: u32, slot: u32) -> Layout {
    Layout {
        journal: Place { offset: before * sector, bytes: journal * sector },
        slot_a: Place { offset: (before + journal) * sector, bytes: slot * sector },
        slot_b: Place { offset: (before + journal + slot) * sector, bytes: slot * sector },
    }
}

fn small() -> Flash<SMALL_SECTOR> {
    Flash::new(20)
}

/// A slot's header and contents: no model files, but the store does not look into them.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    header: Header,
    contents: Vec<u8>,
}

impl Model {
    /// Random files, and a finder with every second model.
    fn random(number: u64, bytes: usize) -> Self {
        let mut random = Random(number);
        let mut file = |bytes: usize| (0..bytes).map(|_| random.next() as u8).collect::<Vec<u8>>();
        let finder = file(number as usize % 2 * bytes / 4);
        Self::new(&file(bytes - finder.len()), Some(&finder))
    }

    fn new(model: &[u8], finder: Option<&[u8]>) -> Self {
        let mut contents = slot::encode(model, finder).unwrap();
        let header = Slot::parse(&contents).unwrap().header;
        contents.drain(..slot::HEADER_BYTES);
        Self { header, contents }
    }

    /// The slot as a programmer writes it.
    fn slot(&self) -> Vec<u8> {
        [&self.header.page()[..], &self.contents].concat()
    }
}

/// A device that was started: its store, the slot that it runs and what is in there.
struct Device<F> {
    store: Store<F>,
    running: Option<SlotName>,
    model: Option<Model>,
}

/// Starts a device with this flash: the first slot that is sound.
fn start<F: NorFlash>(flash: F, layout: Layout) -> Device<F> {
    let mut store = Store::new(flash, layout).unwrap();
    let running = store.order().into_iter().find(|&slot| store.check(slot).is_ok());
    let model = running.map(|slot| {
        let mut bytes = vec![0; layout.slot(slot).bytes as usize];
        store.flash().read(layout.slot(slot).offset, &mut bytes).unwrap();
        let Slot { header, .. } = Slot::parse(&bytes).unwrap();
        let end = slot::HEADER_BYTES + header.content_bytes().unwrap() as usize;
        Model { header, contents: bytes[slot::HEADER_BYTES..end].to_vec() }
    });
    Device { store, running, model }
}

impl<F: NorFlash> Device<F> {
    /// Uploads a model in parts of so many bytes and commits it; goes on with an upload that was begun. Returns how many
    /// bytes were there already.
    fn upload(&mut self, model: &Model, part: usize) -> Result<u32, StoreError> {
        let there = self.store.begin(model.header, self.running)?;
        let mut offset = there as usize;
        for bytes in model.contents[offset..].chunks(part) {
            assert_eq!(self.store.write(offset as u32, bytes)? as usize, offset + bytes.len());
            offset += bytes.len();
        }
        let arrived = self.store.finish()?;
        assert_ne!(Some(arrived.slot), self.running, "the slot that runs is not written to");
        let mut contents = vec![0; arrived.contents.bytes as usize];
        if self.store.flash().read(arrived.contents.offset, &mut contents).is_ok() {
            assert!(contents == model.contents, "what arrived is what was sent");
        }
        assert_eq!(self.store.commit()?, arrived.slot);
        Ok(there)
    }

    /// The slot that runs must not be written to from now on.
    fn protect(&mut self, layout: Layout) -> std::ops::Range<usize> {
        let place = self.running.map(|slot| layout.slot(slot));
        place.map_or(0..0, |Place { offset, bytes }| offset as usize..(offset + bytes) as usize)
    }
}
