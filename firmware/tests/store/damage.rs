//! Bits flip, cells wear out, places cannot be read.

use embedded_storage::nor_flash::NorFlashErrorKind;
use firmware::store::{Access, SlotName, Store, StoreError};
use proptest::prelude::*;
use shared::checksum::crc32;
use shared::slot::SlotError;

use crate::flash::{Flash, Random, Torn};
use crate::{Model, Place, SMALL, SMALL_SECTOR, small, start};

/// A flash with an old model in slot A and a new one in slot B, both uploaded.
fn two_models() -> (Flash<SMALL_SECTOR>, Model, Model) {
    let (old, new) = (Model::random(1, 5_000), Model::random(2, 6_000));
    let mut flash = small();
    for model in [&old, &new] {
        let mut device = start(flash, SMALL);
        assert_eq!(device.upload(model, 1024), Ok(0));
        flash = device.store.into_flash();
    }
    (flash, old, new)
}

/// The model that a device with this flash runs.
fn runs(flash: &Flash<SMALL_SECTOR>) -> Option<Model> {
    start(flash.clone(), SMALL).model
}

/// Uploads a model to a device with this flash: what it runs at the next startup.
fn runs_after_upload(flash: &Flash<SMALL_SECTOR>, model: &Model) -> Result<Option<Model>, StoreError> {
    let mut device = start(flash.clone(), SMALL);
    let result = device.upload(model, 1024);
    let flash = device.store.into_flash().restart();
    flash.expect_no_faults();
    result.map(|_| runs(&flash))
}

fn range(Place { offset, bytes }: Place) -> std::ops::Range<usize> {
    offset as usize..(offset + bytes) as usize
}

#[test]
fn a_flipped_bit_of_the_newest_slot_gives_way_to_the_other() {
    let (flash, old, new) = two_models();
    let start = SMALL.slot_b.offset as usize;
    let third = Model::random(3, 4_000);
    let mut random = Random(0);
    let header = (0..28 * 8).map(|bit| start * 8 + bit);
    let contents = (0..300).map(|_| (start + 256) * 8 + random.next() as usize % (new.contents.len() * 8));
    for bit in header.chain(contents) {
        let mut flipped = flash.clone();
        flipped.bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(runs(&flipped) == Some(old.clone()), "bit {bit}");
        assert!(runs_after_upload(&flipped, &third) == Ok(Some(third.clone())), "bit {bit}");
    }
}

#[test]
fn no_flipped_bit_of_the_journal_takes_the_new_model_away() {
    let (flash, _, new) = two_models();
    for bit in range(SMALL.journal).flat_map(|byte| (0..8).map(move |bit| byte * 8 + bit)) {
        let mut flipped = flash.clone();
        flipped.bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(runs(&flipped) == Some(new.clone()), "bit {bit}");
    }
}

#[test]
fn a_lost_journal_leaves_a_whole_model() {
    let (mut flash, old, _) = two_models();
    flash.bytes[range(SMALL.journal)].fill(0);
    assert_eq!(runs(&flash), Some(old));
    let third = Model::random(3, 4_000);
    assert_eq!(runs_after_upload(&flash, &third), Ok(Some(third)));
}

#[test]
fn two_damaged_slots_are_no_model_and_take_a_new_one() {
    let (mut flash, ..) = two_models();
    for slot in [SMALL.slot_a, SMALL.slot_b] {
        flash.bytes[slot.offset as usize + 300] ^= 0x10;
    }
    assert_eq!(runs(&flash), None);
    let third = Model::random(3, 4_000);
    assert_eq!(runs_after_upload(&flash, &third), Ok(Some(third)));
}

#[test]
fn a_page_that_does_not_keep_what_is_written_is_an_error_and_the_old_model_goes_on() {
    let (flash, _, new) = two_models();
    let third = Model::random(3, 6_000);
    for page in (SMALL.slot_a.offset..).step_by(256).take(1 + third.contents.len().div_ceil(256)) {
        let mut weak = flash.clone();
        weak.weak = page as usize..page as usize + 1;
        assert_eq!(runs_after_upload(&weak, &third), Err(StoreError::Worn { offset: page }));
        let mut device = start(weak, SMALL);
        assert_eq!(device.upload(&third, 1024), Err(StoreError::Worn { offset: page }));
        assert_eq!(start(device.store.into_flash(), SMALL).model, Some(new.clone()));
    }
}

#[test]
fn a_page_of_the_journal_that_does_not_keep_what_is_written_is_left_out() {
    let (flash, ..) = two_models();
    let third = Model::random(3, 6_000);
    for page in range(SMALL.journal).step_by(256) {
        let mut weak = flash.clone();
        weak.weak = page..page + 1;
        assert_eq!(runs_after_upload(&weak, &third), Ok(Some(third.clone())), "page {page:x}");
    }
}

#[test]
fn a_journal_that_keeps_nothing_is_an_error_and_what_it_told_stays() {
    let (mut flash, _, new) = two_models();
    flash.weak = range(SMALL.journal);
    let mut device = start(flash, SMALL);
    let error = device.upload(&Model::random(3, 6_000), 1024).unwrap_err();
    assert!(matches!(error, StoreError::Worn { .. }), "{error}");
    assert_eq!(runs(&device.store.into_flash()), Some(new));
}

#[test]
fn bytes_that_have_changed_since_a_cut_are_not_trusted() {
    let (flash, ..) = two_models();
    let third = Model::random(3, 7_000);
    let mut device = start(flash, SMALL);
    let flash = device.store.flash();
    flash.cut = Some((flash.done + 35, Torn::Before));
    device.upload(&third, 1024).unwrap_err();
    let flash = device.store.into_flash().restart();
    let there = |flash: &Flash<SMALL_SECTOR>| {
        let mut device = start(flash.clone(), SMALL);
        device.store.begin(third.header, device.running)
    };
    let trusted = there(&flash).unwrap();
    assert_eq!(trusted as usize, 4 * SMALL_SECTOR - 256);
    for byte in (SMALL.slot_a.offset + 256..).step_by(37).take(trusted as usize / 37) {
        let mut flipped = flash.clone();
        flipped.bytes[byte as usize] ^= 0x20;
        assert_eq!(there(&flipped), Ok(0));
    }
}

#[test]
fn a_sector_of_the_journal_that_is_not_erased_is_left_out() {
    let third = Model::random(3, 6_000);
    for sector in range(SMALL.journal).step_by(SMALL_SECTOR).map(|byte| byte / SMALL_SECTOR) {
        let (mut flash, ..) = two_models();
        flash.endurance = 100;
        flash.erases[sector] = 100;
        // Twice round the ring.
        for number in 4..10 {
            let model = Model::random(number, 5_000);
            let mut device = start(flash, SMALL);
            assert_eq!(device.upload(&model, 1024), Ok(0), "sector {sector}");
            flash = device.store.into_flash();
            assert_eq!(runs(&flash), Some(model));
        }
        assert_eq!(runs_after_upload(&flash, &third), Ok(Some(third.clone())));
    }
}

#[test]
fn a_flash_that_wears_out_gives_errors_and_keeps_a_model() {
    let mut flash = small();
    flash.endurance = 20;
    let (mut current, mut uploads, mut errors) = (None, 0, 0);
    for number in 0..200 {
        let next = Model::random(number, 4_000);
        let mut device = start(flash, SMALL);
        assert_eq!(device.model, current);
        let result = device.upload(&next, 1024);
        flash = device.store.into_flash();
        match result {
            Ok(_) => {
                assert_eq!(errors, 0);
                uploads += 1;
                current = Some(next);
            }
            Err(StoreError::Flash { access: Access::Erase, kind: NorFlashErrorKind::Other, .. }) => errors += 1,
            Err(error) => panic!("{error}"),
        }
    }
    // Each slot bears 20.
    assert_eq!((uploads, errors), (40, 160));
}

#[test]
fn what_cannot_be_read_gives_way_to_what_can() {
    let (mut flash, old, new) = two_models();
    flash.unreadable = range(SMALL.slot_b);
    let mut store = Store::new(flash.clone(), SMALL).unwrap();
    assert_eq!(store.order(), [SlotName::B, SlotName::A]);
    assert!(matches!(store.check(SlotName::B), Err(StoreError::Flash { access: Access::Read, .. })));
    assert_eq!(runs(&flash), Some(old.clone()));

    // Without its newest records the journal still tells of B.
    flash.unreadable = range(SMALL.journal);
    assert_eq!(runs(&flash), Some(old));
    // What cannot be read may be newer than what is written, so nothing is.
    let third = Model::random(3, 6_000);
    let mut device = start(flash, SMALL);
    let error = device.upload(&third, 1024).unwrap_err();
    assert!(matches!(error, StoreError::Flash { access: Access::Read, .. }), "{error}");
    let flash = device.store.flash();
    flash.unreadable = 0..0;
    assert_eq!(device.store.flash().bytes, two_models().0.bytes);
    // When it can be read again, the upload goes on behind the newest record.
    device.running = Some(SlotName::B);
    assert_eq!(device.upload(&third, 1024), Ok(0));
    let flash = device.store.into_flash();
    assert_eq!(runs(&flash), Some(third));
    assert_eq!(start(flash, SMALL).store.check(SlotName::B), Ok(new.header));
}

#[test]
fn a_slot_tells_what_is_wrong_with_it() {
    let (mut flash, _, new) = two_models();
    let check = |flash: &Flash<SMALL_SECTOR>| Store::new(flash.clone(), SMALL).unwrap().check(SlotName::B);
    assert_eq!(check(&flash), Ok(new.header));
    let header = shared::slot::Header { model_bytes: 7_937, finder_bytes: 0, crc: 0 };
    let place = SMALL.slot_b.offset as usize;
    flash.bytes[place..place + 256].copy_from_slice(&header.page());
    let truncated = SlotError::Truncated { need: 8_208, have: 8_192 };
    assert_eq!(check(&flash), Err(StoreError::Slot(truncated)));
    flash.bytes[place..place + 256].fill(0xff);
    assert_eq!(check(&flash), Err(StoreError::Slot(SlotError::Blank)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Of any contents a device takes a model.
    #[test]
    fn any_contents_of_the_flash_take_a_model(seed: u64, blank in 0..4usize, flips in 0..4usize) {
        let (mut flash, ..) = two_models();
        let mut random = Random(seed);
        // Some of the sectors hold anything.
        for sector in flash.bytes.chunks_mut(SMALL_SECTOR) {
            match random.next() as usize % 4 {
                kind if kind == blank => sector.fill(0xff),
                0 => sector.fill_with(|| random.next() as u8),
                _ => {}
            }
        }
        for _ in 0..flips {
            let bit = random.next() as usize % (flash.bytes.len() * 8);
            flash.bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let bytes = flash.bytes.clone();
        flash.put(0, &bytes);
        let third = Model::random(3, 6_000);
        prop_assert_eq!(runs_after_upload(&flash, &third), Ok(Some(third)));
    }

    /// So does a journal with a record that is sound and tells anything, of the very upload that comes then among others.
    #[test]
    fn any_sound_record_of_the_journal_takes_a_model(
        sequence in 0..0x8000_0000u32, kind in 0..4u32, slot in 0..3u32, mut fields: [u32; 8], same: bool, blank: bool
    ) {
        let (mut flash, ..) = two_models();
        let third = Model::random(3, 6_000);
        let Place { offset, .. } = SMALL.slot(if slot == 0 { SlotName::A } else { SlotName::B });
        if blank {
            flash.put(offset as usize, &[0xff; 256]);
        }
        if same {
            let written = (fields[3] % 6_017) as usize;
            let there = &flash.bytes[offset as usize + 256..][..written];
            let header = third.header;
            fields[..5].copy_from_slice(&[header.model_bytes, header.finder_bytes, header.crc, written as u32, crc32(there)]);
        }
        let mut record = b"FERJRNL\0".to_vec();
        for word in [1, sequence, kind, slot].into_iter().chain(fields) {
            record.extend(word.to_le_bytes());
        }
        record.extend(crc32(&record).to_le_bytes());
        let pages = SMALL.journal.bytes / 256;
        let journal = SMALL.journal.offset as usize;
        for sector in range(SMALL.journal).step_by(SMALL_SECTOR) {
            flash.put(sector, &[0xff; SMALL_SECTOR]);
        }
        let place = journal + (sequence % pages) as usize * 256;
        flash.bytes[place..place + record.len()].copy_from_slice(&record);
        let bytes = flash.bytes[place / SMALL_SECTOR * SMALL_SECTOR..][..SMALL_SECTOR].to_vec();
        flash.put(place / SMALL_SECTOR * SMALL_SECTOR, &bytes);

        let mut device = start(flash, SMALL);
        // Bytes that the record falsely vouches for are found at the end, once.
        let mut result = device.upload(&third, 1024);
        if let Err(StoreError::Crc { .. }) = result {
            result = device.upload(&third, 1024);
        }
        let flash = device.store.into_flash();
        flash.expect_no_faults();
        match result {
            Ok(_) => prop_assert_eq!(runs(&flash), Some(third)),
            Err(error) => prop_assert_eq!((error, sequence > 0x7fff_ffe0), (StoreError::JournalFull, true)),
        }
    }
}
