//! `train-finder`: trees and networks that find faces in frames.

mod measure;
mod stages;

use std::{
    cell::RefCell,
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context;
use clap::Args;
use firmware::finder::warp::Point;
use shared::{
    finder::{Finder, FinderHeader, encode},
    preprocessing::FACE_PIXELS,
};

use self::{
    measure::measure,
    stages::{stage_network, stage_trees},
};
use super::{
    DataArgument, UsageError, model_file,
    output::{err, out},
    progress,
};
use crate::{
    data::{Split, locate},
    finder::{
        labels::{FER2013_EYES, read_eyes},
        material::{Material, read_pictures},
        measure::faces_in,
        networks::{Example, SIGMA_FLOOR, quantized},
        recipe::{FinderRecipe, SHIPPED, Stage},
        report::Report,
        run::{FinderConfiguration, FinderRun},
        scene::Picture,
        stages::{confirm_examples, eyes_examples, with_last_threshold},
        trees::each,
    },
    network::Network,
    synthetic,
};

#[derive(Args, Debug)]
pub struct TrainFinderArguments {
    #[command(flatten)]
    data: DataArgument,
    /// A table of the eyes of the training faces: face,left_x,left_y,right_x,right_y [default: FER2013's, built in]
    #[arg(long, value_name = "CSV")]
    eyes: Option<PathBuf>,
    /// A folder of photographs without faces
    #[arg(long, value_name = "FOLDER")]
    photographs: Option<PathBuf>,
    /// How it is made [default: the finder's that ships]
    #[arg(long, value_name = "TOML")]
    recipe: Option<PathBuf>,
    /// The run's folder; stages that it has already are not made again
    #[arg(long, value_name = "RUN", default_value = "runs/finder")]
    out: PathBuf,
    /// Measure on frames whose faces are known: file,kind,x0,y0,x1,y1,lx,ly,rx,ry
    #[arg(long, value_name = "CSV")]
    frames: Option<PathBuf>,
}

pub fn run(arguments: &TrainFinderArguments) -> anyhow::Result<()> {
    let file = arguments.out.join(FINDER);
    match &arguments.photographs {
        Some(photographs) => make(arguments, photographs)?,
        // A finder that is there can be measured.
        None if arguments.frames.is_some() && file.exists() => {}
        None => return Err(UsageError("--photographs FOLDER is needed: pictures without faces".into()).into()),
    }
    let bytes = model_file::read(&file)?;
    let finder = Finder::parse(bytes.as_slice()).with_context(|| file.display().to_string())?;
    match &arguments.frames {
        Some(table) => measure(&finder, table),
        None => Ok(()),
    }
}

/// The finder, in a run's folder.
const FINDER: &str = "finder.ferf";

/// Tells what was done, and keeps it for the report.
struct Teller {
    start: Instant,
    run: FinderRun,
    report: RefCell<Report>,
    recipe: String,
}

impl Teller {
    /// Progress, on standard error.
    fn progress(&self, text: &str) -> std::io::Result<()> {
        writeln!(err(), "{:>6.0} s  {text}", self.start.elapsed().as_secs_f64())
    }

    /// A result, on standard output and in the report.
    fn done(&self, text: &str) -> anyhow::Result<()> {
        writeln!(out(), "{:>6.0} s  {text}", self.start.elapsed().as_secs_f64())?;
        self.report.borrow_mut().add_step(text);
        self.keep()
    }

    /// Writes the report as far as it is.
    fn keep(&self) -> anyhow::Result<()> {
        self.run.write_report(&self.report.borrow(), &self.recipe)
    }
}

fn make(arguments: &TrainFinderArguments, photographs: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    let text = match &arguments.recipe {
        Some(file) => fs::read_to_string(file).with_context(|| file.display().to_string())?,
        None => SHIPPED.to_string(),
    };
    let name = arguments.recipe.as_deref().unwrap_or(Path::new("finder.toml")).display().to_string();
    let recipe = FinderRecipe::parse(&name, &text)?;
    let (material, kept, what) = material(arguments, &recipe, photographs)?;
    let run = FinderRun::open(&arguments.out, &FinderConfiguration::new(&recipe, &material, &kept)?)?;
    let report = RefCell::new(run.report()?);
    let tell = Teller { start, run, report, recipe: text };
    let run = &tell.run;
    tell.done(&what)?;
    if run.file(FINDER).exists() {
        return tell.progress("the finder is made already").map_err(Into::into);
    }
    let trees = stage_trees(&material, &recipe, run, &tell)?;
    // The networks learn from more than they will see.
    let proposing = with_last_threshold(&material, trees.clone(), recipe.trees.scene_loss, recipe.seed);
    let lowest = proposing.last().map_or(0, |tree| tree.threshold);
    tell.done(&format!("windows below a sum of {lowest} are no proposals"))?;
    let Stage { scenes, least, .. } = recipe.confirm;
    let (confirm, squares) =
        stage_network(&recipe.confirm, &run.file("confirm.burnpack"), recipe.seed, &tell, |network, round| {
            confirm_examples(&material, &trees, scenes, size_of(network), recipe.seed * 1000 + round as u64)
        })?;
    let confirm_file = quantized(&confirm, &calibration(&squares))?;
    let scenes = recipe.eyes.scenes;
    let (eyes, squares) =
        stage_network(&recipe.eyes, &run.file("eyes.burnpack"), recipe.seed + 1, &tell, |network, round| {
            let seed = recipe.seed * 2000 + round as u64;
            eyes_examples(&material, &trees, &confirm, least, scenes, size_of(network), seed)
        })?;
    let eyes_file = quantized(&eyes, &calibration(&squares))?;
    let header = FinderHeader {
        trees: 0,
        confirm_bytes: 0,
        eyes_bytes: 0,
        sigma_floor: SIGMA_FLOOR,
        confirm: least,
        take: 0.0,
        keep: 0.0,
    };
    let draft = encode(&header, &proposing, confirm_file.as_slice(), eyes_file.as_slice())?;
    let take = choose_score(&Finder::parse(draft.as_slice())?, &kept, &recipe, &tell)?;
    let header = FinderHeader { take, keep: take / 2.0, ..header };
    let whole = encode(&header, &proposing, confirm_file.as_slice(), eyes_file.as_slice())?;
    let bytes = whole.as_slice();
    tell.done(&format!("{FINDER}: {} bytes", bytes.len()))?;
    run.write(FINDER, bytes)
}

fn size_of(network: &Network) -> usize {
    network.architecture.input_shape().width.into()
}

/// What is learned from, the same faces with the photographs that are kept aside, and both in words.
fn material(
    arguments: &TrainFinderArguments,
    recipe: &FinderRecipe,
    folder: &Path,
) -> anyhow::Result<(Material, Material, String)> {
    let dataset = progress::read(&locate(arguments.data.data.as_deref())?)?;
    let (known, _) = dataset.require(Split::Training)?.pixels.as_chunks::<FACE_PIXELS>();
    let eyes = match &arguments.eyes {
        Some(file) => read_eyes(&fs::read(file).with_context(|| file.display().to_string())?, file, known.len())?,
        None => read_eyes(FER2013_EYES, Path::new("fer2013-eyes.csv"), known.len())?,
    };
    let (pictures, left_out) = read_pictures(folder)?;
    let files = if left_out == 1 { "1 file".into() } else { format!("{left_out} files") };
    let what = format!("{} faces, {} photographs, {files} left out", eyes.len(), pictures.len());
    // Drawn ones first: thresholds are chosen by the last ones.
    let drawn = drawn_faces(eyes.len() / DRAWN);
    let faces: Vec<_> = drawn.chain(eyes.into_iter().map(|(face, eyes)| (known[face], eyes))).collect();
    // Evenly: whenever the count of those kept aside, as a real number, reaches another whole one.
    let whole = |index: usize| (index as f32 * recipe.aside) as usize;
    let (kept, learned): (Vec<_>, Vec<_>) =
        pictures.into_iter().enumerate().partition(|(index, _)| whole(index + 1) > whole(*index));
    if kept.is_empty() || learned.is_empty() {
        anyhow::bail!("{} has too few photographs: some are to be learned from and some kept aside", folder.display());
    }
    let pictures = |of: Vec<(usize, Picture)>| of.into_iter().map(|(_, picture)| picture).collect();
    let kept = Material { faces: faces.clone(), pictures: pictures(kept) };
    Ok((Material { faces, pictures: pictures(learned) }, kept, what))
}

/// Frames of photographs kept aside, by which the score is chosen from which a face is taken.
const EMPTY_FRAMES: usize = 4000;

fn choose_score(finder: &Finder<'_>, kept: &Material, recipe: &FinderRecipe, tell: &Teller) -> anyhow::Result<f32> {
    let scores = each(recipe.seed, 77, EMPTY_FRAMES, |random| {
        let view = kept.picture(random).view(160, 120, random);
        faces_in(finder, &view, f32::MIN).map(|(faces, _)| faces.iter().map(|face| face.score).collect::<Vec<_>>())
    });
    let mut scores: Vec<f32> = scores.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    scores.sort_by(|a, b| b.total_cmp(a));
    let allowed = (EMPTY_FRAMES as f32 * recipe.false_in_thousand / 1000.0) as usize;
    let take = scores.get(allowed).copied().unwrap_or(0.0).max(0.0);
    scores.truncate(12);
    {
        let mut report = tell.report.borrow_mut();
        (report.take, report.highest, report.empty) = (take, scores, EMPTY_FRAMES);
    }
    tell.done(&format!("a face is taken from a score of {take:.2}"))?;
    Ok(take)
}

/// One face in so many is drawn, so that what is tried with drawn faces works.
const DRAWN: usize = 24;

fn drawn_faces(count: usize) -> impl Iterator<Item = ([u8; FACE_PIXELS], [Point; 2])> {
    (0..count as u64).map(|index| {
        let face = synthetic::face(1, index);
        let point = |[x, y]: [f32; 2]| Point { x: (x * 256.0).round() as i32, y: (y * 256.0).round() as i32 };
        (face.pixels, face.eyes.map(point))
    })
}

fn calibration(examples: &[Example]) -> Vec<&[u8]> {
    examples.iter().take(2048).map(|example| &example.pixels[..]).collect()
}
