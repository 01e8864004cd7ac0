//! What teachers think of the training faces, for recipes with a `distillation`.

use std::path::Path;

use anyhow::{Context, ensure};

use super::{faces::relabel, progress};
use crate::{
    data::{LabelSet, Source, Split},
    export::RECORD_FILE,
    network::Network,
    training::{
        Configuration, RunFolder, SoftTargets, TrainingError, load_record, read_soft_targets, soft_targets as ask,
        write_soft_targets,
    },
};

/// The soft targets of a run's recipe, if it has a distillation: kept in the run's folder, else asked for, and kept.
pub fn soft_targets(
    run: &RunFolder,
    configuration: &Configuration,
    source: &Source,
    faces: usize,
) -> anyhow::Result<Option<SoftTargets>> {
    let Some(distillation) = configuration.architecture()?.recipe.distillation else { return Ok(None) };
    if let Some(kept) = read_soft_targets(run, faces) {
        return Ok(Some(kept));
    }
    let folders = configuration.teachers.iter().map(Path::new);
    let teachers = folders.map(teacher).collect::<anyhow::Result<Vec<_>>>()?;
    if teachers.is_empty() {
        return Err(TrainingError::NoTeachers.into());
    }
    for (teacher, folder) in teachers.iter().zip(&configuration.teachers) {
        ensure!(
            teacher.architecture.labels().count() <= configuration.labels.count(),
            "{folder}: this teacher knows more emotions than its pupil; train the pupil with --labels ferplus"
        );
    }
    let mut dataset = source.read(&mut |_, _| {})?;
    if configuration.labels == LabelSet::FerPlus {
        let votes = configuration.votes.as_deref().map(Path::new);
        relabel(source, votes, Split::Training, dataset.faces_mut(Split::Training))?;
    }
    let faces = dataset.require(Split::Training)?;
    let bar = progress::bar("asking teachers", "faces");
    // Each sees the face and its mirror image.
    bar.set_length(2 * (faces.len() * teachers.len()) as u64);
    let temperature = distillation.temperature;
    let targets = ask(&teachers, &faces.pixels, temperature, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    write_soft_targets(run, &targets)?;
    Ok(Some(targets))
}

/// The network of a finished run.
fn teacher(folder: &Path) -> anyhow::Result<Network> {
    let (run, configuration) = RunFolder::open(folder).context("no run to learn from")?;
    Ok(load_record(configuration.architecture()?.into(), &run.file(RECORD_FILE))?)
}
