//! `train-finder`: trees and networks that find faces in frames.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use clap::Args;
use firmware::finder::warp::Point;
use shared::{
    finder::{Finder, FinderHeader, Tree, encode},
    preprocessing::FACE_PIXELS,
};

use super::{DataArgument, output::out, progress};
use crate::{
    architecture::Architecture,
    data::{Split, locate},
    files::write_atomically,
    finder::{
        labels::{FER2013_EYES, read_eyes},
        material::{Material, read_pictures},
        measure::{TrueFace, answers, faces_in, read_truths},
        networks::{Example, Plan, SIGMA_FLOOR, outputs, quantized},
        recipe::{FinderRecipe, SHIPPED, Stage},
        stages::{confirm_examples, eyes_examples, learn, with_last_threshold},
        trees::{each, trees},
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
    /// How it is made [default: the finder's that ships]
    #[arg(long, value_name = "TOML")]
    recipe: Option<PathBuf>,
    /// The run's folder; what it has already is not made again
    #[arg(long, value_name = "RUN", default_value = "runs/finder")]
    out: PathBuf,
    /// Measure on frames whose faces are known: file,kind,x0,y0,x1,y1,lx,ly,rx,ry
    #[arg(long, value_name = "CSV")]
    frames: Option<PathBuf>,
}

pub fn run(arguments: &TrainFinderArguments) -> anyhow::Result<()> {
    let recipe = match &arguments.recipe {
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
            FinderRecipe::parse(&file.display().to_string(), &text)?
        }
        None => FinderRecipe::parse("finder.toml", SHIPPED)?,
    };
    fs::create_dir_all(&arguments.out).with_context(|| format!("{}", arguments.out.display()))?;
    let file = arguments.out.join("finder.ferf");
    if !file.exists() {
        make(arguments, &recipe, &file)?;
    }
    let bytes = shared::model::AlignedBytes::new(&fs::read(&file)?);
    let finder = Finder::parse(bytes.as_slice())?;
    if let Some(table) = &arguments.frames {
        measure(&finder, table)?;
    }
    Ok(())
}

fn make(arguments: &TrainFinderArguments, recipe: &FinderRecipe, file: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    let say = |text: String| writeln!(out(), "{:>6.0} s  {text}", start.elapsed().as_secs_f64());
    let source = locate(arguments.data.data.as_deref())?;
    let dataset = progress::read(&source)?;
    let pixels = &dataset.require(Split::Training)?.pixels;
    let (known, _) = pixels.as_chunks::<FACE_PIXELS>();
    let eyes = match &arguments.eyes {
        Some(file) => read_eyes(&fs::read(file).with_context(|| format!("{}", file.display()))?, file, known.len())?,
        None => read_eyes(FER2013_EYES, Path::new("fer2013-eyes.csv"), known.len())?,
    };
    let folder = arguments.photographs.as_ref().context("--photographs FOLDER is needed: pictures without faces")?;
    let (pictures, left_out) = read_pictures(folder)?;
    say(format!("{} faces, {} photographs, {left_out} files left out", eyes.len(), pictures.len()))?;
    // Drawn ones first: thresholds are chosen by the last ones.
    let faces = drawn_faces(eyes.len() / DRAWN).chain(eyes.into_iter().map(|(face, eyes)| (known[face], eyes))).collect();
    // Every so manieth is kept aside.
    let aside = |index: usize| (index as f32 * recipe.aside).fract() + recipe.aside >= 1.0;
    let (kept, learned): (Vec<_>, Vec<_>) = pictures.into_iter().enumerate().partition(|(index, _)| aside(*index));
    let pictures = |of: Vec<(usize, _)>| of.into_iter().map(|(_, picture)| picture).collect();
    let material = Material { faces, pictures: pictures(learned) };
    let kept = Material { faces: material.faces.clone(), pictures: pictures(kept) };

    let trees = stage_trees(&material, recipe, &arguments.out.join("trees.bin"), &say)?;
    // The networks learn from more than they will see.
    let proposing = with_last_threshold(&material, trees.clone(), recipe.trees.scene_loss, recipe.seed);
    say(format!("windows below a sum of {} are no proposals", proposing.last().map_or(0, |tree| tree.threshold)))?;
    let (confirm, squares) = stage_network(&recipe.confirm, &arguments.out.join("confirm.burnpack"), recipe.seed, &say, |network, round| {
        let scenes = recipe.confirm.scenes;
        let size = usize::from(network.architecture.input_shape().width);
        let seed = recipe.seed * 1000 + round as u64;
        confirm_examples(&material, &trees, scenes, size, seed)
    })?;
    let confirm_file = quantized(&confirm, &calibration(&squares))?;
    let least = recipe.confirm.least;
    let (eyes, squares) = stage_network(&recipe.eyes, &arguments.out.join("eyes.burnpack"), recipe.seed + 1, &say, |network, round| {
        let scenes = recipe.eyes.scenes;
        let size = usize::from(network.architecture.input_shape().width);
        let seed = recipe.seed * 2000 + round as u64;
        eyes_examples(&material, &trees, &confirm, least, scenes, size, seed)
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
    let finder = Finder::parse(draft.as_slice())?;
    let count = 4000;
    let scores = each(recipe.seed, 77, count, |random| {
        let view = kept.picture(random).view(160, 120, random);
        faces_in(&finder, &view, f32::MIN).map(|(faces, _)| faces.iter().map(|face| face.score).collect::<Vec<_>>())
    });
    let mut scores: Vec<f32> = scores.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    scores.sort_by(|a, b| b.total_cmp(a));
    let allowed = (count as f32 * recipe.false_in_thousand / 1000.0) as usize;
    let take = scores.get(allowed).copied().unwrap_or(0.0).max(0.0);
    say(format!("taken from a score of {take:.2}; the highest in {count} frames without a face: {:.2?}", &scores[..scores.len().min(8)]))?;
    let header = FinderHeader { take, keep: take / 2.0, ..header };
    let whole = encode(&header, &proposing, confirm_file.as_slice(), eyes_file.as_slice())?;
    write_atomically(file, whole.as_slice())?;
    say(format!("{}: {} bytes", file.display(), whole.as_slice().len()))?;
    Ok(())
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

type Say<'a> = &'a dyn Fn(String) -> std::io::Result<()>;

fn stage_trees(material: &Material, recipe: &FinderRecipe, file: &Path, say: Say<'_>) -> anyhow::Result<Vec<Tree>> {
    if let Ok(bytes) = fs::read(file)
        && let Ok(trees) = bytemuck::try_cast_slice::<u8, Tree>(shared::model::AlignedBytes::new(&bytes).as_slice())
    {
        return Ok(trees.to_vec());
    }
    let mut failed = Ok(());
    let made = trees(material, recipe.tree_plan(), |progress, _| {
        if progress.trees % 10 == 0 && failed.is_ok() {
            failed = say(format!(
                "tree {}: {:.3} of faces kept, {:.1e} of windows pass",
                progress.trees, progress.kept, progress.passed
            ));
        }
    });
    failed?;
    write_atomically(file, bytemuck::cast_slice(&made))?;
    Ok(made)
}

fn stage_network(
    stage: &Stage,
    file: &Path,
    seed: u64,
    say: Say<'_>,
    examples: impl Fn(&Network, usize) -> Vec<Example>,
) -> anyhow::Result<(Network, Vec<Example>)> {
    let architecture = Architecture::find(&stage.network)?;
    if file.exists() {
        let network = load_record(Arc::new(architecture), file)?;
        let few = examples(&network, 0);
        report(&network, &few, "examples of the first round", say)?;
        return Ok((network, few));
    }
    let mut network = Network::new(Arc::new(architecture.clone()), seed, &burn::tensor::Device::flex());
    let mut known: Vec<Example> = Vec::new();
    for round in 0..stage.rounds {
        let more = examples(&network, round);
        let faces = more.iter().filter(|example| example.eyes.is_some()).count();
        say(format!("{}: {} squares with a face, {} without", stage.network, faces, more.len() - faces))?;
        if round > 0 {
            report(&network, &more, "before", say)?;
        }
        known.extend(more);
        let plan = Plan { steps: stage.steps, seed: seed * 100 + round as u64 };
        let mut failed = Ok(());
        let start = (round > 0).then_some(network);
        network = learn(architecture.clone(), start, &known, plan, |step, loss| {
            if (step + 1) % 500 == 0 && failed.is_ok() {
                failed = say(format!("{}: step {}, loss {loss:.4}", stage.network, step + 1));
            }
        });
        failed?;
        report(&network, &known[known.len().saturating_sub(20_000)..], "learned", say)?;
    }
    save_record(&network, file)?;
    Ok((network, known))
}

/// How well a network tells examples apart.
fn report(network: &Network, examples: &[Example], what: &str, say: Say<'_>) -> anyhow::Result<()> {
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
    say(format!(
        "{what}: of faces {:.4} from 0 on, {:.4} from -2 on; of others {:.4}, {:.4}; eyes off by {:.3} (median), {:.3} (three quarters)",
        passing(0.0, &faces),
        passing(-2.0, &faces),
        passing(0.0, &others),
        passing(-2.0, &others),
        part(0.5),
        part(0.75),
    ))?;
    Ok(())
}

fn measure(finder: &Finder<'_>, table: &Path) -> anyhow::Result<()> {
    let truths = read_truths(table)?;
    let folder = table.parent().unwrap_or(Path::new(".")).join("frames");
    let take = finder.header.take;
    writeln!(out(), "{} trees, networks of {} and {} MACs, taken from {take:.2}", finder.trees.len(), finder.confirm.macs(), finder.eyes.macs())?;
    for (kind, ending) in [("frontal", "_160.png"), ("turned", "_160.png"), ("frontal", "_320.png"), ("turned", "_320.png")] {
        let some: Vec<TrueFace> =
            truths.iter().filter(|truth| truth.kind == kind && truth.file.ends_with(ending)).cloned().collect();
        for roll in [0.0, -30.0f32, 30.0] {
            let answers = answers(finder, &folder, &some, roll.to_radians())?;
            let found: Vec<_> = answers.iter().filter(|answer| answer.score.is_some_and(|score| score >= take)).collect();
            let mut errors: Vec<f32> = found.iter().map(|answer| answer.eye_error).collect();
            errors.sort_by(f32::total_cmp);
            let median = errors.get(errors.len() / 2).copied().unwrap_or(0.0);
            let near = errors.iter().filter(|&&error| error < 0.1).count() as f32 / errors.len().max(1) as f32;
            let all = answers.len();
            let mean = |of: fn(&crate::finder::measure::Answer) -> u32| {
                answers.iter().map(|answer| of(answer)).sum::<u32>() as f32 / all.max(1) as f32
            };
            let others = answers.iter().flat_map(|answer| &answer.others).filter(|&&score| score >= take).count();
            let proposed = answers.iter().filter(|answer| answer.score.is_some()).count();
            writeln!(
                out(),
                "{kind} {ending} turned by {roll}: {} of {all} ({proposed} at any score), {others} others; eyes off {median:.3}, {near:.2} under 0.1; {:.1} windows, {:.1} confirmed, {:.1} placed",
                found.len(),
                mean(|answer| answer.effort.windows),
                mean(|answer| answer.effort.confirmed),
                mean(|answer| answer.effort.placed),
            )?;
        }
    }
    Ok(())
}
