//! The commands.

mod answer;
mod demo;
mod display;
mod evaluate;
mod faces;
mod flash;
mod images;
mod inspect;
mod model_file;
mod monitor;
mod normalize;
mod output;
mod page;
mod port;
mod predict;
mod progress;
mod quantize;
mod reproduce;
mod start;
mod stop;
mod teachers;
mod train;
mod train_finder;
mod upload;
mod watch;

use std::{io::Write, process::ExitCode};

use clap::{Args, Parser, Subcommand};

#[cfg(test)]
pub(crate) use self::model_file::{DEFAULT_FINDER, DEFAULT_MODEL};
use self::{
    output::{err, is_unread, out},
    stop::Interrupted,
};

/// Exit status of a training that stopped because nobody reads its output any more: that of a process that SIGPIPE ends. For a
/// table a closed pipe is no failure, but such a run is not done.
const UNREAD: u8 = 141;

/// The exit statuses, as `--help` explains them.
const EXIT_STATUS: &str = "Exit status: 0 done, 1 failed, 2 wrong usage; 130 after Ctrl-C and 143 after SIGTERM, even if the run \
    that was stopped can be resumed";

/// Trains, evaluates and quantizes facial expression networks, and talks to devices that run them.
#[derive(Parser, Debug)]
#[command(name = "host-trainer", version, about, args_conflicts_with_subcommands = true, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: train::TrainArguments,
}

impl Cli {
    fn is_training(&self) -> bool {
        matches!(self.command, None | Some(Command::Train(_) | Command::Reproduce(_)))
    }
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Train a network, quantize it and report (the default command).
    #[command(after_help = EXIT_STATUS)]
    Train(train::TrainArguments),
    /// Train the finder of faces.
    #[command(after_help = EXIT_STATUS)]
    TrainFinder(train_finder::TrainFinderArguments),
    /// Run the paper's experiments, or its future work, and put the results beside its figures.
    #[command(after_help = EXIT_STATUS)]
    Reproduce(reproduce::ReproduceArguments),
    /// Write a run's model file again, as this version quantizes and folds it.
    Quantize(quantize::QuantizeArguments),
    /// Measure a model file on labelled faces, through the core.
    Evaluate(evaluate::EvaluateArguments),
    /// Find the faces of pictures and classify them.
    Predict(predict::PredictArguments),
    /// Watch a camera or a video: the face of each frame, and its emotion.
    #[command(after_help = EXIT_STATUS)]
    Watch(watch::WatchArguments),
    /// Draw an image before and after normalization.
    Normalize(normalize::NormalizeArguments),
    /// Show what is in a model file.
    Inspect(inspect::InspectArguments),
    /// Put the firmware and a model onto a Raspberry Pi Pico or Pico 2; no compiler is needed.
    Flash(flash::FlashArguments),
    /// Talk to a device: send it faces, or show what it prints.
    Monitor(monitor::MonitorArguments),
    /// Put another model on a device, over its link.
    Upload(upload::UploadArguments),
    /// Show it all in a browser: serve the page, or write it into a folder.
    Page(page::PageArguments),
}

/// `--data`, as several commands have it.
#[derive(Args, Debug, Clone)]
struct DataArgument {
    /// fer2013.csv, plain or gzipped, or a folder train|validation|test/<emotion>/*.png; without it $FER2013,
    /// data/fer2013.csv[.gz], or else synthetic faces; - is standard input (not for training)
    #[arg(long, value_name = "PATH")]
    data: Option<std::path::PathBuf>,
}

/// Options that exclude each other, found after they were parsed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// Runs the command of the process's arguments: 0 done, 1 failed, 2 wrong usage, 130 and 143 ended by Ctrl-C and SIGTERM.
pub fn main() -> ExitCode {
    let mut unread = ExitCode::SUCCESS;
    let ended = match Cli::try_parse() {
        Ok(cli) => {
            if cli.is_training() {
                unread = ExitCode::from(UNREAD);
            }
            run(cli)
        }
        // Help, the version and wrong usage; clap prints to where each belongs.
        Err(message) => match message.print() {
            Ok(()) => return ExitCode::from(message.exit_code() as u8),
            Err(error) if message.use_stderr() => Err(err().named(error).into()),
            Err(error) => Err(out().named(error).into()),
        },
    };
    match ended.and_then(|()| Ok(out().flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // As `host-trainer … | head` does: there is nothing to say, and nobody to say it to.
        Err(error) if is_unread(&error) => unread,
        Err(error) => report(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command.unwrap_or(Command::Train(cli.train)) {
        Command::Train(arguments) => train::run(&arguments),
        Command::TrainFinder(arguments) => train_finder::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Quantize(arguments) => quantize::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
        Command::Normalize(arguments) => normalize::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Flash(arguments) => flash::run(&arguments),
        Command::Monitor(arguments) => monitor::run(&arguments),
        Command::Upload(arguments) => upload::run(&arguments),
        Command::Page(arguments) => page::run(&arguments),
    }
}

/// Prints an error, if there is something to say, and gives the exit status that goes with it.
fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(interrupted) = error.downcast_ref::<Interrupted>() {
        return ExitCode::from(interrupted.exit_status());
    }
    let line = format!("error: {error:#}");
    if writeln!(err(), "{line}").is_err() {
        // Where nothing else can be written to, neither can this, and nothing is left to be done.
        let _ = writeln!(out(), "{line}");
    }
    if error.is::<UsageError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_help_shows_how_the_source_links() {
        let mut command = Cli::command();
        let mut helps = vec![command.render_long_help().to_string()];
        helps.extend(command.get_subcommands_mut().map(|command| command.render_long_help().to_string()));
        assert!(helps.len() > 8, "of {} commands", helps.len());
        for help in helps {
            for link in ["](", "[`", "super::", "crate::", "self::"] {
                assert!(!help.contains(link), "`{link}` in\n{help}");
            }
        }
    }

    #[test]
    fn every_kind_of_end_has_its_exit_status() {
        let status = |error: anyhow::Error| format!("{:?}", report(&error));
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(status(UsageError("the options do not go together (a test prints this)".into()).into()), code(2));
        assert_eq!(status(anyhow::anyhow!("it failed (a test prints this)")), code(1));
    }
}
