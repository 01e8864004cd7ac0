//! `train-finder`: trees and networks that find faces in frames.

use std::{
    cell::RefCell,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use burn::tensor::Device;
use clap::Args;
use firmware::finder::warp::Point;
use shared::{
    finder::{Finder, FinderHeader, Tree, encode},
    model::AlignedBytes,
    preprocessing::FACE_PIXELS,
};

use super::{
    DataArgument, UsageError, model_file,
    output::{err, out},
    progress,
};
use crate::{
    architecture::Architecture,
    data::{Split, locate},
    files::write_atomically,
    finder::{
        labels::{FER2013_EYES, read_eyes},
        material::{Material, read_pictures},
        measure::{Answer, TrueFace, answers, faces_in, read_truths},
        networks::{Example, Plan, SIGMA_FLOOR, outputs, quantized},
        recipe::{FinderRecipe, SHIPPED, Stage},
        report::Report,
        scene::Picture,
        stages::{confirm_examples, eyes_examples, learn, with_last_threshold},
        trees::{TreeProgress, each, trees},
    },
    network::Network,
    synthetic,
    training::{load_record, save_record},
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
    /// The recipe [default: that of the finder that ships]
    #[arg(long, value_name = "TOML")]
    recipe: Option<PathBuf>,
    /// Folder of the run; stages that are finished there are not run again
    #[arg(long, value_name = "RUN", default_value = "runs/finder")]
    out: PathBuf,
    /// Measure on frames whose faces are known: file,kind,x0,y0,x1,y1,lx,ly,rx,ry
    #[arg(long, value_name = "CSV")]
    frames: Option<PathBuf>,
}

pub fn run(arguments: &TrainFinderArguments) -> anyhow::Result<()> {
    let text = match &arguments.recipe {
        Some(file) => fs::read_to_string(file).with_context(|| file.display().to_string())?,
        None => SHIPPED.to_string(),
    };
    let name = arguments.recipe.as_deref().unwrap_or(Path::new("finder.toml")).display().to_string();
    let recipe = FinderRecipe::parse(&name, &text)?;
    let folder = &arguments.out;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let file = folder.join("finder.ferf");
    if !file.exists() {
        make(arguments, &recipe, text, &file)?;
    }
    let bytes = model_file::read(&file)?;
    let finder = Finder::parse(bytes.as_slice()).with_context(|| file.display().to_string())?;
    match &arguments.frames {
        Some(table) => measure(&finder, table),
        None => Ok(()),
    }
}

/// Tells what was done, and keeps it for the report.
struct Teller {
    start: Instant,
    report: RefCell<Report>,
}

impl Teller {
    /// Progress, on standard error.
    fn progress(&self, text: &str) -> std::io::Result<()> {
        writeln!(err(), "{:>6.0} s  {text}", self.start.elapsed().as_secs_f64())
    }

    /// A result, on standard output and in the report.
    fn done(&self, text: String) -> std::io::Result<()> {
        writeln!(out(), "{:>6.0} s  {text}", self.start.elapsed().as_secs_f64())?;
        self.report.borrow_mut().steps.push(text);
        Ok(())
    }
}

fn make(arguments: &TrainFinderArguments, recipe: &FinderRecipe, text: String, file: &Path) -> anyhow::Result<()> {
    let folder = arguments.photographs.as_ref();
    let folder = folder.ok_or_else(|| UsageError("--photographs FOLDER is needed: pictures without faces".into()))?;
    let report = RefCell::new(Report { recipe: text, ..Report::default() });
    let tell = Teller { start: Instant::now(), report };
    let (material, kept) = material(arguments, recipe, folder, &tell)?;
    let run = &arguments.out;
    let trees = stage_trees(&material, recipe, &run.join("trees.bin"), &tell)?;
    // The networks learn from more than they will see.
    let proposing = with_last_threshold(&material, trees.clone(), recipe.trees.scene_loss, recipe.seed);
    let lowest = proposing.last().map_or(0, |tree| tree.threshold);
    tell.done(format!("windows below a sum of {lowest} are no proposals"))?;
    let Stage { scenes, least, .. } = recipe.confirm;
    let (confirm, squares) =
        stage_network(&recipe.confirm, &run.join("confirm.burnpack"), recipe.seed, &tell, |network, round| {
            confirm_examples(&material, &trees, scenes, size_of(network), recipe.seed * 1000 + round as u64)
        })?;
    let confirm_file = quantized(&confirm, &calibration(&squares))?;
    let scenes = recipe.eyes.scenes;
    let (eyes, squares) =
        stage_network(&recipe.eyes, &run.join("eyes.burnpack"), recipe.seed + 1, &tell, |network, round| {
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
    let take = choose_score(&Finder::parse(draft.as_slice())?, &kept, recipe, &tell)?;
    let header = FinderHeader { take, keep: take / 2.0, ..header };
    let whole = encode(&header, &proposing, confirm_file.as_slice(), eyes_file.as_slice())?;
    write_atomically(file, whole.as_slice())?;
    tell.done(format!("{}: {} bytes", file.display(), whole.as_slice().len()))?;
    write_atomically(&run.join("report.md"), tell.report.borrow().markdown().as_bytes())?;
    Ok(())
}

fn size_of(network: &Network) -> usize {
    network.architecture.input_shape().width.into()
}

/// What is learned from, and the same faces with the photographs that are kept aside.
fn material(
    arguments: &TrainFinderArguments,
    recipe: &FinderRecipe,
    folder: &Path,
    tell: &Teller,
) -> anyhow::Result<(Material, Material)> {
    let dataset = progress::read(&locate(arguments.data.data.as_deref())?)?;
    let (known, _) = dataset.require(Split::Training)?.pixels.as_chunks::<FACE_PIXELS>();
    let eyes = match &arguments.eyes {
        Some(file) => read_eyes(&fs::read(file).with_context(|| file.display().to_string())?, file, known.len())?,
        None => read_eyes(FER2013_EYES, Path::new("fer2013-eyes.csv"), known.len())?,
    };
    let (pictures, left_out) = read_pictures(folder)?;
    let files = if left_out == 1 { "1 file".into() } else { format!("{left_out} files") };
    tell.done(format!("{} faces, {} photographs, {files} left out", eyes.len(), pictures.len()))?;
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
    Ok((Material { faces, pictures: pictures(learned) }, kept))
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
    tell.done(format!("a face is taken from a score of {take:.2}"))?;
    let mut report = tell.report.borrow_mut();
    (report.take, report.highest, report.empty) = (take, scores, EMPTY_FRAMES);
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

fn stage_trees(material: &Material, recipe: &FinderRecipe, file: &Path, tell: &Teller) -> anyhow::Result<Vec<Tree>> {
    if let Ok(bytes) = fs::read(file)
        && let Ok(trees) = bytemuck::try_cast_slice::<u8, Tree>(AlignedBytes::new(&bytes).as_slice())
    {
        return Ok(trees.to_vec());
    }
    let mut told = Ok(());
    let made = trees(material, recipe.tree_plan(), |progress| {
        let TreeProgress { trees, kept, passed } = progress;
        if trees % 10 == 0 || trees == recipe.trees.trees {
            tell.report.borrow_mut().trees.push((trees, kept, passed));
            let text = format!("tree {trees}: {kept:.3} of faces kept, {passed:.1e} of windows pass");
            told = std::mem::replace(&mut told, Ok(())).and_then(|()| tell.progress(&text));
        }
    });
    told?;
    write_atomically(file, bytemuck::cast_slice(&made))?;
    Ok(made)
}

/// Trains a network in rounds, each of which adds examples, or reads the one that the run has; and gives the examples of the
/// first round, by which it is quantized.
fn stage_network(
    stage: &Stage,
    file: &Path,
    seed: u64,
    tell: &Teller,
    examples: impl Fn(&Network, usize) -> Vec<Example>,
) -> anyhow::Result<(Network, Vec<Example>)> {
    let architecture = Architecture::find(&stage.network)?;
    let first = Network::new(Arc::new(architecture.clone()), seed, &Device::flex());
    if file.exists() {
        let network = load_record(Arc::new(architecture), file)?;
        return Ok((network, examples(&first, 0)));
    }
    let mut network = first;
    let mut known: Vec<Example> = Vec::new();
    let mut of_first_round = 0;
    for round in 0..stage.rounds {
        let more = examples(&network, round);
        let faces = more.iter().filter(|example| example.eyes.is_some()).count();
        tell.progress(&format!("{}: {faces} squares with a face, {} without", stage.network, more.len() - faces))?;
        if faces == 0 || faces == more.len() {
            anyhow::bail!("{}: every square has a face, or none has; take more `scenes`", stage.network);
        }
        if round > 0 {
            tell.done(format!("{}, on squares that it has not seen: {}", stage.network, quality(&network, &more)))?;
        }
        known.extend(more);
        if round == 0 {
            of_first_round = known.len();
        }
        let plan = Plan { steps: stage.steps, seed: seed * 100 + round as u64 };
        let mut told = Ok(());
        let start = (round > 0).then_some(network);
        network = learn(architecture.clone(), start, &known, plan, |step, loss| {
            if (step + 1) % 500 == 0 || step + 1 == stage.steps {
                let text = format!("{}: step {}, loss {loss:.4}", stage.network, step + 1);
                told = std::mem::replace(&mut told, Ok(())).and_then(|()| tell.progress(&text));
            }
        });
        told?;
    }
    save_record(&network, file)?;
    known.truncate(of_first_round);
    Ok((network, known))
}

/// How well a network tells examples apart, in words.
fn quality(network: &Network, examples: &[Example]) -> String {
    let squares: Vec<&[u8]> = examples.iter().map(|example| &example.pixels[..]).collect();
    let answers = outputs(network, &squares);
    let of = |face: bool| -> Vec<f32> {
        let mut scores: Vec<f32> = examples
            .iter()
            .zip(&answers)
            .filter(|(example, _)| example.eyes.is_some() == face)
            .map(|(_, answer)| answer[0])
            .collect();
        scores.sort_by(f32::total_cmp);
        scores
    };
    let (faces, others) = (of(true), of(false));
    let passing = |least: f32, scores: &[f32]| {
        scores.iter().filter(|&&score| score >= least).count() as f32 / scores.len().max(1) as f32
    };
    let mut errors: Vec<f32> = examples
        .iter()
        .zip(&answers)
        .filter_map(|(example, answer)| {
            let eyes = example.eyes?;
            let off = |i: usize| (answer[1 + i] / 32.0 - eyes[i]).hypot(answer[2 + i] / 32.0 - eyes[i + 1]) * 2.8;
            Some((off(0) + off(2)) / 2.0)
        })
        .collect();
    errors.sort_by(f32::total_cmp);
    let part = |share: f32| errors.get((errors.len() as f32 * share) as usize).copied().unwrap_or(0.0);
    format!(
        "of faces {:.4} from 0 on, {:.4} from -2 on; of others {:.4}, {:.4}; eyes off by {:.3} (median), {:.3} (three quarters)",
        passing(0.0, &faces),
        passing(-2.0, &faces),
        passing(0.0, &others),
        passing(-2.0, &others),
        part(0.5),
        part(0.75),
    )
}

/// Prints how good a finder is on the frames of a table, a row a kind of face and a turn.
fn measure(finder: &Finder<'_>, table: &Path) -> anyhow::Result<()> {
    let truths = read_truths(table)?;
    let folder = table.parent().unwrap_or(Path::new("."));
    let take = finder.header.take;
    let mut kinds: Vec<&str> = truths.iter().map(|truth| &truth.kind[..]).collect();
    kinds.sort_unstable();
    kinds.dedup();
    writeln!(
        out(),
        "{:<20}{:>8}{:>12}{:>8}{:>10}{:>12}{:>10}{:>11}{:>8}",
        "kind",
        "turned",
        "found",
        "others",
        "eyes off",
        "under 0.1",
        "windows",
        "confirmed",
        "placed"
    )?;
    for kind in kinds {
        let of_kind: Vec<TrueFace> = truths.iter().filter(|truth| truth.kind == kind).cloned().collect();
        for roll in [0.0, -30.0f32, 30.0] {
            let answers = answers(finder, folder, &of_kind, roll.to_radians())?;
            let all = answers.len().max(1) as f32;
            let is_found = |answer: &&Answer| answer.score.is_some_and(|score| score >= take);
            let mut errors: Vec<f32> = answers.iter().filter(is_found).map(|answer| answer.eye_error).collect();
            errors.sort_by(f32::total_cmp);
            let near = errors.iter().filter(|&&error| error < 0.1).count() as f32 / errors.len().max(1) as f32;
            let mean = |of: fn(&Answer) -> u32| answers.iter().map(of).sum::<u32>() as f32 / all;
            writeln!(
                out(),
                "{kind:<20}{roll:>8}{:>12}{:>8}{:>10.3}{:>10.0} %{:>10.1}{:>11.1}{:>8.1}",
                format!("{} of {}", errors.len(), answers.len()),
                answers.iter().flat_map(|answer| &answer.others).filter(|&&score| score >= take).count(),
                errors.get(errors.len() / 2).copied().unwrap_or(0.0),
                near * 100.0,
                mean(|answer| answer.effort.windows),
                mean(|answer| answer.effort.confirmed),
                mean(|answer| answer.effort.placed),
            )?;
        }
    }
    Ok(())
}
