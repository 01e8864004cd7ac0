//! `predict`: pictures to the emotions of the faces in them.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use firmware::{engine::Engine, readout::Readout};
use image::DynamicImage;
use pictures::photograph::{FoundFace, faces_of};
use serde::Serialize;
use shared::{
    finder::Finder,
    label::Emotion,
    preprocessing::{FACE_PIXELS, FACE_SIZE},
};

use super::{
    answer::{Answer, FaceAnswer, answer},
    images,
    model_file::ModelArguments,
    output::{err, out},
};
use crate::{
    data::LabelSet,
    image_file::{self, ImageError, centre},
    report::{Annotation, annotate},
};

/// Columns of a bar that stands for certainty.
const BAR: usize = 40;

#[derive(Args, Debug)]
pub struct PredictArguments {
    #[command(flatten)]
    files: ModelArguments,
    /// Pictures of any size (PNG, JPEG, WebP, BMP, GIF, TIFF, PGM), - for standard input; one of 48x48 pixels is a face by itself
    #[arg(required = true, value_name = "PICTURE")]
    images: Vec<PathBuf>,
    /// Do not look for faces; classify the square in the centre of each picture
    #[arg(long, conflicts_with = "finder")]
    crop: bool,
    /// Answer by the mean of the logits of a face and of its mirror image, in twice the time
    #[arg(long)]
    mirror: bool,
    /// Print one JSON array; a picture that cannot be read has `error` in place of an answer
    #[arg(long)]
    json: bool,
    /// Write each picture with its faces marked, and the faces as the model sees them, into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "crop")]
    out: Option<PathBuf>,
}

/// What `--json` prints of a picture, by its name, in which what is no UTF-8 is replaced.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Face {
        file: &'a str,
        #[serde(flatten)]
        answer: Answer<'a>,
    },
    Faces {
        file: &'a str,
        width: u32,
        height: u32,
        faces: Vec<FaceAnswer<'a>>,
    },
    Error {
        file: &'a str,
        error: &'a str,
    },
}

/// What is seen in a picture.
enum Seen {
    /// One face fills it.
    Face(Box<[u8; FACE_PIXELS]>),
    /// Faces somewhere in it.
    Faces { picture: DynamicImage, faces: Vec<FoundFace> },
}

/// The readouts of what was seen.
enum Read {
    Face(Readout),
    Faces { size: (u32, u32), faces: Vec<(FoundFace, Readout)> },
}

pub fn run(arguments: &PredictArguments) -> anyhow::Result<()> {
    let named = arguments.files.read()?;
    let (model, finder) = (named.model()?, named.finder()?);
    if let Some(folder) = &arguments.out {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut arena = vec![0; Engine::arena_bytes(&model)? as usize];
    let mut engine = Engine::new(&model, &mut arena)?;
    let emotions = LabelSet::of(model.labels()).emotions();
    let mut classify = |face: &[u8; FACE_PIXELS]| match arguments.mirror {
        true => engine.classify_mirrored(face),
        false => engine.classify(face),
    };
    let mut results = Vec::with_capacity(arguments.images.len());
    for (index, path) in arguments.images.iter().enumerate() {
        let file = path.to_string_lossy();
        let result = match look(path, arguments.crop, &finder)? {
            Ok(Seen::Face(face)) => Ok(Read::Face(classify(&face)?)),
            Ok(Seen::Faces { picture, faces }) => {
                let size = (picture.width(), picture.height());
                let mut read = Vec::with_capacity(faces.len());
                for face in faces {
                    let readout = classify(&face.aligned)?;
                    read.push((face, readout));
                }
                if let Some(folder) = &arguments.out {
                    write_marked(folder, index, path, picture, &read)?;
                }
                Ok(Read::Faces { size, faces: read })
            }
            Err(error) => Err(error),
        };
        if !arguments.json {
            match &result {
                Ok(read) => print(&file, read, emotions)?,
                Err(error) => writeln!(err(), "error: {error}")?,
            }
        }
        results.push((file, result));
    }
    if arguments.json {
        let results: Vec<Line<'_>> = results.iter().map(|(file, result)| line(file, result, emotions)).collect();
        writeln!(out(), "{}", serde_json::to_string(&results)?)?;
    }
    images::all_read(results.iter().filter(|(_, result)| result.is_err()).count(), results.len())
}

/// What is seen in a picture, or why it cannot be read.
fn look(path: &Path, crop: bool, finder: &Finder<'_>) -> anyhow::Result<Result<Seen, ImageError>> {
    let picture = match images::image(path) {
        Ok(picture) => picture,
        Err(error) => return Ok(Err(error)),
    };
    let grey = picture.to_luma8();
    let size = FACE_SIZE as u32;
    if crop || grey.dimensions() == (size, size) {
        let error = |problem: String| ImageError { path: path.into(), problem };
        return Ok(centre(&grey).map(|face| Seen::Face(face.into())).map_err(error));
    }
    let faces = faces_of(finder, &grey)?;
    Ok(Ok(Seen::Faces { picture, faces }))
}

/// Writes a picture with its faces marked, and each face as the model sees it: `NAME.faces.png`, `NAME.face1.png`, … A name that
/// other pictures may share begins with its number.
fn write_marked(
    folder: &Path,
    index: usize,
    path: &Path,
    picture: DynamicImage,
    faces: &[(FoundFace, Readout)],
) -> anyhow::Result<()> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = |what: &str| folder.join(format!("{:03}_{stem}.{what}.png", index + 1));
    let mark = |(face, readout): &(FoundFace, Readout)| Annotation {
        bounds: face.bounds(),
        eyes: face.eyes,
        label: format!("{} {:.2}", readout.label, readout.confidence),
    };
    let marks: Vec<Annotation> = faces.iter().map(mark).collect();
    let mut picture = picture.to_rgb8();
    annotate(&mut picture, &marks)?;
    let marked = name("faces");
    picture.save(&marked).with_context(|| marked.display().to_string())?;
    let size = FACE_SIZE as u32;
    for (number, (face, _)) in faces.iter().enumerate() {
        image_file::write_grey(&name(&format!("face{}", number + 1)), size, size, face.aligned.to_vec())?;
    }
    Ok(())
}

fn line<'a>(file: &'a str, result: &'a Result<Read, ImageError>, emotions: &[Emotion]) -> Line<'a> {
    match result {
        Ok(Read::Face(readout)) => Line::Face { file, answer: answer(readout, emotions) },
        Ok(Read::Faces { size: (width, height), faces }) => {
            let faces = faces.iter().map(|(face, readout)| FaceAnswer {
                bounds: face.bounds(),
                eyes: face.eyes,
                score: face.score,
                answer: answer(readout, emotions),
            });
            Line::Faces { file, width: *width, height: *height, faces: faces.collect() }
        }
        Err(ImageError { problem, .. }) => Line::Error { file, error: problem },
    }
}

fn print(file: &str, read: &Read, emotions: &[Emotion]) -> io::Result<()> {
    match read {
        Read::Face(readout) => print_readout(file, readout, emotions),
        Read::Faces { faces, .. } if faces.is_empty() => writeln!(out(), "{file}: no face"),
        Read::Faces { faces, .. } => faces.iter().try_for_each(|(face, readout)| {
            let [left, top, right, bottom] = face.bounds().map(|place| place.round() as i32);
            let place = format!("{file}, face {left},{top} {}x{}", right - left, bottom - top);
            print_readout(&place, readout, emotions)
        }),
    }
}

fn print_readout(what: &str, readout: &Readout, emotions: &[Emotion]) -> io::Result<()> {
    let doubt = if readout.uncertain { "  (uncertain)" } else { "" };
    writeln!(out(), "{what}: {} {:.2}{doubt}", readout.label, readout.confidence)?;
    for (emotion, probability) in emotions.iter().zip(readout.probabilities) {
        let filled = (probability * BAR as f32).round() as usize;
        writeln!(out(), "  {emotion:<9} {probability:.3} {}", "█".repeat(filled.min(BAR)))?;
    }
    Ok(())
}
