//! Folders of photographs, in which faces are found.

use std::fs;

use shared::{checksum::crc32, preprocessing::FACE_SIZE};
use tempfile::TempDir;

use super::{super::*, LOCAL};
use crate::{cli::DEFAULT_FINDER, image_file::write_grey, synthetic};

/// Pictures of 160x120 pixels with a drawn face each, and one of plain grey, `train/sad/none.png`.
fn photographs() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let names =
        ["train/happy/a.png", "train/happy/b.png", "train/sad/none.png", "train/sad/c.png", "validation/sad/d.png"];
    for (index, name) in names.iter().enumerate() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        let mut pixels = vec![120; 160 * 120];
        if !name.contains("none") {
            let face = synthetic::face(9, index as u64);
            for y in 0..FACE_SIZE {
                let start = (y + 36) * 160 + 56;
                pixels[start..start + FACE_SIZE].copy_from_slice(&face.pixels[y * FACE_SIZE..][..FACE_SIZE]);
            }
        }
        write_grey(&path, 160, 120, pixels).expect("written");
    }
    folder
}

fn shipped() -> FinderFile {
    FinderFile::new(None, &DEFAULT_FINDER.0).expect("a finder")
}

/// The finder that comes with the program, with another threshold in its last tree.
fn other() -> FinderFile {
    let mut bytes = DEFAULT_FINDER.0.to_vec();
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")) as usize;
    let trees = shared::finder::Finder::parse(&DEFAULT_FINDER.0).expect("a finder").trees.len();
    let threshold = (16 + number(12)).next_multiple_of(16) + 96 * trees - 2;
    bytes[threshold] ^= 1;
    let end = bytes.len() - 4;
    let crc = crc32(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
    FinderFile::new(Some("other.ferf".into()), &bytes).expect("a finder")
}

fn source(folder: &TempDir, finder: FinderFile) -> Source {
    Source::Folder(folder.path().into()).with_faces_found(finder).expect("a folder")
}

#[test]
fn the_largest_face_of_each_photograph_is_learned_from_and_what_has_none_is_named() {
    let folder = photographs();
    let mut told = Vec::new();
    let dataset = source(&folder, shipped()).read(&mut |done, total| told.push((done, total))).expect("sound");
    assert_eq!(told.last(), Some(&(5, 5)));
    assert_eq!(dataset.faces(Split::Training).labels, [3, 3, 4]);
    assert_eq!(dataset.faces(Split::PublicTest).labels, [4]);
    let [warning] = dataset.warnings.as_slice() else { panic!("{:?}", dataset.warnings) };
    assert!(warning.ends_with("no face in 1 of 5 photographs: train/sad/none.png"), "{warning}");
    // The crop is the face, about as it was drawn, and not the middle of the picture.
    let drawn = synthetic::face(9, 0);
    let (found, _) = dataset.faces(Split::Training).iter().next().expect("a face");
    let difference = |face: &[u8]| face.iter().zip(drawn.pixels).map(|(a, b)| u32::from(a.abs_diff(b))).sum::<u32>();
    let middle = crate::image_file::read_face(&folder.path().join("train/happy/a.png")).expect("a picture");
    assert!(difference(found) < difference(&middle), "{} {}", difference(found), difference(&middle));
}

#[test]
fn found_faces_are_told_from_plain_ones_and_from_those_of_another_finder() {
    let folder = photographs();
    let plain = Source::Folder(folder.path().into());
    let (found, found_by_other) = (source(&folder, shipped()), source(&folder, other()));
    let hash = |source: &Source| source.hash().expect("readable");
    assert_eq!(hash(&found), hash(&source(&folder, shipped())));
    assert!(hash(&found) != hash(&plain) && hash(&found) != hash(&found_by_other) && found != found_by_other);
    // One file of the cache serves none but its own.
    let cache = folder.path().join(".cache.bin");
    let contents = |source: &Source| load_normalized(source, LOCAL, &cache, &mut |_, _| {}).expect("sound").contents;
    let (of_found, of_plain) = (contents(&found), contents(&plain));
    assert_ne!(of_found, of_plain);
    assert_eq!((contents(&found), contents(&found)), (of_found, of_found));
    let warnings = load_normalized(&found, LOCAL, &cache, &mut |_, _| {}).expect("sound").warnings;
    assert!(warnings[0].contains("none.png"), "a cache tells it too: {warnings:?}");
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let error = Source::Csv("faces.csv".into()).with_faces_found(shipped()).expect_err("a file").to_string();
    assert!(error.contains("not in faces.csv") && error.contains("--find-faces"), "{error}");
    let error = FinderFile::new(Some("mine.ferf".into()), b"FERF").expect_err("no finder").to_string();
    assert!(error.starts_with("mine.ferf: "), "{error}");
    let folder = photographs();
    for name in ["train/happy", "validation", "train/sad/c.png"] {
        let path = folder.path().join(name);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("removed");
    }
    let error = source(&folder, shipped()).read(&mut |_, _| {}).expect_err("no face").to_string();
    assert!(error.contains("no face was found in any"), "{error}");
    fs::write(folder.path().join("train/sad/broken.png"), b"no picture").expect("written");
    let error = source(&folder, shipped()).read(&mut |_, _| {}).expect_err("no picture").to_string();
    assert!(error.contains("broken.png"), "{error}");
}

#[test]
fn a_crop_is_a_face_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("train/happy");
    fs::create_dir_all(&path).expect("made");
    write_grey(&path.join("a.png"), 48, 48, vec![7; 48 * 48]).expect("written");
    let dataset = source(&folder, shipped()).read(&mut |_, _| {}).expect("sound");
    assert_eq!((dataset.faces(Split::Training).pixels.clone(), dataset.warnings), (vec![7; 48 * 48], Vec::new()));
}
