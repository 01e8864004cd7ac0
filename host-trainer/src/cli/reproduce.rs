//! `reproduce`: the paper's experiments, one after the other, and a table beside the paper's figures.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use super::{
    DataArgument,
    display::{Display, stop_on_interrupt},
    faces::LoadedFaces,
};
use crate::{
    architecture::Architecture,
    dashboard::Facts,
    data::{Source, locate},
    experiment::{self, Experiment, ExperimentError, FUTURE_WORK, Measured, PAPER, Run},
    report,
    training::write_atomically,
};

#[derive(Args, Debug)]
pub struct ReproduceArguments {
    #[command(flatten)]
    data: DataArgument,
    /// What the paper names as future work, in place of what it reports
    #[arg(long)]
    future_work: bool,
    /// Experiments of your own, in place of the paper's; its file experiments/paper.toml shows how they are written
    #[arg(long, value_name = "FILE.toml", conflicts_with = "future_work")]
    presets: Option<PathBuf>,
    /// The FER+ votes (fer2013new.csv); without them the experiments that need them are left out
    #[arg(long, value_name = "CSV")]
    votes: Option<PathBuf>,
    /// These experiments alone
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
    /// Folder of the runs and the tables; what is done in it is not done again
    #[arg(long, value_name = "FOLDER", default_value = "runs/reproduce")]
    out: PathBuf,
}

pub fn run(arguments: &ReproduceArguments) -> anyhow::Result<()> {
    let (stem, all) = presets(arguments)?;
    let experiments = chosen(all, &arguments.only)?;
    let source = locate(arguments.data.data.as_deref())?;
    if matches!(source, Source::Synthetic(_)) {
        println!(
            "faces        synthetic, drawn by this program: the paper's figures are not to be expected (name FER2013 with --data)"
        );
    }
    let stop = stop_on_interrupt()?;
    let mut results: Vec<Measured> = Vec::new();
    for (number, experiment) in experiments.iter().enumerate() {
        let architecture = Architecture::parse(&experiment.name, &experiment.source)?;
        if architecture.recipe.needs_votes() && arguments.votes.is_none() {
            println!("\nleft out     {}: it needs the FER+ votes, name their file with --votes", experiment.title);
            continue;
        }
        let votes = arguments.votes.as_deref().filter(|_| architecture.recipe.needs_votes());
        let loaded = LoadedFaces::load(&source, &architecture, votes, None)?;
        for seed in 1..=arguments.seeds.map_or(experiment.seeds, u64::from) {
            let title = &experiment.title;
            println!("\nexperiment   {} of {}: {title}, seed {seed}", number + 1, experiments.len());
            let epochs = arguments.epochs.map(|epochs| epochs as usize);
            let run = Run { experiment, seed, epochs, folder: &arguments.out, source: &source, votes };
            let facts = Facts {
                name: format!("{title}, seed {seed}"),
                rows: vec![
                    ("experiment".into(), format!("{} of {}", number + 1, experiments.len())),
                    ("faces".into(), source.description()),
                    ("runs".into(), arguments.out.display().to_string()),
                ],
                epochs: epochs.map_or(architecture.recipe.epochs, |most| most.min(architecture.recipe.epochs)),
            };
            let mut display = Display::new(facts, stop.clone(), arguments.plain);
            let observe = &mut |progress: crate::training::Progress<'_>| display.show(&progress);
            let measured = experiment::run(&run, loaded.training()?, loaded.measured_on()?.reported, &stop, observe)?;
            display.finish();
            let Some(measured) = measured else {
                println!("stopped; the same command goes on from here");
                return Ok(());
            };
            println!("kept         epoch {}: {:.4} right", measured.kept_epoch, measured.accuracy);
            if let Some(failure) = &measured.failure {
                println!("loss         {} in epoch {}, step {}", failure.loss, failure.epoch, failure.step);
            }
            results.push(measured);
            write_tables(&arguments.out, &stem, &experiments, &results)?;
        }
    }
    let rows = experiment::rows(&experiments, &results);
    println!("\n{}", experiment::markdown(&experiments, &rows));
    println!("tables       {}", arguments.out.join(format!("{stem}.md, .csv, .png, .svg, -epochs.csv")).display());
    Ok(())
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
