//! What a device asks of the store, and what it is told.

use firmware::store::{LayoutError, Part, SlotName, Store, StoreError, Wear};
use proptest::collection::vec;
use proptest::prelude::*;
use shared::slot::{Header, SlotError};

use crate::flash::{Flash, Torn};
use crate::{Layout, Model, PICO, Place, SMALL, SMALL_SECTOR, layout, small, start};

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let mut store = Store::new(small(), SMALL).unwrap();
    let space = 8 * 1024 - 256;
    let header = |model_bytes, finder_bytes| Header { model_bytes, finder_bytes, crc: 0 };
    let too_large = |need| StoreError::TooLarge { slot: SlotName::A, need, have: space };
    assert_eq!(store.begin(header(space + 1, 0), None), Err(too_large(space + 16)));
    assert_eq!(store.begin(header(space - 16, 17), None), Err(too_large(space + 16)));
    let lengths = SlotError::Lengths { model: 0, finder: 7 };
    assert_eq!(store.begin(header(0, 7), None), Err(StoreError::Slot(lengths)));
    let lengths = SlotError::Lengths { model: u32::MAX, finder: u32::MAX };
    assert_eq!(store.begin(header(u32::MAX, u32::MAX), None), Err(StoreError::Slot(lengths)));
    assert_eq!(store.flash().done, 0);
    // The largest that fits.
    let model = Model::random(0, space as usize);
    let mut device = start(store.into_flash(), SMALL);
    assert_eq!(device.upload(&model, 1024), Ok(0));
    assert_eq!(start(device.store.into_flash(), SMALL).model, Some(model));
}

#[test]
fn requests_out_of_order_are_refused_and_change_nothing() {
    let model = Model::random(0, 3_000);
    let mut store = Store::new(small(), SMALL).unwrap();
    assert_eq!(store.write(0, b"ferm"), Err(StoreError::NoUpload));
    assert_eq!(store.finish(), Err(StoreError::NoUpload));
    assert_eq!(store.commit(), Err(StoreError::NoUpload));
    assert_eq!(store.begin(model.header, None), Ok(0));
    assert_eq!(store.write(0, &model.contents[..1000]), Ok(1000));
    assert_eq!(store.write(0, &model.contents[..1000]), Err(StoreError::Order { expected: 1000, found: 0 }));
    assert_eq!(store.write(1001, &[0; 9]), Err(StoreError::Order { expected: 1000, found: 1001 }));
    assert_eq!(store.write(1000, &[0; 2009]), Err(StoreError::TooLong { contents: 3008, end: 3009 }));
    assert_eq!(store.write(1000, &[]), Ok(1000));
    assert_eq!(store.finish(), Err(StoreError::Incomplete { have: 1000, need: 3008 }));
    assert_eq!(store.commit(), Err(StoreError::Unfinished));
    // The same upload once more: nothing is lost, not even half a page.
    assert_eq!(store.begin(model.header, None), Ok(1000));
    assert_eq!(store.write(1000, &model.contents[1000..]), Ok(3008));
    assert_eq!(store.commit(), Err(StoreError::Unfinished));
    assert!(store.finish().is_ok());
    assert_eq!(store.finish().map(|arrived| arrived.header), Ok(model.header));
    assert_eq!(store.commit(), Ok(SlotName::A));
    assert_eq!(store.commit(), Err(StoreError::NoUpload));
    assert_eq!(start(store.into_flash(), SMALL).model, Some(model));
}

#[test]
fn contents_with_another_crc_are_refused_and_begin_anew() {
    let (old, new) = (Model::random(0, 3_000), Model::random(1, 7_000));
    let mut device = start(small(), SMALL);
    device.upload(&old, 1024).unwrap();
    let mut device = start(device.store.into_flash(), SMALL);
    let mut wrong = new.clone();
    wrong.contents[10] ^= 1;
    let error = device.upload(&wrong, 1024).unwrap_err();
    assert!(matches!(error, StoreError::Crc { expected, .. } if expected == new.header.crc), "{error}");
    assert_eq!(device.store.commit(), Err(StoreError::NoUpload));
    assert_eq!(device.upload(&new, 1024), Ok(0));

    // After a power cut the wrong bytes are found once more, and then they are not trusted either.
    let mut device = start(small(), SMALL);
    device.upload(&old, 1024).unwrap();
    let mut device = start(device.store.into_flash(), SMALL);
    assert!(matches!(device.upload(&wrong, 1024), Err(StoreError::Crc { .. })));
    let mut device = start(device.store.into_flash(), SMALL);
    assert_eq!(device.model, Some(old));
    assert!(matches!(device.upload(&new, 1024), Err(StoreError::Crc { .. })));
    assert_eq!(device.upload(&new, 1024), Ok(0));
    assert_eq!(start(device.store.into_flash(), SMALL).model, Some(new));
}

#[test]
fn a_model_that_fails_its_test_is_left_and_the_old_one_stays() {
    let (old, new) = (Model::random(0, 3_000), Model::random(1, 7_000));
    let mut device = start(small(), SMALL);
    device.upload(&old, 1024).unwrap();
    let mut device = start(device.store.into_flash(), SMALL);
    device.store.begin(new.header, device.running).unwrap();
    device.store.write(0, &new.contents).unwrap();
    device.store.finish().unwrap();
    device.store.abandon();
    assert_eq!(device.store.commit(), Err(StoreError::NoUpload));
    let mut device = start(device.store.into_flash(), SMALL);
    assert_eq!(device.model, Some(old));
    // What arrived is still there, down to its last byte.
    assert_eq!(device.upload(&new, 1024), Ok(new.contents.len() as u32));
}

#[test]
fn the_model_before_comes_back_without_a_byte_sent() {
    let (old, new) = (Model::random(0, 3_000), Model::random(1, 7_000));
    let mut flash = small();
    for (model, there) in [(&old, 0), (&new, 0), (&old, old.contents.len()), (&new, new.contents.len())] {
        let mut device = start(flash, SMALL);
        assert_eq!(device.upload(model, 1024), Ok(there as u32));
        flash = device.store.into_flash();
        assert_eq!(start(flash.clone(), SMALL).model.as_ref(), Some(model));
    }
}

/// With sectors of sixteen pages, as the chips have them.
#[test]
fn no_request_takes_longer_than_an_erase_and_six_pages() {
    for (number, first) in [1, 255, 256, 700, 1024].into_iter().enumerate() {
        let model = Model::random(number as u64, 150_000);
        let mut store = Store::new(Flash::<4096>::new(512), PICO).unwrap();
        let done = |store: &mut Store<Flash<4096>>| {
            let Flash { done, erases, .. } = store.flash();
            let erases: u32 = erases.iter().sum();
            (erases, *done - erases)
        };
        let mut before = (0, 0);
        let mut within = |store: &mut Store<Flash<4096>>| {
            let now = done(store);
            let (erases, pages) = (now.0 - before.0, now.1 - before.1);
            assert!(erases <= 1 && pages <= 6, "{erases} erases and {pages} pages");
            before = now;
        };
        store.begin(model.header, None).unwrap();
        within(&mut store);
        let mut offset = 0;
        while offset < model.contents.len() {
            let end = (offset + if offset == 0 { first } else { 1024 }).min(model.contents.len());
            store.write(offset as u32, &model.contents[offset..end]).unwrap();
            within(&mut store);
            offset = end;
        }
        store.finish().unwrap();
        within(&mut store);
        store.commit().unwrap();
        within(&mut store);
    }
}

#[test]
fn wear_is_what_the_most_worn_sectors_bear_and_is_spread_over_both_slots() {
    let mut flash = small();
    for number in 0..31 {
        let mut device = start(flash, SMALL);
        device.upload(&Model::random(number, 4_000 + 100 * number as usize), 1024).unwrap();
        flash = device.store.into_flash();
        let worn = |Place { offset, bytes }: Place| {
            let sectors = offset as usize / SMALL_SECTOR..(offset + bytes) as usize / SMALL_SECTOR;
            *flash.erases[sectors].iter().max().unwrap()
        };
        let wear = start(flash.clone(), SMALL).store.wear();
        let worn = [SMALL.slot_a, SMALL.slot_b, SMALL.journal].map(worn);
        assert_eq!([wear.slot_a, wear.slot_b, wear.journal], worn);
        assert_eq!([wear.slot_a, wear.slot_b], [number as u32 / 2 + 1, number.div_ceil(2) as u32]);
    }
    // An upload that goes on after a cut erases a sector again, which counts.
    let Wear { slot_a, slot_b, .. } = start(flash.clone(), SMALL).store.wear();
    for _ in 0..3 {
        let mut device = start(flash, SMALL);
        let flash_now = device.store.flash();
        flash_now.cut = Some((flash_now.done + 15, Torn::Before));
        device.upload(&Model::random(99, 7_000), 1024).unwrap_err();
        flash = device.store.into_flash().restart();
    }
    let wear = start(flash.clone(), SMALL).store.wear();
    assert_eq!((wear.slot_a, wear.slot_b), (slot_a, slot_b + 3));
    let sectors = SMALL.slot_b.offset as usize / SMALL_SECTOR..;
    assert!(flash.erases[sectors].iter().all(|&erases| erases <= wear.slot_b));
}

#[test]
fn a_device_that_runs_no_slot_takes_the_less_worn_one() {
    let mut store = Store::new(small(), SMALL).unwrap();
    let mut slots = Vec::new();
    for number in 0..4 {
        let model = Model::random(number, 3_000);
        store.begin(model.header, None).unwrap();
        store.write(0, &model.contents).unwrap();
        slots.push(store.finish().unwrap().slot);
        store.commit().unwrap();
    }
    assert_eq!(slots, [SlotName::A, SlotName::B, SlotName::A, SlotName::B]);
}

#[test]
fn a_layout_that_does_not_suit_the_flash_is_refused() {
    let new = |layout| Store::new(small(), layout).map(|_| ());
    assert_eq!(new(SMALL), Ok(()));
    let place = |offset, bytes| Place { offset, bytes };
    let [journal, slot_a, slot_b] = [Part::Journal, Part::Slot(SlotName::A), Part::Slot(SlotName::B)];
    assert_eq!(
        new(Layout { journal: place(1024, 1024), ..SMALL }),
        Err(LayoutError::TooSmall { part: journal, bytes: 1024, need: 2048 })
    );
    assert_eq!(
        new(Layout { slot_a: place(5000, 4096), ..SMALL }),
        Err(LayoutError::Alignment { part: slot_a, offset: 5000, bytes: 4096, sector: 1024 })
    );
    assert_eq!(
        new(Layout { slot_b: place(12 * 1024, 9 * 1024), ..SMALL }),
        Err(LayoutError::Outside { part: slot_b, end: 21 * 1024, capacity: 20 * 1024 })
    );
    assert_eq!(
        new(Layout { slot_b: place(u32::MAX - 1023, u32::MAX - 1023), ..SMALL }),
        Err(LayoutError::Outside { part: slot_b, end: (1 << 33) - 2048, capacity: 20 * 1024 })
    );
    assert_eq!(
        new(Layout { slot_b: place(11 * 1024, 8 * 1024), ..SMALL }),
        Err(LayoutError::Overlap { first: slot_a, second: slot_b })
    );
    let flash = Flash::<300>::new(20);
    let error = Store::new(flash, layout(300, 0, 2, 4)).map(|_| ()).unwrap_err();
    assert_eq!(error, LayoutError::Flash { read: 1, write: 16, erase: 300 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn parts_of_any_size_make_the_same_slot(number in 0..8u64, bytes in 1..7_000usize, sizes in vec(0..1_025usize, 1..20)) {
        let model = Model::random(number, bytes);
        let mut store = Store::new(small(), SMALL).unwrap();
        prop_assert_eq!(store.begin(model.header, None), Ok(0));
        let mut offset = 0;
        for size in sizes.into_iter().cycle().map(|size| size + 1) {
            let end = (offset + size).min(model.contents.len());
            prop_assert_eq!(store.write(offset as u32, &model.contents[offset..end]), Ok(end as u32));
            offset = end;
            if offset == model.contents.len() {
                break;
            }
        }
        store.finish().unwrap();
        store.commit().unwrap();
        let start = SMALL.slot_a.offset as usize;
        let slot = model.slot();
        prop_assert!(store.into_flash().bytes[start..start + slot.len()] == slot);
    }
}
