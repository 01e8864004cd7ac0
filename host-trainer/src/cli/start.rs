//! How a training begins, and how it goes on: the run's folder is made last, when everything that it needs is there.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};

use super::{
    UsageError,
    faces::{LoadedFaces, check_ferplus},
    model_file,
    teachers::{self, check_held_out},
    train::TrainArguments,
};
use crate::{
    architecture::Architecture,
    data::{LabelSet, Source, locate},
    export::RECORD_FILE,
    files,
    network::{FloatNetwork, Network, transferred},
    training::{Configuration, RunFolder, START_FILE, TrainingError, contents_text, load_record, save_record},
};

/// Epochs on synthetic faces, where nothing is gained by more.
const SYNTHETIC_EPOCHS: usize = 6;

/// A run that is ready to be trained.
pub struct Started {
    pub run: RunFolder,
    pub configuration: Configuration,
    pub source: Source,
    pub loaded: LoadedFaces,
}

/// A new run.
pub fn begin(arguments: &TrainArguments) -> anyhow::Result<Started> {
    let source = locate(arguments.data.data.as_deref())?;
    let source = match arguments.find_faces {
        true => source.with_faces_found(model_file::finder_file(arguments.finder.as_deref())?)?,
        false => source,
    };
    if arguments.labels == LabelSet::FerPlus {
        check_ferplus(&source)?;
    }
    let architecture = Architecture::find(&arguments.architecture)?.with_labels(arguments.labels)?;
    check_options(arguments, &architecture)?;
    let mut configuration = configure(arguments, &architecture, &source);
    let loaded = LoadedFaces::load(&source, &architecture, arguments.votes.as_deref(), configuration.held_out)?;
    loaded.describe(&mut configuration);
    if let Some(distillation) = architecture.recipe.distillation {
        for teacher in &arguments.teachers {
            let (_, its) = RunFolder::open(teacher).context("no run to learn from")?;
            teachers::check(teacher, &its, &configuration, distillation)?;
        }
        configuration.teachers_contents = teachers::contents(&arguments.teachers)?;
    }
    let name = architecture.name.clone();
    let start = match &arguments.start {
        Some(trained) => Some(start_from(trained, architecture, &configuration)?),
        None => None,
    };
    let run = match &arguments.out {
        Some(folder) => RunFolder::claim(folder)?,
        None => claim_free(&name)?,
    };
    if let (Some(network), Some(trained)) = (start, &arguments.start) {
        // The weights before the configuration: a run with a configuration is complete.
        save_record(&network.to_network(&Default::default()), &run.file(START_FILE))?;
        configuration.start = Some(START_FILE.into());
        configuration.start_contents = Some(contents_text(files::contents(&run.file(START_FILE))?));
        configuration.started_from = Some(trained.display().to_string());
    }
    run.begin(&configuration)?;
    Ok(Started { run, configuration, source, loaded })
}

/// Refuses options that would have no effect.
fn check_options(arguments: &TrainArguments, architecture: &Architecture) -> Result<(), UsageError> {
    if arguments.finder.is_some() && !arguments.find_faces {
        return Err(UsageError("--finder is of no use without --find-faces".into()));
    }
    let recipe = &architecture.recipe;
    let teacher_needs = |name: &String| Architecture::find(name).is_ok_and(|teacher| teacher.recipe.needs_votes());
    let needs_votes =
        arguments.labels == LabelSet::FerPlus || recipe.needs_votes() || recipe.teachers.iter().any(teacher_needs);
    if arguments.votes.is_some() && !needs_votes {
        return Err(UsageError(format!(
            "--votes is of no use here: `{}` does not learn from votes; for the labels of FER+, add --labels ferplus",
            architecture.name
        )));
    }
    if !arguments.teachers.is_empty() && recipe.distillation.is_none() {
        return Err(UsageError(format!(
            "--teachers is of no use here: the recipe of `{}` has no `distillation`",
            architecture.name
        )));
    }
    Ok(())
}

fn configure(arguments: &TrainArguments, architecture: &Architecture, source: &Source) -> Configuration {
    let file = match arguments.architecture.strip_suffix(".toml") {
        Some(_) => arguments.architecture.clone(),
        None => format!("{}.toml", arguments.architecture),
    };
    let path = source.path().map(|path| path.display().to_string());
    let mut configuration = Configuration::new(architecture, &file, arguments.seed, path, source.description());
    configuration.find_faces = arguments.find_faces;
    configuration.finder = arguments.finder.as_ref().map(|path| path.display().to_string());
    configuration.hardware = arguments.device.unwrap_or_default();
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
    configuration
}

/// The weights of a finished run's network, as far as they fit `architecture`.
fn start_from(
    trained: &Path,
    architecture: Architecture,
    configuration: &Configuration,
) -> anyhow::Result<FloatNetwork> {
    let (run, before) = RunFolder::open(trained).context("no run to start from")?;
    check_held_out(trained, &before, configuration)?;
    let trained = load_record(before.architecture()?.into(), &run.file(RECORD_FILE))?;
    let fresh = Network::new(Arc::new(architecture), configuration.seed, &Default::default());
    Ok(transferred(&fresh.to_float_network(), &trained.to_float_network())?)
}

/// `runs/NAME-1`, or the first number that is free and that no other program takes at the same moment.
fn claim_free(name: &str) -> Result<RunFolder, TrainingError> {
    let mut numbers = 1u32..;
    loop {
        let path = PathBuf::from(format!("runs/{name}-{}", numbers.next().unwrap_or(u32::MAX)));
        if path.exists() {
            continue;
        }
        match RunFolder::claim(&path) {
            Err(TrainingError::Busy { .. } | TrainingError::Exists { .. }) => {}
            claimed => return claimed,
        }
    }
}

/// A run that was begun before: with the faces, votes, teachers and device that it was begun with, wherever these are now.
pub fn resume(folder: &Path, arguments: &TrainArguments) -> anyhow::Result<Started> {
    let (run, mut configuration) = RunFolder::resume(folder).map_err(|error| match error {
        TrainingError::Busy { .. } => error.into(),
        other => anyhow::Error::from(other).context("no run to resume"),
    })?;
    let differs = |what: String| TrainingError::Differs { folder: folder.into(), what };
    if let Some(device) = arguments.device.filter(|device| *device != configuration.hardware) {
        return Err(differs(format!(
            "the run trains on {}, and on {} it would not end with the same weights",
            configuration.hardware, device
        ))
        .into());
    }
    if let Some(votes) = &arguments.votes {
        if configuration.votes.is_none() {
            return Err(differs("the run was begun without votes".into()).into());
        }
        configuration.votes = Some(votes.display().to_string());
    }
    if !arguments.teachers.is_empty() {
        if configuration.teachers.is_empty() {
            return Err(differs("no teachers were named for this run when it was begun".into()).into());
        }
        configuration.teachers = arguments.teachers.iter().map(|path| path.display().to_string()).collect();
        let known = &configuration.teachers_contents;
        if !known.is_empty() && *known != teachers::contents(&arguments.teachers)? {
            return Err(differs("the run was begun with other teachers, or with these in another order".into()).into());
        }
    }
    if let Some(finder) = &arguments.finder {
        if !configuration.find_faces {
            return Err(differs("its faces were not found in photographs when it was begun".into()).into());
        }
        configuration.finder = Some(finder.display().to_string());
    }
    let source = source_of(&configuration, folder, arguments.data.data.clone())?;
    let votes = configuration.votes.as_deref().map(Path::new);
    let loaded = LoadedFaces::load(&source, &configuration.architecture()?, votes, configuration.held_out)?;
    loaded.check(folder, &configuration)?;
    Ok(Started { run, configuration, source, loaded })
}

/// The faces that a run was trained on. They may have moved since; `data` says where to. [`LoadedFaces::check`] compares their
/// contents; for runs of older programs only their name is compared.
pub fn source_of(configuration: &Configuration, folder: &Path, data: Option<PathBuf>) -> anyhow::Result<Source> {
    let source = match (&data, &configuration.data) {
        (Some(path), _) => locate(Some(path))?,
        (None, Some(path)) => locate(Some(Path::new(path))).with_context(|| {
            format!("{}: the faces of this run are not where they were; name them with --data", folder.display())
        })?,
        (None, None) => Source::Synthetic(Default::default()),
    };
    let source = match configuration.find_faces {
        true => source.with_faces_found(model_file::finder_file(configuration.finder.as_deref().map(Path::new))?)?,
        false => source,
    };
    let named_alike = || {
        let canonical = |path: &Path| fs::canonicalize(path).ok();
        let before = configuration.data.as_deref().map(Path::new).and_then(canonical);
        before.is_some() && before == source.path().and_then(canonical)
    };
    let known = configuration.data_contents.is_some();
    if !known && source.description() != configuration.data_description && !named_alike() {
        bail!(
            "{}: the run was trained on {}, not on {}",
            folder.display(),
            configuration.data_description,
            source.description()
        );
    }
    Ok(source)
}
