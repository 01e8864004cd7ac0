use shared::checksum::crc32;

use super::*;

#[test]
fn a_face_is_the_same_on_every_machine() {
    let bytes: Vec<u8> = (0..14).flat_map(|index| face(1, index).pixels).collect();
    assert_eq!(crc32(&bytes), 3_756_234_993, "the drawing changed: count VERSION up and pin the new checksum");
}

#[test]
fn seeds_and_numbers_give_different_faces_and_emotions_take_turns() {
    assert_ne!(face(1, 0).pixels, face(2, 0).pixels);
    assert_ne!(face(1, 0).pixels, face(1, 7).pixels);
    let emotions: Vec<Emotion> = (0..7).map(|index| face(3, index).emotion).collect();
    assert_eq!(emotions, Emotion::FER2013);
}

#[test]
fn faces_use_the_range_of_grey_levels_without_clipping_much() {
    for index in 0..70 {
        let pixels = face(4, index).pixels;
        let clipped = pixels.iter().filter(|&&p| p == 0 || p == 255).count();
        let (low, high) = (pixels.iter().min().copied(), pixels.iter().max().copied());
        assert!(clipped < FACE_PIXELS / 5, "face {index}: {clipped} pixels are black or white");
        assert!(high > low.map(|low| low + 60), "face {index} is flat: {low:?} to {high:?}");
    }
}

#[test]
fn a_contact_sheet_has_a_row_for_each_emotion() {
    let (width, height, sheet) = contact_sheet(1, 3, 2);
    assert_eq!((width, height), (3 * 96, 7 * 96));
    assert_eq!(sheet.len(), (width * height) as usize);
}
