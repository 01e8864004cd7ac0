//! Ten faces of FER2013's `PublicTest` in a photograph of 1600x1200 pixels: how many are found, and how many boxes have no face?
//!
//! ```text
//! cargo run --release -p host-trainer --example crowds -- fer2013.csv.gz PHOTOGRAPHS [firmware/models/finder.ferf] > crowds.csv
//! ```
//!
//! Faces are 60 pixels large from brow to chin, tilted by up to 20 degrees, with an edge that is blurred over an eighth, one in each cell of five by two, before
//! photographs that the finder did not learn from. A row is a picture.

use std::{io, path::Path};

use anyhow::Context;
use host_trainer::finder::{
    pasting::{Place, UnseenFace, read_unseen},
    scene::Picture,
};
use image::{GrayImage, imageops};
use pictures::{
    photograph::faces_of,
    places::{distance, in_pixels, middle, span},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use shared::{finder::Finder, model::AlignedBytes};

const WIDTH: usize = 1600;
const HEIGHT: usize = 1200;

/// Columns and rows of cells.
const CELLS: [usize; 2] = [5, 2];

const PICTURES: u64 = 50;

#[derive(Serialize)]
struct Row {
    picture: u64,
    found: usize,
    others: usize,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().context("name fer2013.csv, plain or gzipped")?;
    let photographs = arguments.next().context("name a folder of photographs without faces")?;
    let file = arguments.next().unwrap_or("firmware/models/finder.ferf".into());
    let bytes = AlignedBytes::new(&std::fs::read(&file).with_context(|| file.clone())?);
    let finder = Finder::parse(bytes.as_slice()).context(file)?;
    let (faces, pictures) = read_unseen(Path::new(&data), Path::new(&photographs))?;

    let mut table = csv::Writer::from_writer(io::stdout());
    let (mut found, mut others, mut nine) = (0, 0, 0);
    for picture in 0..PICTURES {
        let mut random = ChaCha8Rng::seed_from_u64(picture);
        let mut crowd = enlarged(&pictures[random.random_range(0..pictures.len())]);
        let eyes = paste(&mut crowd, &faces, &mut random);
        let crowd = GrayImage::from_raw(WIDTH as u32, HEIGHT as u32, crowd.pixels).context("a picture")?;
        let boxes = faces_of(&finder, &crowd)?;
        let is_at = |own: &[[f32; 2]; 2], eyes: &[[f32; 2]; 2]| distance(middle(own), middle(eyes)) < span(eyes) / 2.0;
        let of = eyes.iter().filter(|eyes| boxes.iter().any(|face| is_at(&face.eyes, eyes))).count();
        let row = Row { picture, found: of, others: boxes.len().saturating_sub(of) };
        (found, others, nine) = (found + row.found, others + row.others, nine + usize::from(row.found >= 9));
        table.serialize(row)?;
    }
    table.flush()?;
    let all = PICTURES as usize * CELLS[0] * CELLS[1];
    eprintln!("{found} of {all} faces found, at least 9 of 10 in {nine} of {PICTURES} pictures, {others} other boxes");
    Ok(())
}

/// A photograph as large as the crowd.
fn enlarged(picture: &Picture) -> Picture {
    let grey = GrayImage::from_raw(picture.width as u32, picture.height as u32, picture.pixels.clone());
    let large = grey.map(|grey| imageops::resize(&grey, WIDTH as u32, HEIGHT as u32, imageops::FilterType::Triangle));
    Picture { width: WIDTH, height: HEIGHT, pixels: large.map_or_else(Vec::new, GrayImage::into_raw) }
}

/// Puts a face into each cell, and tells where the eyes are.
fn paste(crowd: &mut Picture, faces: &[UnseenFace], random: &mut ChaCha8Rng) -> Vec<[[f32; 2]; 2]> {
    let [columns, rows] = CELLS;
    let cells = (0..columns * rows).map(|cell| [cell % columns, cell / columns]);
    cells
        .map(|[column, row]| {
            let face = &faces[random.random_range(0..faces.len())];
            let mut within = |cell: usize, cells: usize, length: usize| {
                let cell_length = length as f32 / cells as f32;
                (cell as f32 + random.random_range(0.35..0.65f32)) * cell_length
            };
            let middle = [within(column, columns, WIDTH), within(row, rows, HEIGHT)];
            let roll = random.random_range(-20.0..20.0f32).to_radians();
            let place = Place { middle, side: 60.0, roll, blur: 6.0 };
            in_pixels(place.paste(crowd, &face.pixels, face.eyes))
        })
        .collect()
}
