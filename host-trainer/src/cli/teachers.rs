//! Teachers, for recipes with a `distillation`: their runs, and what they think of the training faces.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::progress;
use crate::{
    architecture::Architecture,
    data::{Source, Split},
    export::RECORD_FILE,
    network::Network,
    training::{Configuration, RunFolder, SoftTargets, load_record, soft_targets, write_soft_targets},
};

/// Asks the networks of finished runs about every training face, and keeps their answers in the folder of `run`.
pub fn ask(teachers: &[PathBuf], run: &RunFolder, temperature: f32, source: &Source) -> anyhow::Result<SoftTargets> {
    let teachers = teachers.iter().map(|folder| network(folder)).collect::<anyhow::Result<Vec<_>>>()?;
    let dataset = source.read(&mut |_, _| {})?;
    let faces = dataset.require(Split::Training)?;
    let bar = progress::bar("asking teachers", "faces");
    // Each sees the face and its mirror image.
    bar.set_length(2 * (faces.len() * teachers.len()) as u64);
    let targets = soft_targets(&teachers, &faces.pixels, temperature, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    write_soft_targets(run, &targets)?;
    Ok(targets)
}

/// The network of a finished run.
fn network(folder: &Path) -> anyhow::Result<Network> {
    let (run, configuration) = RunFolder::open(folder).context("no run to learn from")?;
    Ok(load_record(configuration.architecture()?.into(), &run.file(RECORD_FILE))?)
}

/// The run of a teacher that a student's recipe names, begun or new: the same faces and hardware, its own recipe, and for
/// every teacher of a student another seed.
pub fn open_or_create(
    folder: &Path,
    name: &str,
    index: u64,
    student: &Configuration,
) -> anyhow::Result<(RunFolder, Configuration)> {
    if folder.join("config.toml").exists() {
        return Ok(RunFolder::open(folder)?);
    }
    let architecture = Architecture::find(name).with_context(|| format!("the teacher `{name}`"))?;
    let configuration = Configuration {
        epochs: architecture.recipe.epochs,
        batch_size: architecture.recipe.batch_size,
        seed: student.seed.wrapping_add(index),
        architecture_file: format!("{}.toml", name.trim_end_matches(".toml")),
        architecture: architecture.source.clone(),
        ..student.clone()
    };
    Ok((RunFolder::create(folder, &configuration)?, configuration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_teacher_has_its_own_recipe_and_the_next_seed_and_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let architecture = Architecture::find("levorse").expect("built in");
        let student = Configuration {
            epochs: 1,
            batch_size: 3,
            votes: Some("votes.csv".into()),
            ..Configuration::new(&architecture, "student.toml", 7, None, "none".into())
        };
        let path = folder.path().join("teacher-2");
        let (_, teacher) = open_or_create(&path, "levorse", 1, &student).expect("new");
        assert_eq!((teacher.seed, teacher.epochs, teacher.batch_size), (8, 20, 32));
        assert_eq!((teacher.architecture_file.as_str(), teacher.votes.as_deref()), ("levorse.toml", Some("votes.csv")));
        let (_, again) = open_or_create(&path, "levorse", 5, &student).expect("there");
        assert_eq!(again, teacher);
        let error = open_or_create(&folder.path().join("none"), "lenet", 0, &student).expect_err("unknown");
        assert!(format!("{error:#}").contains("the teacher `lenet`"), "{error:#}");
    }

    #[test]
    fn a_folder_without_a_run_teaches_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = network(folder.path()).expect_err("empty");
        assert!(format!("{error:#}").contains("no run to learn from"), "{error:#}");
    }
}
