//! Models in the board's flash, without the device around them: `1` to `9` at the serial port upload contents of so many times 9,008
//! random bytes, which are no model. What is said is for a test to read.

use core::fmt::Arguments;

use embedded_io::{Read, Write};
use embedded_storage::nor_flash::NorFlash;
use firmware::store::{Layout, Place, SlotName, Store, StoreError};
use shared::checksum::crc32_after;
use shared::slot::{Header, Slot};

use crate::random::Random;

/// Bytes of a request.
const PART_BYTES: usize = 1000;

/// Says which slot is sound and uploads what is asked for, again and again. `mapped` gives a part of the flash as it is mapped in
/// memory.
///
/// # Panics
/// If the layout does not suit the flash.
pub fn run<F: NorFlash>(
    mut serial: impl Read + Write,
    flash: F,
    layout: Layout,
    mapped: fn(Place) -> Option<&'static [u8]>,
) -> ! {
    let mut store = Store::new(flash, layout).unwrap_or_else(|error| panic!("{error}"));
    loop {
        let running = store.order().into_iter().find_map(|slot| sound(slot, mapped(layout.slot(slot))));
        match running {
            Some((slot, crc)) => say(&mut serial, format_args!("runs {slot} {crc:08x}\n")),
            None => say(&mut serial, format_args!("runs nothing\n")),
        }
        let mut number = [0];
        while !matches!(number, [b'1'..=b'9']) {
            // A byte that did not arrive whole is asked for again.
            let _ = serial.read(&mut number);
        }
        let number = u32::from(number[0] - b'0');
        match upload(&mut store, running.map(|(slot, _)| slot), number, &mut serial) {
            Ok(slot) => say(&mut serial, format_args!("committed {slot}, {:?}\n", store.wear())),
            Err(error) => say(&mut serial, format_args!("error: {error}\n")),
        }
    }
}

/// Prints a line. Nothing is left to be done about a port that fails.
fn say(serial: &mut impl Write, line: Arguments<'_>) {
    let _ = serial.write_fmt(line);
    let _ = serial.flush();
}

/// A slot with its CRC, if its bytes are sound.
fn sound(slot: SlotName, bytes: Option<&[u8]>) -> Option<(SlotName, u32)> {
    Slot::parse(bytes?).ok().map(|Slot { header, .. }| (slot, header.crc))
}

fn upload<F: NorFlash>(
    store: &mut Store<F>,
    running: Option<SlotName>,
    number: u32,
    serial: &mut impl Write,
) -> Result<SlotName, StoreError> {
    let model_bytes = number * 9008;
    let header = Header { model_bytes, finder_bytes: 0, crc: 0 };
    let contents = header.content_bytes()? as usize;
    let mut crc = 0;
    parts(number, contents, |_, part| {
        crc = crc32_after(crc, part);
        Ok(())
    })?;
    let there = store.begin(Header { crc, ..header }, running)?;
    say(serial, format_args!("{there} bytes are there\n"));
    parts(number, contents, |offset, part| {
        let skipped = (there as usize).saturating_sub(offset).min(part.len());
        if skipped < part.len() {
            store.write((offset + skipped) as u32, &part[skipped..])?;
        }
        Ok(())
    })?;
    store.finish()?;
    store.commit()
}

/// Hands out contents in parts, each with the offset at which it begins.
fn parts(
    number: u32,
    bytes: usize,
    mut take: impl FnMut(usize, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut random = Random::new(number);
    let mut buffer = [0; PART_BYTES];
    for offset in (0..bytes).step_by(PART_BYTES) {
        let part = &mut buffer[..PART_BYTES.min(bytes - offset)];
        part.fill_with(|| random.next() as u8);
        take(offset, part)?;
    }
    Ok(())
}
