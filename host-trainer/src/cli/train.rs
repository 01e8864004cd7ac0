//! `train`: faces in, a run folder with a model out.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    DataArgument, demo,
    display::Display,
    faces::LoadedFaces,
    output::out,
    start::{self, Started},
    stop::{Interrupted, Stop},
    teachers::{self, Taught},
};
use crate::{
    architecture::{Distillation, Recipe},
    dashboard::Facts,
    data::{LabelSet, Source},
    device::Hardware,
    evaluation::EvaluationReport,
    export::{self, Exported, MODEL_FILE, MeasuredOn, RECORD_FILE},
    network::Network,
    refinement,
    training::{
        Configuration, Progress, RunFolder, START_FILE, TrainingError, TrainingFaces, read_soft_targets,
        teacher_folder, train,
    },
};

#[derive(Args, Debug)]
pub struct TrainArguments {
    #[command(flatten)]
    pub data: DataArgument,
    /// The folder of --data holds photographs: train on the largest face of each, its eyes level. Those without a face are counted
    /// and named
    #[arg(long, requires = "data")]
    pub find_faces: bool,
    /// The finder file for --find-faces [default: the one that comes with the program]
    #[arg(long, value_name = "FILE.ferf")]
    pub finder: Option<PathBuf>,
    /// A built-in architecture, or a file that ends in .toml
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "levorse")]
    pub architecture: String,
    /// Passes over the training images [default: the recipe's; 6 on synthetic faces]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: Option<u32>,
    /// Images per step [default: the recipe's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_size: Option<u32>,
    /// The labels: FER2013's, or the majorities of the FER+ votes, which know contempt as well
    #[arg(long, value_enum, default_value_t)]
    pub labels: LabelSet,
    /// The FER+ votes for the same faces (fer2013new.csv), for `--labels ferplus` and recipes that learn from them
    #[arg(long, value_name = "CSV", required_if_eq("labels", "ferplus"))]
    pub votes: Option<PathBuf>,
    /// Folders of finished runs whose networks teach, separated by commas; for recipes with a `distillation`
    /// [default: those that the recipe names, trained first]
    #[arg(long, value_name = "RUN,…", value_delimiter = ',')]
    pub teachers: Vec<PathBuf>,
    /// Folder of a finished run; start with its weights. The last layer is new if its number of units differs
    #[arg(long, value_name = "RUN")]
    pub start: Option<PathBuf>,
    /// Share of the training faces to keep aside; they choose the epoch, the temperature and the threshold in place of
    /// PublicTest, which is then only reported on
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub held_out: Option<f64>,
    /// Seed of the weights, of the order of the images and of dropout
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Continue an interrupted run; everything else comes from its config.toml
    #[arg(long, value_name = "RUN", conflicts_with_all = ["find_faces", "architecture", "labels", "held_out", "start", "epochs", "batch_size", "seed", "out"])]
    resume: Option<PathBuf>,
    /// What to train on [default: cpu]; features `cuda` and `wgpu` of this program add GPUs
    #[arg(long, value_enum)]
    pub device: Option<Hardware>,
    /// Plain lines of progress on a terminal too
    #[arg(long)]
    plain: bool,
    /// Folder of the run [default: runs/ARCHITECTURE-1, -2, …]
    #[arg(long, value_name = "RUN")]
    pub out: Option<PathBuf>,
}

pub fn run(arguments: &TrainArguments) -> anyhow::Result<()> {
    let stop = Stop::watch()?;
    let Started { run, configuration, source, loaded } = match &arguments.resume {
        Some(folder) => start::resume(folder, arguments)?,
        None => start::begin(arguments)?,
    };
    let session = Session { source, stop, plain: arguments.plain };
    let exported = session.train(&run, &configuration, &loaded)?;
    // A user who asked to stop does not want the next stage, even if this one was done by then.
    if session.stop.is_wanted() {
        return Err(session.stop.interrupted().into());
    }
    if session.synthetic() { demo::run(&exported.model, &session.source) } else { Ok(()) }
}

/// Shared by all trainings of one command: a run, its refinement, its teachers.
struct Session {
    source: Source,
    stop: Stop,
    plain: bool,
}

impl Session {
    fn synthetic(&self) -> bool {
        matches!(self.source, Source::Synthetic(_))
    }

    /// Trains a run, its teachers before it, and refines it if its recipe says so; what is done already is not done again.
    /// The model. A run that is stopped is an [`Interrupted`].
    fn train(&self, run: &RunFolder, configuration: &Configuration, loaded: &LoadedFaces) -> anyhow::Result<Exported> {
        let architecture = configuration.architecture()?;
        writeln!(out(), "run          {}", run.path().display())?;
        writeln!(out(), "faces        {}", configuration.faces())?;
        if self.synthetic() {
            writeln!(out(), "             (drawn by this program: no data set was found; name one with --data)")?;
        }
        writeln!(
            out(),
            "network      {}, {} parameters, {} MACs",
            architecture.name,
            (0..architecture.layers.len()).map(|layer| architecture.parameter_count(layer)).sum::<u64>(),
            (0..architecture.layers.len()).map(|layer| architecture.macs(layer)).sum::<u64>()
        )?;
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
                let teachers = self.teachers(run, &configuration, &architecture.recipe, distillation)?;
                taught = teachers::learn(&teachers, run, distillation, &self.source, &configuration)?;
            }
        }
        training.soft_targets = taught.soft_targets.as_deref();
        training.teachers = &taught.networks;
        self.print_images(loaded, &configuration, training, measured_on)?;

        let stage = Stage { training, measured_on, stop: &self.stop, plain: self.plain };
        let (network, mut exported) = stage.run(run, &configuration)?;
        if let Some(refinement) = architecture.recipe.refinement {
            let (run, configuration) =
                refinement::prepare(run, &configuration, refinement, &network, stage.training.faces)?;
            let path = run.path().display();
            writeln!(out(), "\nrefinement   {} epochs with the core's rounding, {path}", refinement.epochs)?;
            exported = stage.run(&run, &configuration)?.1;
        }
        Ok(exported)
    }

    /// How many images are for what.
    fn print_images(
        &self,
        loaded: &LoadedFaces,
        configuration: &Configuration,
        training: TrainingFaces<'_>,
        measured_on: MeasuredOn<'_>,
    ) -> anyhow::Result<()> {
        let left_out = loaded.left_out();
        writeln!(
            out(),
            "images       {} to train on, {} to validate on",
            training.faces.labels.len() - left_out - loaded.held_out(),
            measured_on.chosen_by().faces.labels.len()
        )?;
        if let Some(share) = loaded.share_for_validation() {
            writeln!(
                out(),
                "             (there are no faces for validation: {share} of those for training are kept aside for it)"
            )?;
        }
        let passed_over = export::passed_over(configuration, measured_on);
        if passed_over > 0 {
            writeln!(
                out(),
                "             ({passed_over} of the latter have a near twin among the former and choose nothing)"
            )?;
        }
        if left_out > 0 {
            let others = match (loaded.held_out() > 0, loaded.share_for_validation()) {
                (true, None) => "validation faces or in PublicTest",
                _ => "validation faces",
            };
            writeln!(out(), "             ({left_out} more are nearly {others} and are left out)")?;
        }
        if measured_on.chosen_by().near.is_some_and(|near| !near.contains(&false)) {
            writeln!(
                out(),
                "             (all of the latter have a near twin among the former, and choose all the same)"
            )?;
        }
        let [of_training, of_validation] = loaded.without_majority();
        if of_training + of_validation > 0 {
            writeln!(
                out(),
                "             ({of_training} and {of_validation} more have no majority of votes for an emotion)"
            )?;
        }
        Ok(())
    }

    /// The folders of the runs that teach: those that were named, else those that the recipe names, which are trained now
    /// in the run's own folder.
    fn teachers(
        &self,
        run: &RunFolder,
        configuration: &Configuration,
        recipe: &Recipe,
        distillation: Distillation,
    ) -> anyhow::Result<Vec<PathBuf>> {
        if !configuration.teachers.is_empty() {
            return Ok(configuration.teachers.iter().map(PathBuf::from).collect());
        }
        if recipe.teachers.is_empty() {
            return Err(TrainingError::NoTeachers.into());
        }
        let mut finished: Vec<(&str, PathBuf)> = Vec::new();
        for (index, name) in recipe.teachers.iter().enumerate() {
            let folder = teacher_folder(run.path(), index);
            if !folder.join(RECORD_FILE).exists() {
                writeln!(out(), "teacher      {name}, {} of {}", index + 1, recipe.teachers.len())?;
                let (teacher, its) = teachers::open_or_create(&folder, name, index as u64, configuration, &finished)?;
                // Before its training, which takes long, and not only after.
                teachers::check(&folder, &its, configuration, distillation)?;
                let votes = its.votes.as_deref().map(Path::new);
                let loaded = LoadedFaces::load(&self.source, &its.architecture()?, votes, its.held_out)?;
                loaded.check(&folder, &its)?;
                let trained = self.train(&teacher, &its, &loaded).map(drop);
                let stopped = if self.stop.is_wanted() { Err(self.stop.interrupted().into()) } else { Ok(()) };
                let ended = trained.and(stopped);
                if ended.as_ref().is_err_and(|error: &anyhow::Error| error.is::<Interrupted>()) {
                    let path = run.path().display();
                    writeln!(out(), "it is a teacher of {path}; continue with\n  host-trainer train --resume {path}")?;
                }
                ended?;
            }
            finished.push((name, folder));
        }
        Ok(finished.into_iter().map(|(_, folder)| folder).collect())
    }
}

/// Shared by the trainings of one run.
struct Stage<'a> {
    training: TrainingFaces<'a>,
    measured_on: MeasuredOn<'a>,
    stop: &'a Stop,
    plain: bool,
}

impl Stage<'_> {
    /// Trains a run to its end and exports it: the network and the model.
    fn run(&self, run: &RunFolder, configuration: &Configuration) -> anyhow::Result<(Network, Exported)> {
        let facts = Facts {
            name: configuration.architecture()?.name,
            rows: vec![
                ("faces".into(), configuration.faces()),
                ("run".into(), run.path().display().to_string()),
                ("seed".into(), configuration.seed.to_string()),
            ],
            epochs: configuration.epochs,
        };
        let mut display = Display::new(facts, self.stop.flag().clone(), self.plain);
        let (chosen_by, stop) = (self.measured_on.chosen_by(), self.stop.flag());
        let show = &mut |progress: Progress<'_>| display.show(&progress);
        let outcome = self.stop.between_steps(|| train(configuration, self.training, chosen_by, run, stop, show))?;
        display.finish()?;
        if !outcome.finished {
            let when = match outcome.metrics.len() {
                0 => "before the end of epoch 1".into(),
                epochs => format!("after epoch {epochs}"),
            };
            writeln!(out(), "stopped {when}; continue with\n  host-trainer train --resume {}", run.path().display())?;
            return Err(self.stop.interrupted().into());
        }
        let exported = export::write_run(run, configuration, &outcome, self.training.faces, self.measured_on)?;
        writeln!(out(), "\nkept         the weights of epoch {}", outcome.best_epoch)?;
        writeln!(out(), "float        {}", accuracies(&exported.float))?;
        writeln!(out(), "int8         {}, through the core", accuracies(&exported.int8))?;
        writeln!(out(), "report       {}", run.file("report.md").display())?;
        writeln!(out(), "model        {}", run.file(MODEL_FILE).display())?;
        Ok((outcome.best, exported))
    }
}

/// The accuracies of a network, on all faces and on those with and without a twin.
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
