//! Faces of FER2013's `PublicTest`, pasted into frames, found, aligned and classified: what finding costs in accuracy.
//!
//! ```text
//! cargo run --release -p host-trainer --example pasted_faces -- fer2013.csv.gz PHOTOGRAPHS \
//!     [firmware/models/edge.fer [firmware/models/finder.ferf]] > pasted-faces.csv
//! ```
//!
//! Each face whose eyes are known (`finder/fer2013-public-eyes.csv.gz`) comes into a frame of 320x240 pixels, 40 to 90 pixels large from brow to
//! chin and tilted by up to 20 degrees, before a photograph that the finder did not learn from; once as the sharp square that it is
//! (`sharp`), once with its edge blurred over an eighth of it (`soft`). A row tells what the network answers for the face itself, for the
//! one that was found and aligned, and for the one that was aligned by the known eyes. The summary, on standard error, counts a missed face as wrong.

use std::{io, path::Path};

use anyhow::Context;
use firmware::{
    engine::Engine,
    finder::{
        align::align,
        frame::Frame,
        search::{Face, Search, memory_bytes},
        warp::Point,
    },
};
use host_trainer::finder::{
    pasting::{Place, UnseenFace, read_unseen},
    scene::Picture,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use shared::{
    finder::Finder,
    model::{AlignedBytes, Model},
    preprocessing::FACE_PIXELS,
};

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// Kinds of edges, with the pixels of the face over which each gives way.
const EDGES: [(&str, f32); 2] = [("sharp", 0.0), ("soft", 6.0)];

#[derive(Serialize)]
struct Row {
    face: usize,
    edge: &'static str,
    side: f32,
    degrees: f32,
    label: u8,
    itself: u8,
    score: Option<f32>,
    found: Option<u8>,
    by_known_eyes: u8,
}

/// A frame with a face whose eyes are known.
struct Pasted {
    frame: Picture,
    eyes: [Point; 2],
    side: f32,
    degrees: f32,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().context("name fer2013.csv, plain or gzipped")?;
    let photographs = arguments.next().context("name a folder of photographs without faces")?;
    let model_file = arguments.next().unwrap_or("firmware/models/edge.fer".into());
    let finder_file = arguments.next().unwrap_or("firmware/models/finder.ferf".into());
    let read =
        |file: &str| std::fs::read(file).map(|bytes| AlignedBytes::new(&bytes)).with_context(|| file.to_string());
    let (finder_bytes, model_bytes) = (read(&finder_file)?, read(&model_file)?);
    let finder = Finder::parse(finder_bytes.as_slice()).context(finder_file)?;
    let model = Model::parse(model_bytes.as_slice()).context(model_file)?;
    let (faces, pictures) = read_unseen(Path::new(&data), Path::new(&photographs))?;

    let answer = |random: &mut ChaCha8Rng, face: &UnseenFace, (edge, blur): (&'static str, f32)| {
        let picture = &pictures[random.random_range(0..pictures.len())];
        let pasted = paste(picture.view(WIDTH, HEIGHT, random), face, blur, random);
        let frame = Frame::new(&pasted.frame.pixels, WIDTH, HEIGHT, WIDTH)?;
        let truth = Face { eyes: pasted.eyes, score: 0.0 };
        let mut memory = vec![0; memory_bytes(&finder, WIDTH, HEIGHT)?];
        let found = Search::new(&finder, &mut memory).faces(frame, finder.header.take)?;
        let found = found.iter().find(|face| face.is_near(&truth));
        let mut arena = vec![0; Engine::arena_bytes(&model)? as usize];
        let mut engine = Engine::new(&model, &mut arena)?;
        let mut classify = |face: &[u8; FACE_PIXELS]| engine.classify(face).map(|readout| readout.label as u8);
        anyhow::Ok(Row {
            face: face.row,
            edge,
            side: pasted.side,
            degrees: pasted.degrees,
            label: face.label,
            itself: classify(&face.pixels)?,
            score: found.map(|face| face.score),
            found: found.map(|face| classify(&align(frame, face))).transpose()?,
            by_known_eyes: classify(&align(frame, &truth))?,
        })
    };
    let mut table = csv::Writer::from_writer(io::stdout());
    for (stream, edge) in EDGES.into_iter().enumerate() {
        let answer = |(index, face): (usize, &UnseenFace)| {
            let mut random = ChaCha8Rng::seed_from_u64(index as u64);
            random.set_stream(stream as u64);
            answer(&mut random, face, edge)
        };
        let rows = faces.par_iter().enumerate().map(answer).collect::<anyhow::Result<Vec<Row>>>()?;
        rows.iter().try_for_each(|row| table.serialize(row))?;
        summarize(edge.0, &rows);
    }
    table.flush()?;
    Ok(())
}

/// Puts a face into a frame, at a random place where all of it is seen if that is possible.
fn paste(mut frame: Picture, face: &UnseenFace, blur: f32, random: &mut ChaCha8Rng) -> Pasted {
    let (side, degrees) = (random.random_range(40.0..90.0f32), random.random_range(-20.0..20.0f32));
    let place = Place { middle: [0.0; 2], side, roll: degrees.to_radians(), blur };
    let reach = place.reach(face.eyes);
    let middle = [WIDTH, HEIGHT].map(|length| {
        let length = length as f32;
        let (low, high) = (reach.min(length / 2.0 - 1.0), (length - reach).max(length / 2.0 + 1.0));
        random.random_range(low..high)
    });
    let eyes = Place { middle, ..place }.paste(&mut frame, &face.pixels, face.eyes);
    Pasted { frame, eyes, side, degrees }
}

fn summarize(edge: &str, rows: &[Row]) {
    let percent = |count: usize, of: usize| 100.0 * count as f32 / of.max(1) as f32;
    let right = |answer: fn(&Row) -> Option<u8>| rows.iter().filter(|row| answer(row) == Some(row.label)).count();
    let found: Vec<&Row> = rows.iter().filter(|row| row.found.is_some()).collect();
    let right_of_found = found.iter().filter(|row| row.itself == row.label).count();
    let all = rows.len();
    eprintln!(
        "{edge}: {all} faces, {:.1} % found; right: {:.1} % of the faces themselves ({:.1} % of those that are found), {:.1} % found and \
         aligned ({:.1} % of those that are found), {:.1} % aligned by the known eyes",
        percent(found.len(), all),
        percent(right(|row| Some(row.itself)), all),
        percent(right_of_found, found.len()),
        percent(right(|row| row.found), all),
        percent(right(|row| row.found), found.len()),
        percent(right(|row| Some(row.by_known_eyes)), all),
    );
}
