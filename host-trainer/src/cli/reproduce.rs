//! `reproduce`: the paper's experiments, one after the other, and a table beside the paper's figures.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use super::{DataArgument, UsageError, display::Display, faces::LoadedFaces, output::out, stop::Stop};
use crate::{
    architecture::Architecture,
    dashboard::Facts,
    data::{Source, locate},
    experiment::{self, Experiment, ExperimentError, FUTURE_WORK, Failure, Measured, PAPER, Run},
    report,
    training::{Progress, write_atomically},
};

#[derive(Args, Debug)]
pub struct ReproduceArguments {
    #[command(flatten)]
    data: DataArgument,
    /// Run what the paper names as future work, in place of what it reports
    #[arg(long)]
    future_work: bool,
    /// Experiments of your own, in place of the paper's; its file experiments/paper.toml shows how they are written
    #[arg(long, value_name = "FILE.toml", conflicts_with = "future_work")]
    presets: Option<PathBuf>,
    /// The FER+ votes (fer2013new.csv); without them the experiments that need them are left out
    #[arg(long, value_name = "CSV")]
    votes: Option<PathBuf>,
    /// Only these experiments
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// At most this many epochs each, for a quick look
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// Seeds of each experiment [default: the preset's, 1 or 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seeds: Option<u32>,
    /// Plain lines of progress on a terminal too
    #[arg(long)]
    plain: bool,
    /// Folder of the runs and the tables; experiments that are finished there are not run again
    #[arg(long, value_name = "FOLDER", default_value = "runs/reproduce")]
    out: PathBuf,
}

pub fn run(arguments: &ReproduceArguments) -> anyhow::Result<()> {
    let stop = Stop::watch()?;
    let (stem, all) = presets(arguments)?;
    let experiments = chosen(all, &arguments.only)?;
    let architectures = experiments
        .iter()
        .map(|experiment| Architecture::parse(&experiment.name, &experiment.source))
        .collect::<Result<Vec<_>, _>>()?;
    if arguments.votes.is_some() && !architectures.iter().any(|architecture| architecture.recipe.needs_votes()) {
        return Err(UsageError("--votes is of no use here: none of these experiments learns from votes".into()).into());
    }
    let source = locate(arguments.data.data.as_deref())?;
    if matches!(source, Source::Synthetic(_)) {
        writeln!(
            out(),
            "faces        synthetic, drawn by this program: the paper's figures are not to be expected (name FER2013 with --data)"
        )?;
    }
    let mut results: Vec<Measured> = Vec::new();
    for (number, (experiment, architecture)) in experiments.iter().zip(&architectures).enumerate() {
        let needs_votes = architecture.recipe.needs_votes();
        if needs_votes && arguments.votes.is_none() {
            let title = &experiment.title;
            writeln!(out(), "\nleft out     {title}: it needs the FER+ votes, name their file with --votes")?;
            continue;
        }
        let votes = arguments.votes.as_deref().filter(|_| needs_votes);
        let loaded = LoadedFaces::load(&source, architecture, votes, None)?;
        for seed in 1..=arguments.seeds.map_or(experiment.seeds, u64::from) {
            let title = &experiment.title;
            let place = format!("{} of {}", number + 1, experiments.len());
            writeln!(out(), "\nexperiment   {place}: {title}, seed {seed}")?;
            let epochs = arguments.epochs.map(|epochs| epochs as usize);
            let mut configuration = experiment::configuration(experiment, seed, epochs, &source, votes)?;
            loaded.describe(&mut configuration);
            let facts = Facts {
                name: format!("{title}, seed {seed}"),
                rows: vec![
                    ("experiment".into(), place),
                    ("faces".into(), source.description()),
                    ("runs".into(), arguments.out.display().to_string()),
                ],
                epochs: configuration.epochs,
            };
            let run = Run { experiment, configuration: &configuration, folder: &arguments.out };
            let (training, measured_on) = (loaded.training()?, loaded.measured_on()?);
            let mut display = Display::new(facts, stop.flag().clone(), arguments.plain);
            let observe = &mut |progress: Progress<'_>| display.show(&progress);
            let measured = stop.between_steps(|| experiment::run(&run, training, measured_on, stop.flag(), observe))?;
            display.finish()?;
            if let Some(measured) = measured {
                print_result(&measured)?;
                results.push(measured);
                write_tables(&arguments.out, &stem, &experiments, &results)?;
            }
            if stop.is_wanted() {
                writeln!(out(), "stopped; the same command goes on from here")?;
                return Err(stop.interrupted().into());
            }
        }
    }
    let rows = experiment::rows(&experiments, &results);
    writeln!(out(), "\n{}", experiment::markdown(&experiments, &rows))?;
    let tables = arguments.out.join(format!("{stem}.md, .csv, .png, .svg, -epochs.csv"));
    writeln!(out(), "tables       {}", tables.display())?;
    Ok(())
}

/// What came out of a run.
fn print_result(measured: &Measured) -> io::Result<()> {
    match measured.kept_epoch {
        0 => writeln!(out(), "kept         nothing: no epoch was finished")?,
        epoch => writeln!(out(), "kept         epoch {epoch}: {:.4} right", measured.accuracy)?,
    }
    match &measured.failure {
        Some(Failure { epoch, step, loss }) => writeln!(out(), "loss         {loss} in epoch {epoch}, step {step}"),
        None => Ok(()),
    }
}

/// The name of the tables, and the experiments.
fn presets(arguments: &ReproduceArguments) -> anyhow::Result<(String, Vec<Experiment>)> {
    let Some(path) = &arguments.presets else {
        let (file, text) = if arguments.future_work { FUTURE_WORK } else { PAPER };
        return Ok((file.trim_end_matches(".toml").into(), experiment::parse(file, text)?));
    };
    let file = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| file.clone())?;
    let stem = path.file_stem().map_or_else(|| "experiments".into(), |stem| stem.to_string_lossy().into_owned());
    Ok((stem, experiment::parse(&file, &text)?))
}

fn chosen(experiments: Vec<Experiment>, only: &[String]) -> Result<Vec<Experiment>, ExperimentError> {
    if let Some(name) = only.iter().find(|name| experiments.iter().all(|experiment| experiment.name != **name)) {
        let known = experiments.iter().map(|experiment| experiment.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(ExperimentError::Unknown { name: name.clone(), known });
    }
    Ok(experiments.into_iter().filter(|experiment| only.is_empty() || only.contains(&experiment.name)).collect())
}

/// The tables, the curves and every epoch of every run so far.
fn write_tables(folder: &Path, stem: &str, experiments: &[Experiment], results: &[Measured]) -> anyhow::Result<()> {
    let rows = experiment::rows(experiments, results);
    let markdown = experiment::markdown(experiments, &rows);
    write_atomically(&folder.join(format!("{stem}.md")), markdown.as_bytes())?;
    write_atomically(&folder.join(format!("{stem}.csv")), &experiment::csv(&rows)?)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "experiment",
        "seed",
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "seconds",
        "images_per_second",
    ])?;
    for run in results {
        for epoch in &run.epochs {
            writer.serialize((
                &run.experiment,
                run.seed,
                epoch.epoch,
                epoch.train_loss,
                epoch.train_accuracy,
                epoch.validation_loss,
                epoch.validation_accuracy,
                epoch.seconds,
                epoch.images_per_second,
            ))?;
        }
    }
    let epochs = writer.into_inner().map_err(csv::IntoInnerError::into_error).context("the epochs' CSV")?;
    write_atomically(&folder.join(format!("{stem}-epochs.csv")), &epochs)?;
    fs::create_dir_all(folder)?;
    let cells = rows.iter().filter_map(|row| {
        let run = results.iter().find(|run| run.experiment == row.experiment)?;
        Some(report::Cell {
            title: row.title.clone(),
            epochs: run.epochs.clone(),
            training: row.paper_training,
            validation: row.paper_validation,
        })
    });
    report::small_multiples(&cells.collect::<Vec<_>>())?.write(folder, stem)?;
    Ok(())
}
