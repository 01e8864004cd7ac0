//! ```text
//! folder.rs       folders of images
//! photographs.rs  folders of photographs, in which faces are found
//! ```

mod folder;
mod photographs;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use shared::{
    label::Emotion,
    preprocessing::{FACE_PIXELS, Preprocessing},
};
use tempfile::TempDir;

use super::*;

const LOCAL: Preprocessing = Preprocessing::Local { sigma_floor: 1024 };

fn pixels(count: usize) -> String {
    (0..count).map(|i| (i * 7 % 256).to_string()).collect::<Vec<_>>().join(" ")
}

/// A file with the usual header and these rows.
fn csv(rows: &[String]) -> (TempDir, PathBuf) {
    file(&format!("emotion,pixels,Usage\n{}", rows.join("\n")))
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fer2013.csv");
    fs::write(&path, text).expect("written");
    (folder, path)
}

fn gzipped(path: &Path) -> PathBuf {
    let packed = path.with_extension("gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&fs::read(path).expect("there")).expect("packed");
    fs::write(&packed, encoder.finish().expect("packed")).expect("written");
    packed
}

fn good_rows() -> Vec<String> {
    ["Training", "Training", "PublicTest", "PrivateTest"]
        .iter()
        .enumerate()
        .map(|(label, usage)| format!("{label},{},{usage}", pixels(FACE_PIXELS)))
        .collect()
}

fn read(path: &Path) -> Result<Dataset, DataError> {
    Source::Csv(path.into()).read(&mut |_, _| {})
}

fn error_of(rows: &[String]) -> String {
    let (_folder, path) = csv(rows);
    read(&path).expect_err("not readable").to_string()
}

#[test]
fn plain_and_gzipped_files_give_the_same_faces() {
    let (_folder, path) = csv(&good_rows());
    let plain = read(&path).expect("sound");
    assert_eq!(plain.require(Split::Training).expect("two").labels, [0, 1]);
    assert_eq!(plain.faces(Split::PublicTest).len(), 1);
    let packed = read(&gzipped(&path)).expect("sound");
    for split in Split::ALL {
        assert_eq!(packed.faces(split), plain.faces(split));
    }
}

#[test]
fn columns_may_come_in_any_order_and_quoted() {
    let (_folder, path) = file(&format!("Usage,emotion,pixels\nTraining,3,\"{}\"\n", pixels(FACE_PIXELS)));
    assert_eq!(read(&path).expect("sound").faces(Split::Training).labels, [3]);
}

#[test]
fn every_fault_names_line_column_and_remedy() {
    let row =
        |label: &str, pixels: String, usage: &str| vec![good_rows().remove(0), format!("{label},{pixels},{usage}")];
    let cases = [
        (row("9", pixels(FACE_PIXELS), "Training"), "line 3, column emotion: the label is `9`; it must be 0 to 6"),
        (row("7", pixels(FACE_PIXELS), "Training"), "line 3, column emotion: the label is `7`; it must be 0 to 6"),
        (row("1", pixels(2303), "Training"), "line 3, column pixels: 2303 pixels; there must be 2304"),
        (row("1", pixels(2305), "Training"), "line 3, column pixels: 2305 pixels"),
        (row("1", format!("{} 256", pixels(2303)), "Training"), "line 3, column pixels: pixel 2304 is `256`"),
        (row("1", format!("-1 {}", pixels(2303)), "Training"), "line 3, column pixels: pixel 1 is `-1`"),
        (row("1", pixels(FACE_PIXELS), "Test"), "line 3, column Usage: `Test` is not Training"),
        (vec![good_rows().remove(0), "1,12 13 14".into()], "line 3, column pixels: 3 pixels"),
        (vec![format!("1,{}", pixels(FACE_PIXELS))], "line 2, column Usage: the row ends before it: 2 of 3 fields"),
    ];
    for (rows, expected) in cases {
        let error = error_of(&rows);
        assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        assert!(error.contains("fer2013.csv"), "{error}");
    }
}

#[test]
fn missing_columns_and_missing_rows_are_errors() {
    let (_folder, path) = file("emotion,pixel,Usage\n");
    assert!(read(&path).expect_err("no pixels").to_string().contains("no column `pixels`"));
    let (_folder, path) = file("emotion,pixels,Usage\n");
    assert!(read(&path).expect_err("no rows").to_string().contains("no row below the header"));
    let (_folder, path) = file("");
    assert!(read(&path).expect_err("empty").to_string().contains("the file is empty"));
    assert!(read(Path::new("nowhere.csv")).expect_err("nowhere").to_string().contains("nowhere.csv"));
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_column() {
    let (_folder, path) = csv(&good_rows());
    let expected = read(&path).expect("sound");
    let (_folder, marked) = file(&format!("\u{feff}{}", fs::read_to_string(&path).expect("there")));
    for path in [gzipped(&marked), marked] {
        assert_eq!(read(&path).expect("sound").contents(), expected.contents(), "{}", path.display());
    }
    let rows = "Training,a.png,4,0,0,1,3,2,0,0,0,0\n";
    let (_folder, votes) = file(&format!("\u{feff}{HEADER}{rows}"));
    for path in [gzipped(&votes), votes] {
        assert_eq!(read_votes(&path, Split::Training, 1).expect("sound").len(), 1, "{}", path.display());
    }
}

#[test]
fn a_file_of_another_kind_is_named_as_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut tar = vec![0; 1024];
    tar[..19].copy_from_slice(b"fer2013/fer2013.csv");
    tar[257..262].copy_from_slice(b"ustar");
    let written = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    };
    let plain = written("fer2013.tar", &tar);
    let cases = [
        (gzipped(&plain), "this is a tar archive; unpack it"),
        (plain, "this is a tar archive; unpack it"),
        (written("archive.zip", b"PK\x03\x04\x14\0\0\0\n"), "this is a zip archive; unpack it"),
        (written("page.csv", b"<!DOCTYPE html>\n<html>"), "this is a web page (HTML); "),
        (written("wide.csv", b"\xff\xfee\0m\0\n\0"), "this is a text in UTF-16 (save it as UTF-8); "),
    ];
    for (path, expected) in cases {
        for error in [read(&path).expect_err("no CSV"), read_votes(&path, Split::Training, 1).expect_err("no CSV")] {
            let error = error.to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once_and_named_where_that_does_not_do() {
    let (folder, path) = csv(&good_rows());
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let source = Source::Csv(pipe.clone());
    let error = source.hash().expect_err("the faces would be gone").to_string();
    assert!(error.contains("this is a pipe"), "{error}");
    let expected = read(&path).expect("sound").contents();
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&pipe, fs::read(&path).expect("there")).expect("written"));
        assert_eq!(source.read(&mut |_, _| {}).expect("sound").contents(), expected);
    });
}

#[test]
fn contents_are_those_of_the_faces_whatever_file_holds_them() {
    let (_folder, path) = csv(&good_rows());
    let contents = |path: &Path| read(path).expect("sound").contents();
    let expected = contents(&path);
    assert_eq!(contents(&gzipped(&path)), expected);
    let (_folder, quoted) = file(&fs::read_to_string(&path).expect("there").replace('\n', "\r\n"));
    assert_eq!(contents(&quoted), expected);
    let mut rows = good_rows();
    rows.swap(0, 1);
    assert_ne!(contents(&csv(&rows).1), expected, "another order");
    let relabelled: Vec<_> = good_rows().iter().map(|row| row.replacen("1,", "2,", 1)).collect();
    assert_ne!(contents(&csv(&relabelled).1), expected, "another label");
    let without_test: Vec<_> = good_rows().into_iter().filter(|row| !row.ends_with("PrivateTest")).collect();
    let (_folder, path) = csv(&without_test);
    assert_eq!(contents(&path), expected, "nothing is learned from the others");
}

#[test]
fn every_torn_gzip_is_an_error_and_never_fewer_rows() {
    let (_folder, path) = csv(&good_rows());
    let packed = gzipped(&path);
    let bytes = fs::read(&packed).expect("there");
    for length in [20, bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
        fs::write(&packed, &bytes[..length]).expect("torn");
        let error = read(&packed).expect_err("torn");
        assert!(matches!(error, DataError::Compressed { .. }), "{length} bytes: {error}");
    }
}

#[test]
fn a_split_without_faces_is_an_error_when_it_is_asked_for() {
    let (_folder, path) = csv(&good_rows()[..2]);
    let dataset = read(&path).expect("sound");
    let error = dataset.require(Split::PublicTest).expect_err("empty").to_string();
    assert_eq!(error, "fer2013.csv has no PublicTest faces (in a folder of images: validation/), but Training");
}

#[test]
fn a_named_source_that_does_not_exist_is_never_replaced_by_synthetic_faces() {
    let error = locate(Some(Path::new("nowhere/fer2013.csv"))).expect_err("there is none").to_string();
    assert!(error.contains("nowhere/fer2013.csv"), "{error}");
}

#[test]
fn synthetic_splits_share_no_face() {
    let faces = SyntheticFaces { seed: 1, training: 14, validation: 7, test: 7 };
    let dataset = Source::Synthetic(faces).read(&mut |_, _| {}).expect("drawn");
    let mut all: Vec<_> =
        Split::ALL.iter().flat_map(|&split| dataset.faces(split).iter()).map(|(face, _)| face).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 28);
}

#[test]
fn the_cache_gives_the_same_faces_without_the_source_being_read() {
    let (folder, path) = csv(&good_rows());
    let cache = folder.path().join("cache/faces.bin");
    let source = Source::Csv(path);
    let mut reads = 0;
    let mut load = |preprocessing| {
        let before = reads;
        let dataset = load_normalized(&source, preprocessing, &cache, &mut |_, _| reads += 1).expect("sound");
        assert_eq!(dataset.warnings, [""; 0]);
        (dataset, reads > before)
    };
    let (first, read_first) = load(LOCAL);
    let (second, read_second) = load(LOCAL);
    assert!(read_first && !read_second);
    assert_eq!(first, second);
    let (_, read_third) = load(Preprocessing::Local { sigma_floor: 1 });
    assert!(read_third, "other parameters need other faces");
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning() {
    let (folder, path) = csv(&good_rows());
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, b"a file where a folder should be").expect("written");
    let cache = blocked.join("faces.bin");
    let dataset = load_normalized(&Source::Csv(path), LOCAL, &cache, &mut |_, _| {}).expect("sound");
    assert!(dataset.warnings[0].contains("cannot be kept"), "{:?}", dataset.warnings);
    assert_eq!(dataset.require(Split::Training).expect("there").labels.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_damaged_cache_is_made_anew(position in any::<prop::sample::Index>(), cut in any::<bool>()) {
        let (folder, path) = csv(&good_rows());
        let cache = folder.path().join("faces.bin");
        let source = Source::Csv(path);
        let load = || load_normalized(&source, LOCAL, &cache, &mut |_, _| {}).expect("sound");
        let expected = load();
        let mut bytes = fs::read(&cache).expect("there");
        let position = position.index(bytes.len());
        if cut { bytes.truncate(position) } else { bytes[position] ^= 0x40 }
        fs::write(&cache, bytes).expect("damaged");
        prop_assert_eq!(load(), expected);
    }
}

#[test]
#[ignore = "needs FER2013: set FER2013=…/fer2013.csv.gz"]
fn fer2013_has_its_counts() {
    let path = std::env::var_os("FER2013").expect("FER2013 names the file");
    let dataset = read(Path::new(&path)).expect("sound");
    let counts = |split: Split| {
        let mut counts = [0; 7];
        for &label in &dataset.faces(split).labels {
            counts[usize::from(label)] += 1;
        }
        counts
    };
    assert_eq!(counts(Split::Training), [3995, 436, 4097, 7215, 4830, 3171, 4965]);
    assert_eq!(counts(Split::PublicTest), [467, 56, 496, 895, 653, 415, 607]);
}

const HEADER: &str = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n";

#[test]
fn the_label_of_ferplus_is_what_more_than_half_of_the_votes_say_that_are_not_alone() {
    let cases = [
        ("four of eight are no majority", "a.png,4,0,0,0,4,1,1,0,0,0", None),
        ("four of seven are, for single votes do not count", "a.png,4,1,1,0,3,0,0,0,1,0", Some(Emotion::Neutral)),
        ("five of ten are not", "a.png,5,0,0,0,5,0,0,0,0,0", None),
        ("contempt", "a.png,0,2,0,0,0,0,0,6,2,0", Some(Emotion::Contempt)),
        ("unknown counts in the sum", "a.png,0,0,0,5,0,0,0,0,5,0", None),
        ("a majority of unknown is no emotion", "a.png,3,0,0,0,0,0,0,0,7,0", None),
        ("a majority of no face is none either", "a.png,2,0,0,0,0,0,0,0,0,8", None),
        ("single votes alone", "a.png,1,1,1,1,1,1,1,1,1,1", None),
        ("a row without an image", ",0,10,0,0,0,0,0,0,0,0", None),
    ];
    let rows: String = cases.iter().map(|(_, row, _)| format!("Training,{row}\n")).collect();
    let (_folder, path) = file(&format!("{HEADER}{rows}"));
    let judged = read_ferplus(&path, Split::Training, cases.len()).expect("sound");
    for ((why, _, expected), found) in cases.iter().zip(&judged) {
        assert_eq!(found.label, *expected, "{why}");
    }
    assert_eq!(judged[1].shares, Some([3.0 / 7.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0 / 7.0, 0.0]));
    assert_eq!(judged[3].shares, Some([0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.75]));
    assert_eq!((judged[7].shares, judged[8]), (None, FerPlus::default()));
}

#[test]
fn faces_with_other_labels_keep_their_pixels_and_those_without_are_gone() {
    let labels = [Some(Emotion::Contempt), None, Some(Emotion::Sad)];
    let mut faces = Faces::default();
    for level in [10, 20, 30] {
        faces.push(&[level; FACE_PIXELS], Emotion::Happy);
    }
    faces.relabel(&labels);
    let found: Vec<_> = faces.iter().map(|(face, label)| (face[0], face[FACE_PIXELS - 1], label)).collect();
    assert_eq!(found, [(10, 10, Emotion::Contempt), (30, 30, Emotion::Sad)]);

    let (folder, path) = csv(&good_rows());
    let cache = folder.path().join("faces.bin");
    let load = || load_normalized(&Source::Csv(path.clone()), LOCAL, &cache, &mut |_, _| {}).expect("sound");
    let before = load();
    let mut dataset = before.clone();
    dataset.relabel(Split::Training, &[None, Some(Emotion::Contempt)]);
    let found = dataset.require(Split::Training).expect("one");
    let second = &before.require(Split::Training).expect("two").images[LOCAL.values()..];
    assert_eq!((found.labels.as_slice(), found.images.as_slice()), (&[7][..], second));
    assert_eq!(dataset.require(Split::PublicTest), before.require(Split::PublicTest));
    assert_eq!(load(), before, "the file keeps FER2013's labels");
}

#[test]
#[ignore = "needs FER+: set FERPLUS=…/fer2013new.csv"]
fn ferplus_has_its_counts() {
    let path = std::env::var_os("FERPLUS").expect("FERPLUS names the file");
    let counts = |split: Split, faces: usize| {
        let mut counts = [0; 8];
        for label in read_ferplus(Path::new(&path), split, faces).expect("sound").iter().filter_map(|face| face.label) {
            counts[label.index()] += 1;
        }
        counts
    };
    assert_eq!(counts(Split::Training, 28_709), [2100, 119, 532, 7287, 3014, 3149, 8740, 119]);
    assert_eq!(counts(Split::PublicTest, 3_589), [287, 24, 62, 865, 351, 415, 1182, 13]);
}

#[test]
fn votes_become_shares_of_the_seven_emotions_in_the_order_of_the_labels() {
    let rows = "Training,a.png,4,0,0,1,3,2,0,0,0,0\nPublicTest,b.png,0,10,0,0,0,0,0,0,0,0\n\
                Training,,0,0,0,0,0,0,0,0,0,10\n";
    let (_folder, path) = file(&format!("{HEADER}{rows}"));
    let votes = read_votes(&path, Split::Training, 2).expect("sound");
    assert_eq!(votes, [Some([0.3, 0.2, 0.0, 0.0, 0.1, 0.0, 0.4, 0.0]), None]);
    let error = read_votes(&path, Split::Training, 3).expect_err("one row is missing").to_string();
    assert!(error.contains("2 rows of votes for 3 Training faces"), "{error}");
    let (_folder, path) = file(&format!("{HEADER}Training,a.png,4,x,0,1,3,2,0,0,0,0\n"));
    let error = read_votes(&path, Split::Training, 1).expect_err("no number").to_string();
    assert!(error.contains("line 2, column happiness: `x`"), "{error}");
}
