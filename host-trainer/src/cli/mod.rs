//! The commands.

mod demo;
mod display;
mod evaluate;
mod faces;
mod inspect;
mod model_file;
mod monitor;
mod normalize;
mod predict;
mod progress;
mod quantize;
mod reproduce;
mod teachers;
mod train;

use std::{
    panic,
    process::{self, ExitCode},
};

use clap::{Args, Parser, Subcommand};

/// Trains, evaluates and quantizes facial expression networks, and talks to devices that run them.
#[derive(Parser, Debug)]
#[command(name = "host-trainer", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: train::TrainArguments,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Train a network, quantize it and report (the default command).
    Train(train::TrainArguments),
    /// Run the paper's experiments, or its future work, and put the results beside its figures.
    Reproduce(reproduce::ReproduceArguments),
    /// Write a run's model file again, as this version quantizes and folds it.
    Quantize(quantize::QuantizeArguments),
    /// Measure a model file on labelled faces, through the core.
    Evaluate(evaluate::EvaluateArguments),
    /// Classify image files.
    Predict(predict::PredictArguments),
    /// Draw an image before and after normalization.
    Normalize(normalize::NormalizeArguments),
    /// Show what is in a model file.
    Inspect(inspect::InspectArguments),
    /// Talk to a device: send it faces, or show what it prints.
    Monitor(monitor::MonitorArguments),
}

/// `--data`, as several commands have it.
#[derive(Args, Debug, Clone)]
struct DataArgument {
    /// fer2013.csv, plain or gzipped, or a folder train|validation|test/<emotion>/*.png; without it $FER2013,
    /// data/fer2013.csv[.gz], or else synthetic faces
    #[arg(long, value_name = "PATH")]
    data: Option<std::path::PathBuf>,
}

/// Runs the command of the process's arguments: 0 done, 1 failed, 2 wrong usage.
pub fn main() -> ExitCode {
    end_quietly_without_a_reader();
    let cli = Cli::parse();
    let result = match cli.command.unwrap_or(Command::Train(cli.train)) {
        Command::Train(arguments) => train::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Quantize(arguments) => quantize::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Normalize(arguments) => normalize::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Monitor(arguments) => monitor::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Lets the program end without a word when nobody reads what it prints any more, as `host-trainer … | head` does; Rust
/// would report a panic.
fn end_quietly_without_a_reader() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let unread =
            |message: &str| message.starts_with("failed printing to stdout") && message.contains("Broken pipe");
        if info.payload_as_str().is_some_and(unread) {
            process::exit(0);
        }
        report(info);
    }));
}
