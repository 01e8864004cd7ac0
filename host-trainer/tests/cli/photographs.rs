//! Pictures of any size with faces in them: drawn ones on a background.

use std::path::Path;

use host_trainer::{image_file::write_grey, synthetic};
use serde_json::Value;

use super::program::run;

/// A drawn face in a picture: its number, its upper left corner, how many pixels one of its pixels becomes.
pub type Drawn = (u64, [usize; 2], usize);

/// Where the eyes of a face are.
pub type Eyes = [[f32; 2]; 2];

/// A picture of a grey ramp with drawn faces, and where their eyes are.
pub fn picture([width, height]: [usize; 2], faces: &[Drawn]) -> (Vec<u8>, Vec<Eyes>) {
    let mut pixels: Vec<u8> = (0..width * height).map(|index| (90 + index % width * 60 / width) as u8).collect();
    let mut eyes = Vec::new();
    for &(number, [left, top], scale) in faces {
        let face = synthetic::face(9, number);
        for y in 0..48 * scale {
            for x in 0..48 * scale {
                if left + x < width && top + y < height {
                    pixels[(top + y) * width + left + x] = face.pixels[y / scale * 48 + x / scale];
                }
            }
        }
        let place = |value: f32, start: usize| (value + 0.5) * scale as f32 - 0.5 + start as f32;
        eyes.push(face.eyes.map(|[x, y]| [place(x, left), place(y, top)]));
    }
    (pixels, eyes)
}

/// Writes a picture and gives where the eyes of its faces are.
pub fn write_picture(path: &Path, size: [usize; 2], faces: &[Drawn]) -> Vec<Eyes> {
    let (pixels, eyes) = picture(size, faces);
    write_grey(path, size[0] as u32, size[1] as u32, pixels).expect("written");
    eyes
}

fn faces(folder: &Path, arguments: &str) -> Vec<Value> {
    let ended = run(folder, arguments).done();
    let answers: Vec<Value> = serde_json::from_str(&ended.out).expect("a JSON array");
    answers[0]["faces"].as_array().unwrap_or_else(|| panic!("no array of faces in {}", ended.out)).clone()
}

fn point(value: &Value) -> [f32; 2] {
    [0, 1].map(|index| value[index].as_f64().expect("a number") as f32)
}

fn apart(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Whether a face is the one with these eyes: both within a sixth of their distance.
pub fn is_at(face: &Value, eyes: &Eyes) -> bool {
    let most = apart(eyes[0], eyes[1]) / 6.0;
    (0..2).all(|eye| apart(point(&face["eyes"][eye]), eyes[eye]) < most)
}

#[test]
fn a_face_is_found_with_its_eyes_its_box_and_its_emotion() {
    let folder = tempfile::tempdir().expect("a folder");
    let eyes = write_picture(&folder.path().join("a.png"), [320, 240], &[(3, [120, 70], 2)]);
    let found = faces(folder.path(), "predict --json a.png");
    assert!(found.len() == 1 && is_at(&found[0], &eyes[0]), "{found:?} {eyes:?}");
    let side = |low: usize, high: usize| {
        found[0]["box"][high].as_f64().expect("a number") - found[0]["box"][low].as_f64().expect("a number")
    };
    let distance = f64::from(apart(point(&found[0]["eyes"][0]), point(&found[0]["eyes"][1])));
    assert!((side(0, 2) - 2.4 * distance).abs() < 0.1 && (side(1, 3) - 2.4 * distance).abs() < 0.1, "{found:?}");
    assert!(found[0]["label"].is_string() && found[0]["probabilities"].as_array().is_some_and(|p| p.len() == 7));
    let text = run(folder.path(), "predict a.png").done().out;
    assert!(text.starts_with("a.png, face "), "{text}");
}

#[test]
fn every_face_of_a_large_picture_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawn: Vec<Drawn> =
        (0..6).map(|index| (index, [80 + (index as usize) * 200, 100 + index as usize * 110], 2)).collect();
    let eyes = write_picture(&folder.path().join("a.png"), [1400, 900], &drawn);
    let found = faces(folder.path(), "predict --json a.png");
    for eyes in &eyes {
        assert!(found.iter().any(|face| is_at(face, eyes)), "{eyes:?} of {found:?}");
    }
    assert_eq!(found.len(), eyes.len(), "{found:?}");
}

#[test]
fn a_face_that_fills_a_large_picture_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let eyes = write_picture(&folder.path().join("a.png"), [960, 960], &[(1, [0, 0], 20)]);
    let found = faces(folder.path(), "predict --json a.png");
    assert!(found.len() == 1 && is_at(&found[0], &eyes[0]), "{found:?} {eyes:?}");
}

#[test]
fn pictures_without_a_face_say_so_whatever_their_size() {
    let folder = tempfile::tempdir().expect("a folder");
    for size in [[1, 1], [5000, 20], [20, 3000], [48, 47], [640, 480]] {
        write_picture(&folder.path().join("a.png"), size, &[]);
        assert_eq!(faces(folder.path(), "predict --json a.png"), Vec::<Value>::new(), "{size:?}");
    }
    write_grey(&folder.path().join("black.png"), 200, 200, vec![0; 40_000]).expect("written");
    assert_eq!(run(folder.path(), "predict black.png").done().out, "black.png: no face\n");
}

#[test]
fn found_faces_are_drawn_and_written_as_the_model_sees_them() {
    let folder = tempfile::tempdir().expect("a folder");
    write_picture(&folder.path().join("a.png"), [320, 240], &[(3, [120, 70], 2)]);
    run(folder.path(), "predict --out marked a.png").done();
    let marked = image::open(folder.path().join("marked/001_a.faces.png")).expect("an image").to_rgb8();
    assert_eq!(marked.dimensions(), (320, 240));
    // The box is green, the picture grey.
    assert!(marked.pixels().filter(|pixel| pixel[1] > pixel[0].saturating_add(60)).count() > 300);
    let face = image::open(folder.path().join("marked/001_a.face1.png")).expect("an image");
    assert_eq!((face.width(), face.height()), (48, 48));
}

#[test]
fn a_crop_is_not_searched() {
    let folder = tempfile::tempdir().expect("a folder");
    write_picture(&folder.path().join("face.png"), [48, 48], &[(3, [0, 0], 1)]);
    write_picture(&folder.path().join("large.png"), [320, 240], &[(3, [120, 70], 2)]);
    let answer =
        |arguments: &str| -> Value { serde_json::from_str(&run(folder.path(), arguments).done().out).expect("JSON") };
    assert!(answer("predict --json face.png")[0]["label"].is_string());
    assert!(answer("predict --json --crop large.png")[0]["label"].is_string());
    run(folder.path(), "predict --crop --out marked large.png").refused(2, "cannot be used with");
}
