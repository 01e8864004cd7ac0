//! Folders of images.

use std::{fs, path::Path};

use shared::preprocessing::FACE_PIXELS;
use tempfile::TempDir;

use super::{super::*, LOCAL};

/// A folder with one grey picture under each of these names.
fn pictures(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (index, name) in names.iter().enumerate() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        image::RgbImage::from_pixel(48, 48, image::Rgb([index as u8; 3])).save(path).expect("written");
    }
    folder
}

#[test]
fn a_folder_of_images_is_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().expect("a folder");
    for (index, name) in ["train/happy/b.png", "train/happy/a.png", "validation/sad/c.png"].iter().enumerate() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        let grey = vec![50 * (index as u8 + 1); 60 * 80];
        crate::image_file::write_grey(&path, 60, 80, grey).expect("written");
    }
    let source = locate(Some(folder.path())).expect("there");
    let dataset = source.read(&mut |_, _| {}).expect("sound");
    let training = dataset.faces(Split::Training);
    assert_eq!(training.labels, [3, 3]);
    assert_eq!((training.pixels[0], training.pixels[FACE_PIXELS]), (100, 50));
    assert_eq!(dataset.faces(Split::PublicTest).labels, [4]);

    fs::create_dir_all(folder.path().join("train/bored")).expect("made");
    assert!(source.read(&mut |_, _| {}).expect_err("bored").to_string().contains("must be named angry"));
    fs::remove_dir(folder.path().join("train/bored")).expect("empty");
    fs::create_dir_all(folder.path().join("train/contempt")).expect("made");
    let error = source.read(&mut |_, _| {}).expect_err("no emotion of FER2013").to_string();
    assert!(error.contains("must be named angry"), "{error}");
}

#[test]
fn what_systems_leave_behind_is_no_part_of_a_folder_of_images() {
    let folder = pictures(&["train/happy/a.png"]);
    let source = Source::Folder(folder.path().into());
    let expected = source.read(&mut |_, _| {}).expect("sound");
    for name in ["train/happy/._a.png", "train/.DS_Store", ".hidden", "train/happy/.a.png.swp"] {
        fs::write(folder.path().join(name), b"not a picture").expect("written");
    }
    for name in ["train/.ipynb_checkpoints", ".git", "__MACOSX/train/happy", "train/happy/.thumbnails"] {
        fs::create_dir_all(folder.path().join(name)).expect("made");
    }
    assert_eq!(source.read(&mut |_, _| {}).expect("sound"), expected);
    assert_eq!(expected.warnings, [""; 0]);
}

#[test]
fn every_image_of_a_folder_is_read_and_what_is_left_out_is_counted() {
    let names = ["a.png", "b.bmp", "c.webp", "d.tiff", "e.gif", "f.pgm"].map(|name| format!("train/sad/{name}"));
    let folder = pictures(&names.each_ref().map(String::as_str));
    for name in ["train/sad/g.heic", "train/sad/h.heic", "train/sad/LICENSE", "train/labels.csv", "README.md"] {
        fs::write(folder.path().join(name), b"something").expect("written");
    }
    fs::create_dir_all(folder.path().join("train/sad/more")).expect("made");
    let source = Source::Folder(folder.path().into());
    let dataset = source.read(&mut |_, _| {}).expect("sound");
    let levels: Vec<u8> = dataset.faces(Split::Training).iter().map(|(face, _)| face[0]).collect();
    assert_eq!(levels, [0, 1, 2, 3, 4, 5]);
    let [warning] = dataset.warnings.as_slice() else { panic!("{:?}", dataset.warnings) };
    let counted = "left out 6, which are no images in train|validation|test/<emotion>/: 1 .csv, 2 .heic, 1 .md, 1 folders, 1 without";
    assert!(warning.contains(counted), "{warning}");
    let cache = folder.path().join(".cache.bin");
    for _ in 0..2 {
        let normalized = load_normalized(&source, LOCAL, &cache, &mut |_, _| {}).expect("sound");
        assert_eq!((normalized.warnings, normalized.contents), (dataset.warnings.clone(), dataset.contents()));
    }
}

#[test]
fn a_folder_is_known_wherever_it_lies_and_whatever_was_done_to_it_is_seen() {
    let folder = pictures(&["train/sad/a.png", "validation/sad/b.png"]);
    let hash = |path: &Path| Source::Folder(path.into()).hash().expect("readable");
    let before = hash(folder.path());
    assert_eq!(hash(&folder.path().join("./train/..")), before);
    let moved = folder.path().with_extension("moved");
    fs::rename(folder.path(), &moved).expect("moved");
    assert_eq!(hash(&moved), before);
    // Other bytes, as many, at the same time as before.
    let file = moved.join("train/sad/a.png");
    let modified = fs::metadata(&file).and_then(|metadata| metadata.modified()).expect("known");
    let mut bytes = fs::read(&file).expect("there");
    bytes[40] ^= 1;
    fs::write(&file, bytes).expect("written");
    fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(modified)).expect("set");
    assert_ne!(hash(&moved), before);
    fs::remove_dir_all(&moved).expect("removed");
}

#[test]
fn a_file_that_is_no_image_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("train/happy");
    fs::create_dir_all(&path).expect("made");
    fs::write(path.join("x.png"), b"not a picture").expect("written");
    let error = Source::Folder(folder.path().into()).read(&mut |_, _| {}).expect_err("no picture").to_string();
    assert!(error.contains("x.png"), "{error}");
}
