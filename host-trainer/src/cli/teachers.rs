//! Teachers, for recipes with a `distillation`: their runs, and what they think of the training faces.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{faces::relabel, progress};
use crate::{
    architecture::{Architecture, Distillation},
    data::{LabelSet, Source, Split},
    export::RECORD_FILE,
    network::Network,
    training::{
        Configuration, RunFolder, START_FILE, SoftTargets, keep_teachers, load_record, save_record, soft_targets,
        teacher_folder, write_soft_targets,
    },
};

/// What a run learns from teachers.
#[derive(Debug, Default)]
pub struct Taught {
    /// Their answers to the training faces as they are.
    pub soft_targets: Option<SoftTargets>,
    /// Themselves, to be asked about every view.
    pub networks: Vec<Network>,
}

/// What `run` needs of the networks of finished runs, kept in its folder: themselves where they are to see the same views, or
/// else their answers; for a warm start, the weights of the first too.
pub fn learn(
    teachers: &[PathBuf],
    run: &RunFolder,
    distillation: Distillation,
    source: &Source,
    configuration: &Configuration,
) -> anyhow::Result<Taught> {
    if !distillation.same_views {
        for folder in teachers {
            check_held_out(folder, configuration)?;
        }
        let answers = ask(teachers, run, distillation, source, configuration)?;
        return Ok(Taught { soft_targets: Some(answers), ..Taught::default() });
    }
    let networks = keep_teachers(teachers, run.path()).context("no run to learn from")?;
    for index in 0..networks.len() {
        check_held_out(&teacher_folder(run.path(), index), configuration)?;
    }
    if let (true, Some(first)) = (distillation.warm_start, networks.first()) {
        save_record(first, &run.file(START_FILE))?;
    }
    Ok(Taught { networks, ..Taught::default() })
}

/// Asks the networks of finished runs about every training face, and keeps in the folder of `run` what it needs of them: their
/// answers, and for a warm start the weights of the first.
fn ask(
    teachers: &[PathBuf],
    run: &RunFolder,
    distillation: Distillation,
    source: &Source,
    configuration: &Configuration,
) -> anyhow::Result<SoftTargets> {
    let networks = teachers.iter().map(|folder| network(folder)).collect::<anyhow::Result<Vec<_>>>()?;
    for (network, folder) in networks.iter().zip(teachers) {
        ensure!(
            network.architecture.labels().count() <= configuration.labels.count(),
            "{}: this teacher knows more emotions than its pupil; train the pupil with --labels ferplus",
            folder.display()
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
    bar.set_length(2 * (faces.len() * networks.len()) as u64);
    let targets =
        soft_targets(&networks, &faces.pixels, distillation.temperature, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    if let (true, Some(first)) = (distillation.warm_start, networks.first()) {
        save_record(first, &run.file(START_FILE))?;
    }
    write_soft_targets(run, &targets)?;
    Ok(targets)
}

/// Says so if the run in a folder has learned from faces that another, which is to learn from it, keeps aside.
pub fn check_held_out(folder: &Path, pupil: &Configuration) -> anyhow::Result<()> {
    let (_, run) = RunFolder::open(folder).context("no run to learn from")?;
    let (kept, needed) = (run.held_out.unwrap_or(0.0), pupil.held_out.unwrap_or(0.0));
    ensure!(
        kept >= needed,
        "{}: this network has learned from faces that are to be kept aside now; train it with --held-out {needed} too",
        folder.display()
    );
    Ok(())
}

/// The network of a finished run.
fn network(folder: &Path) -> anyhow::Result<Network> {
    let (run, configuration) = RunFolder::open(folder).context("no run to learn from")?;
    Ok(load_record(configuration.architecture()?.into(), &run.file(RECORD_FILE))?)
}

/// The run of a teacher that a student's recipe names, begun or new: the same faces and hardware, its own recipe, and for
/// every teacher of a student another seed. A student that is to train for fewer epochs than its recipe says has a teacher
/// that trains for no more.
pub fn open_or_create(
    folder: &Path,
    name: &str,
    index: u64,
    student: &Configuration,
) -> anyhow::Result<(RunFolder, Configuration)> {
    if folder.join("config.toml").exists() {
        return Ok(RunFolder::open(folder)?);
    }
    let architecture = Architecture::find(name)
        .and_then(|architecture| architecture.with_labels(student.labels))
        .with_context(|| format!("the teacher `{name}`"))?;
    let shortened = student.epochs < student.architecture()?.recipe.epochs;
    let most = if shortened { student.epochs } else { usize::MAX };
    let configuration = Configuration {
        epochs: architecture.recipe.epochs.min(most),
        batch_size: architecture.recipe.batch_size,
        seed: student.seed.wrapping_add(index),
        start: None,
        started_from: None,
        architecture_file: format!("{}.toml", name.trim_end_matches(".toml")),
        architecture: architecture.source.clone(),
        ..student.clone()
    };
    Ok((RunFolder::create(folder, &configuration)?, configuration))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::SyntheticFaces, training::read_soft_targets};

    #[test]
    fn a_teacher_has_its_own_recipe_and_the_next_seed_and_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let architecture = Architecture::find("levorse").expect("built in");
        let student = Configuration {
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
        let hurried = Configuration { epochs: 3, ..student.clone() };
        let (_, short) = open_or_create(&folder.path().join("short"), "levorse", 0, &hurried).expect("new");
        assert_eq!((short.seed, short.epochs), (7, 3));
        let error = open_or_create(&folder.path().join("none"), "lenet", 0, &student).expect_err("unknown");
        assert!(format!("{error:#}").contains("the teacher `lenet`"), "{error:#}");
    }

    #[test]
    fn a_folder_without_a_run_teaches_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = network(folder.path()).expect_err("empty");
        assert!(format!("{error:#}").contains("no run to learn from"), "{error:#}");
    }

    #[test]
    fn answers_and_the_first_teachers_weights_for_a_warm_start_stay_in_the_students_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Source::Synthetic(SyntheticFaces { training: 9, validation: 1, ..Default::default() });
        let student =
            Configuration::new(&Architecture::find("levorse").expect("built in"), "a.toml", 7, None, "".into());
        let (run, _) = open_or_create(&folder.path().join("student"), "levorse", 0, &student).expect("new");
        let teacher = folder.path().join("teacher");
        let (taught, configuration) = open_or_create(&teacher, "levorse", 3, &student).expect("new");
        let architecture = configuration.architecture().expect("sound").into();
        save_record(&Network::new(architecture, 3, &Default::default()), &taught.file(RECORD_FILE)).expect("written");
        for warm_start in [false, true] {
            let distillation = Distillation { share: 0.5, temperature: 2.0, warm_start, same_views: false };
            let targets = ask(std::slice::from_ref(&teacher), &run, distillation, &source, &student).expect("answers");
            assert_eq!(targets.len(), 9);
            assert_eq!(read_soft_targets(&run, 9), Some(targets));
            assert_eq!(run.file(START_FILE).exists(), warm_start);
        }
        let begins =
            load_record(student.architecture().expect("sound").into(), &run.file(START_FILE)).expect("weights");
        assert_eq!(begins.to_float_network(), network(&teacher).expect("a run").to_float_network());
    }

    #[test]
    fn teachers_that_see_the_same_views_are_kept_in_the_pupils_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Source::Synthetic(SyntheticFaces { training: 2, validation: 1, ..Default::default() });
        let student =
            Configuration::new(&Architecture::find("levorse").expect("built in"), "a.toml", 7, None, "".into());
        let (run, _) = open_or_create(&folder.path().join("student"), "levorse", 0, &student).expect("new");
        let paths = ["one", "two"].map(|name| folder.path().join(name));
        for (index, path) in paths.iter().enumerate() {
            let (taught, configuration) = open_or_create(path, "levorse", index as u64, &student).expect("new");
            let architecture = configuration.architecture().expect("sound").into();
            let network = Network::new(architecture, index as u64, &Default::default());
            save_record(&network, &taught.file(RECORD_FILE)).expect("written");
        }
        let distillation = Distillation { share: 0.5, temperature: 2.0, warm_start: false, same_views: true };
        let learned = || learn(&paths, &run, distillation, &source, &student);
        let first = learned().expect("two networks");
        assert!(first.soft_targets.is_none() && first.networks.len() == 2);
        for (path, network) in paths.iter().zip(&first.networks) {
            assert_eq!(network.to_float_network(), super::network(path).expect("a run").to_float_network());
            std::fs::remove_dir_all(path).expect("gone");
        }
        let again = learned().expect("kept");
        for (again, first) in again.networks.iter().zip(&first.networks) {
            assert_eq!(again.to_float_network(), first.to_float_network());
        }
    }

    #[test]
    fn what_has_learned_from_faces_that_are_kept_aside_neither_teaches_nor_begins() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = |name: &str, held_out| {
            let levorse = Architecture::find("levorse").expect("built in");
            let configuration =
                Configuration { held_out, ..Configuration::new(&levorse, "a.toml", 7, None, "".into()) };
            let path = folder.path().join(name);
            RunFolder::create(&path, &configuration).expect("new");
            (path, configuration)
        };
        let (all, knows_all) = run("all", None);
        let (less, keeps_tenth) = run("less", Some(0.1));
        check_held_out(&less, &keeps_tenth).expect("the same faces");
        check_held_out(&less, &knows_all).expect("fewer faces");
        let error = check_held_out(&all, &keeps_tenth).expect_err("has seen them").to_string();
        assert!(error.contains("--held-out 0.1"), "{error}");
    }
}
