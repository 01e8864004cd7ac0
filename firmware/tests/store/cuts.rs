//! Power is cut in every write and erase of an upload. After each cut the old or the new model is whole; the upload goes on.

use proptest::collection::vec;
use proptest::prelude::*;
use shared::slot;

use crate::flash::{Flash, Torn};
use crate::{Device, Layout, Model, PICO, SMALL, SMALL_SECTOR, small, start};

/// What a cut can leave, with other bits for each cut.
fn kinds(cut: u32) -> [Torn; 7] {
    let bits = |number: u64| Torn::Bits(u64::from(cut) << 8 | number);
    [Torn::Before, Torn::Bytes(1), Torn::Bytes(59), Torn::Bytes(200), bits(1), bits(2), Torn::After]
}

/// Starts the device, uploads the model, and has power cut in the way given. Returns the flash, and whether the upload was
/// done before the cut.
fn upload_and_cut<const S: usize>(
    flash: Flash<S>,
    layout: Layout,
    model: &Model,
    cut: Option<(u32, Torn)>,
) -> (Flash<S>, bool) {
    let mut device = start(flash, layout);
    let protected = device.protect(layout);
    let flash = device.store.flash();
    (flash.cut, flash.protected) = (cut.map(|(after, torn)| (flash.done + after, torn)), protected);
    let result = device.upload(model, 700);
    let flash = device.store.into_flash();
    flash.expect_no_faults();
    match result {
        Ok(_) => assert!(!flash.is_off()),
        Err(error) => assert!(flash.is_off(), "{error}"),
    }
    (flash, result.is_ok())
}

/// Cuts the upload of `new` in each write and erase and in each way, and looks at what is left. Returns the number of cuts.
fn every_cut<const S: usize>(
    flash: &Flash<S>,
    layout: Layout,
    (old, new): (Option<&Model>, &Model),
    kinds: impl Fn(u32) -> Vec<Torn>,
) -> u32 {
    let (whole, done) = upload_and_cut(flash.clone(), layout, new, None);
    assert!(done);
    let writes = whole.done - flash.done;
    let mut cuts = 0;
    for cut in 0..writes {
        for torn in kinds(cut) {
            let place = format!("{torn:?} in write {cut} of {writes}");
            let (flash, done) = upload_and_cut(flash.clone(), layout, new, Some((cut, torn)));
            assert!(!done, "{place}");
            cuts += 1;
            let Device { store, model, .. } = start(flash.restart(), layout);
            assert!(model.as_ref() == old || model.as_ref() == Some(new), "{place}: another model, or none");
            if model.as_ref() == Some(new) {
                // Whoever asks sees that it runs, and sends nothing more.
                continue;
            }
            let (flash, done) = upload_and_cut(store.into_flash(), layout, new, None);
            assert!(done, "{place}: resumed");
            let Device { model, .. } = start(flash.restart(), layout);
            assert!(model.as_ref() == Some(new), "{place}: resumed to its end");
        }
    }
    cuts
}

#[test]
fn every_cut_of_a_chain_of_uploads_leaves_the_old_or_the_new_model() {
    // The first model comes with a blank journal, as a copied UF2 leaves it.
    let mut old = Model::random(0, 5_000);
    let mut flash = small();
    flash.put(SMALL.slot_a.offset as usize, &old.slot());
    let mut cuts = 0;
    // More than the journal has pages, so that each of its writes falls on each of them.
    for number in 1..14 {
        let new = Model::random(number, 3_300 + 300 * number as usize);
        cuts += every_cut(&flash, SMALL, (Some(&old), &new), |cut| kinds(cut).to_vec());
        (flash, _) = upload_and_cut(flash, SMALL, &new, None);
        old = new;
    }
    println!("{cuts} cuts");
    assert!(cuts > 3_000, "{cuts} cuts");
}

#[test]
fn every_cut_of_the_first_upload_leaves_no_model_or_the_new_one() {
    let new = Model::random(1, 6_000);
    let cuts = every_cut(&small(), SMALL, (None, &new), |cut| kinds(cut).to_vec());
    assert!(cuts > 200, "{cuts} cuts");
}

/// A second cut falls into each write of the resumed upload.
#[test]
fn every_cut_after_every_cut_leaves_the_old_or_the_new_model() {
    let (old, new) = (Model::random(0, 5_000), Model::random(1, 6_000));
    let mut flash = small();
    flash.put(SMALL.slot_a.offset as usize, &old.slot());
    let writes = upload_and_cut(flash.clone(), SMALL, &new, None).0.done;
    let mut cuts = 0;
    for cut in 0..writes {
        for torn in [Torn::Bytes(60), Torn::Bits(cut.into())] {
            let (cut_once, _) = upload_and_cut(flash.clone(), SMALL, &new, Some((cut, torn)));
            let Device { store, model, .. } = start(cut_once.restart(), SMALL);
            if model == Some(new.clone()) {
                continue;
            }
            cuts += every_cut(&store.into_flash(), SMALL, (Some(&old), &new), |cut| vec![Torn::Bits(!u64::from(cut))]);
        }
    }
    println!("{cuts} cuts");
    assert!(cuts > 1_000, "{cuts} cuts");
}

/// The models that ship, in a Pico's flash: one cut in each write of the upload of `pico.fer`, another kind each time.
#[test]
fn every_cut_of_an_upload_to_a_pico_leaves_the_old_or_the_new_model() {
    let edge = Model::new(include_bytes!("../../models/edge.fer"), Some(include_bytes!("../../models/finder.ferf")));
    let pico = Model::new(include_bytes!("../../models/pico.fer"), None);
    let mut flash = Flash::<4096>::new(512);
    flash.put(PICO.slot_a.offset as usize, &edge.slot());
    let cuts = every_cut(&flash, PICO, (Some(&edge), &pico), |cut| vec![kinds(cut)[cut as usize % 7]]);
    println!("{cuts} cuts");
    assert!(cuts > 370, "{cuts} cuts");
    // And back again, without a cut; then the first one is still in its slot, and nothing is sent.
    let (flash, done) = upload_and_cut(flash, PICO, &pico, None);
    assert!(done);
    let (mut flash, done) = upload_and_cut(flash, PICO, &edge, None);
    assert!(done);
    flash.done = 0;
    let mut device = start(flash, PICO);
    assert_eq!(device.model.as_ref(), Some(&edge));
    assert_eq!(device.upload(&pico, 1024), Ok(pico.contents.len() as u32));
    let flash = device.store.into_flash();
    assert_eq!(flash.done, 1, "only the record that the slot is valid");
    assert_eq!(start(flash, PICO).model, Some(pico));
}

#[test]
fn an_upload_goes_on_from_the_last_recorded_sector() {
    let new = Model::random(2, 7_000);
    let (flash, _) = upload_and_cut(small(), SMALL, &new, Some((32, Torn::Bytes(3))));
    let mut device = start(flash.restart(), SMALL);
    let there = device.store.begin(new.header, device.running).unwrap();
    assert_eq!(there as usize, 4 * SMALL_SECTOR - slot::HEADER_BYTES);
    // Another upload goes on with nothing of it.
    let other = Model::random(3, 7_000);
    assert_eq!(device.store.begin(other.header, device.running), Ok(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Power fails again and again, at any time.
    #[test]
    fn cuts_at_any_time_of_many_uploads_leave_the_old_or_the_new_model(
        uploads in vec((0..4u64, 1..6_500usize, vec((0..60u32, any::<Torn>()), 0..6)), 1..12)
    ) {
        let mut old = None;
        let mut flash = small();
        for (number, bytes, cuts) in uploads {
            let new = Model::random(number, bytes);
            for cut in cuts.into_iter().map(Some).chain([None]) {
                let (after, done) = upload_and_cut(flash, SMALL, &new, cut);
                let Device { store, model, .. } = start(after.restart(), SMALL);
                flash = store.into_flash();
                prop_assert!(model == old || model == Some(new.clone()));
                prop_assert!(!done || model == Some(new.clone()));
                if model == Some(new.clone()) {
                    break;
                }
            }
            old = Some(new);
        }
    }
}
