//! `train`: faces in, a run folder with a model out.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, bail};
use clap::Args;

use super::{
    DataArgument, demo,
    display::{Display, stop_on_interrupt},
    faces::{LoadedFaces, check_ferplus},
    teachers::{self, Taught, check_held_out},
};
use crate::{
    architecture::{Architecture, Distillation, Recipe},
    dashboard::Facts,
    data::{LabelSet, Source, locate},
    device::Hardware,
    evaluation::EvaluationReport,
    export::{self, Exported, MODEL_FILE, MeasuredOn, RECORD_FILE},
    network::{Network, transferred},
    refinement,
    training::{
        Configuration, RunFolder, START_FILE, TrainingError, TrainingFaces, load_record, read_soft_targets,
        save_record, teacher_folder, train,
    },
};

/// Epochs on synthetic faces, where nothing is gained by more.
const SYNTHETIC_EPOCHS: usize = 6;

#[derive(Args, Debug)]
pub struct TrainArguments {
    #[command(flatten)]
    data: DataArgument,
    /// A built-in architecture, or a file that ends in .toml
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "levorse")]
    architecture: String,
    /// Passes over the training images [default: the recipe's; 6 on synthetic faces]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// Images a step [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: Option<u32>,
    /// The labels: FER2013's, or the majorities of the FER+ votes, which know contempt as well
    #[arg(long, value_enum, default_value_t)]
    labels: LabelSet,
    /// The FER+ votes for the same faces (fer2013new.csv), for `--labels ferplus` and recipes that learn from them
    #[arg(long, value_name = "CSV", required_if_eq("labels", "ferplus"))]
    votes: Option<PathBuf>,
    /// Folders of finished runs, separated by commas, whose networks teach, for recipes with a `distillation`
    /// [default: those that the recipe names, trained first]
    #[arg(long, value_name = "RUN,…", value_delimiter = ',')]
    teachers: Vec<PathBuf>,
    /// Folder of a finished run whose weights to begin with; the last layer is new if it gets another number of units
    #[arg(long, value_name = "RUN")]
    start: Option<PathBuf>,
    /// Share of the training faces to keep aside: they choose the epoch, the temperature and the threshold, and PublicTest,
    /// which does so otherwise, is only reported on
    #[arg(long, value_name = "SHARE", value_parser = share)]
    held_out: Option<f64>,
    /// Seed of the weights, of the order of the images and of dropout
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Continue an interrupted run; everything else comes from its config.toml
    #[arg(long, value_name = "RUN", conflicts_with_all = ["architecture", "labels", "held_out", "start", "epochs", "batch_size", "seed", "out"])]
    resume: Option<PathBuf>,
    /// What to train on; features `cuda` and `wgpu` of this program add GPUs
    #[arg(long, value_enum, default_value_t)]
    device: Hardware,
    /// Plain lines of progress on a terminal too
    #[arg(long)]
    plain: bool,
    /// Folder of the run [default: runs/ARCHITECTURE-1, -2, …]
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
}

pub fn run(arguments: &TrainArguments) -> anyhow::Result<()> {
    let (run, configuration, source) = match &arguments.resume {
        Some(folder) => resume(folder, arguments)?,
        None => begin(arguments)?,
    };
    let session = Session { source, stop: stop_on_interrupt()?, plain: arguments.plain };
    match session.train(&run, &configuration)? {
        Some(exported) if session.synthetic() => demo::run(&exported.model, &session.source),
        _ => Ok(()),
    }
}

/// What all trainings of one command share: a run, its refinement, its teachers.
struct Session {
    source: Source,
    stop: Arc<AtomicBool>,
    plain: bool,
}

impl Session {
    fn synthetic(&self) -> bool {
        matches!(self.source, Source::Synthetic(_))
    }

    /// Trains a run, its teachers before it, and refines it if its recipe says so; what is done already is not done again.
    /// The model; `None` if it was stopped.
    fn train(&self, run: &RunFolder, configuration: &Configuration) -> anyhow::Result<Option<Exported>> {
        let architecture = configuration.architecture()?;
        println!("run          {}", run.path().display());
        println!("faces        {}", configuration.faces());
        if self.synthetic() {
            println!("             (drawn by this program: no data set was found; name one with --data)");
        }
        println!(
            "network      {}, {} parameters, {} MACs",
            architecture.name,
            (0..architecture.layers.len()).map(|layer| architecture.parameter_count(layer)).sum::<u64>(),
            (0..architecture.layers.len()).map(|layer| architecture.macs(layer)).sum::<u64>()
        );
        let votes = configuration.votes.as_deref().map(Path::new);
        let loaded = LoadedFaces::load(&self.source, &architecture, votes, configuration.held_out)?;
        let (mut training, measured_on) = (loaded.training()?, loaded.measured_on()?);
        let mut configuration = configuration.clone();
        let mut taught = Taught::default();
        if let Some(distillation) = architecture.recipe.distillation {
            if distillation.warm_start {
                configuration.start = Some(START_FILE.into());
            }
            if !distillation.same_views {
                taught.soft_targets = read_soft_targets(run, training.faces.labels.len());
            }
            if taught.soft_targets.is_none() {
                let Some(teachers) = self.teachers(run, &configuration, &architecture.recipe, distillation)? else {
                    return Ok(None);
                };
                taught = teachers::learn(&teachers, run, distillation, &self.source, &configuration)?;
            }
        }
        training.soft_targets = taught.soft_targets.as_deref();
        training.teachers = &taught.networks;
        let left_out = loaded.left_out();
        println!(
            "images       {} to train on, {} to validate on",
            training.faces.labels.len() - left_out - loaded.held_out(),
            measured_on.chosen_by().faces.labels.len()
        );
        let passed_over = export::passed_over(&configuration, measured_on);
        if passed_over > 0 {
            println!("             ({passed_over} of the latter have a near twin among the former and choose nothing)");
        }
        if left_out > 0 {
            let others = if loaded.held_out() > 0 { "validation faces or in PublicTest" } else { "validation faces" };
            println!("             ({left_out} more are nearly {others} and are left out)");
        }
        if measured_on.chosen_by().near.is_some_and(|near| !near.contains(&false)) {
            println!("             (all of the latter have a near twin among the former, and choose all the same)");
        }
        let [of_training, of_validation] = loaded.without_majority();
        if of_training + of_validation > 0 {
            println!("             ({of_training} and {of_validation} more have no majority of votes for an emotion)");
        }

        let stage = Stage { training, measured_on, stop: self.stop.clone(), plain: self.plain };
        let Some((network, mut exported)) = stage.run(run, &configuration)? else { return Ok(None) };
        if let Some(refinement) = architecture.recipe.refinement {
            let (run, configuration) =
                refinement::prepare(run, &configuration, refinement, &network, stage.training.faces)?;
            println!("\nrefinement   {} epochs with the core's rounding, {}", refinement.epochs, run.path().display());
            let Some((_, refined)) = stage.run(&run, &configuration)? else { return Ok(None) };
            exported = refined;
        }
        Ok(Some(exported))
    }

    /// The folders of the runs that teach: those that were named, else those that the recipe names, which are trained now
    /// in the run's own folder. `None` if it was stopped meanwhile.
    fn teachers(
        &self,
        run: &RunFolder,
        configuration: &Configuration,
        recipe: &Recipe,
        distillation: Distillation,
    ) -> anyhow::Result<Option<Vec<PathBuf>>> {
        if !configuration.teachers.is_empty() {
            return Ok(Some(configuration.teachers.iter().map(PathBuf::from).collect()));
        }
        if recipe.teachers.is_empty() {
            return Err(TrainingError::NoTeachers.into());
        }
        let mut folders = Vec::new();
        for (index, name) in recipe.teachers.iter().enumerate() {
            let folder = teacher_folder(run.path(), index);
            if !folder.join(RECORD_FILE).exists() {
                println!("teacher      {name}, {} of {}", index + 1, recipe.teachers.len());
                let (teacher, its) = teachers::open_or_create(&folder, name, index as u64, configuration)?;
                // Before its training, which takes long, and not only after.
                teachers::check(&folder, &its, configuration, distillation)?;
                self.train(&teacher, &its)?;
                if self.stop.load(Ordering::Relaxed) {
                    println!(
                        "it is a teacher of {0}; continue with\n  host-trainer train --resume {0}",
                        run.path().display()
                    );
                    return Ok(None);
                }
            }
            folders.push(folder);
        }
        Ok(Some(folders))
    }
}

/// What the trainings of one run share.
struct Stage<'a> {
    training: TrainingFaces<'a>,
    measured_on: MeasuredOn<'a>,
    stop: Arc<AtomicBool>,
    plain: bool,
}

impl Stage<'_> {
    /// Trains a run to its end and exports it: the network and the model. `None` if it was stopped.
    fn run(&self, run: &RunFolder, configuration: &Configuration) -> anyhow::Result<Option<(Network, Exported)>> {
        let facts = Facts {
            name: configuration.architecture()?.name,
            rows: vec![
                ("faces".into(), configuration.faces()),
                ("run".into(), run.path().display().to_string()),
                ("seed".into(), configuration.seed.to_string()),
            ],
            epochs: configuration.epochs,
        };
        let mut display = Display::new(facts, self.stop.clone(), self.plain);
        let outcome =
            train(configuration, self.training, self.measured_on.chosen_by(), run, &self.stop, &mut |progress| {
                display.show(&progress);
            })?;
        display.finish();
        if !outcome.finished {
            println!("stopped after epoch {}; continue with", outcome.metrics.len());
            println!("  host-trainer train --resume {}", run.path().display());
            return Ok(None);
        }
        let exported = export::write_run(run, configuration, &outcome, self.training.faces, self.measured_on)?;
        println!("\nkept         the weights of epoch {}", outcome.best_epoch);
        println!("float        {}", accuracies(&exported.float));
        println!("int8         {}, through the core", accuracies(&exported.int8));
        println!("report       {}", run.file("report.md").display());
        println!("model        {}", run.file(MODEL_FILE).display());
        Ok(Some((outcome.best, exported)))
    }
}

fn begin(arguments: &TrainArguments) -> anyhow::Result<(RunFolder, Configuration, Source)> {
    let source = locate(arguments.data.data.as_deref())?;
    if arguments.labels == LabelSet::FerPlus {
        check_ferplus(&source)?;
    }
    let architecture = Architecture::find(&arguments.architecture)?.with_labels(arguments.labels)?;
    let file = match arguments.architecture.strip_suffix(".toml") {
        Some(_) => arguments.architecture.clone(),
        None => format!("{}.toml", arguments.architecture),
    };
    let path = source.path().map(|path| path.display().to_string());
    let mut configuration = Configuration::new(&architecture, &file, arguments.seed, path, source.description());
    configuration.hardware = arguments.device;
    configuration.votes = arguments.votes.as_ref().map(|path| path.display().to_string());
    configuration.held_out = arguments.held_out;
    configuration.apart = !matches!(source, Source::Synthetic(_));
    configuration.teachers = arguments.teachers.iter().map(|path| path.display().to_string()).collect();
    if matches!(source, Source::Synthetic(_)) {
        configuration.epochs = SYNTHETIC_EPOCHS;
    }
    if let Some(epochs) = arguments.epochs {
        configuration.epochs = epochs as usize;
    }
    if let Some(batch_size) = arguments.batch_size {
        configuration.batch_size = batch_size as usize;
    }
    let folder = arguments.out.clone().unwrap_or_else(|| free_folder(&architecture.name));
    if let Some(trained) = &arguments.start {
        configuration.start = Some(start_from(trained, architecture, &configuration, &folder)?);
        configuration.started_from = Some(trained.display().to_string());
    }
    Ok((RunFolder::create(&folder, &configuration)?, configuration, source))
}

/// Writes the weights of a finished run's network, as far as they fit `architecture`, into the folder of a new run; the name
/// of the file.
fn start_from(
    trained: &Path,
    architecture: Architecture,
    configuration: &Configuration,
    folder: &Path,
) -> anyhow::Result<String> {
    let (run, before) = RunFolder::open(trained).context("no run to start from")?;
    check_held_out(trained, &before, configuration)?;
    let trained = load_record(before.architecture()?.into(), &run.file(RECORD_FILE))?;
    let fresh = Network::new(Arc::new(architecture), configuration.seed, &Default::default());
    let network = transferred(&fresh.to_float_network(), &trained.to_float_network())?;
    if folder.join("config.toml").exists() {
        return Err(TrainingError::Exists { folder: folder.into() }.into());
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    // The weights before the configuration: where that is, the run is whole.
    save_record(&network.to_network(&Default::default()), &folder.join(START_FILE))?;
    Ok(START_FILE.into())
}

fn resume(folder: &Path, arguments: &TrainArguments) -> anyhow::Result<(RunFolder, Configuration, Source)> {
    let (run, mut configuration) = RunFolder::open(folder).context("no run to resume")?;
    if let Some(votes) = &arguments.votes {
        configuration.votes = Some(votes.display().to_string());
    }
    if !arguments.teachers.is_empty() {
        configuration.teachers = arguments.teachers.iter().map(|path| path.display().to_string()).collect();
    }
    let source = source_of(&configuration, folder, arguments.data.data.clone())?;
    Ok((run, configuration, source))
}

/// How good a network is, on all faces and on those apart.
pub fn accuracies(report: &EvaluationReport) -> String {
    let apart = report.apart.filter(|apart| apart.images < report.images);
    let apart =
        apart.map(|apart| format!(", {:.4} of its {} faces without a twin in Training", apart.accuracy, apart.images));
    format!("{:.4} of {} right{}", report.accuracy, report.split, apart.unwrap_or_default())
}

/// A share of the training faces.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if 0.0 < share && share < 1.0 => Ok(share),
        _ => Err("a number between 0 and 1, such as 0.1".into()),
    }
}

/// `runs/NAME-1`, or the first number that is free.
fn free_folder(name: &str) -> PathBuf {
    (1u32..)
        .map(|number| PathBuf::from(format!("runs/{name}-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_default()
}

/// The faces that a run was trained on; they may have moved since, and `data` says where to.
pub fn source_of(configuration: &Configuration, folder: &Path, data: Option<PathBuf>) -> anyhow::Result<Source> {
    let path = data.or_else(|| configuration.data.as_ref().map(PathBuf::from));
    let source = match path {
        Some(path) => locate(Some(&path))?,
        None => Source::Synthetic(Default::default()),
    };
    if source.description() != configuration.data_description {
        bail!(
            "{}: the run was trained on {}, not on {}",
            folder.display(),
            configuration.data_description,
            source.description()
        );
    }
    Ok(source)
}
