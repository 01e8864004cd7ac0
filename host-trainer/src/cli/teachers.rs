//! Teachers, for recipes with a `distillation`: their runs, and what they think of the training faces.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{faces::relabel, progress};
use crate::{
    architecture::{Architecture, Distillation},
    data::{LabelSet, Source, Split},
    export::RECORD_FILE,
    files,
    network::Network,
    training::{
        Configuration, RunFolder, START_FILE, SoftTargets, contents_text, keep_teachers, load_record, save_record,
        soft_targets, teacher_folder, write_soft_targets,
    },
};

/// What a run learns from teachers.
#[derive(Debug, Default)]
pub struct Taught {
    /// Their answers to the training faces as they are.
    pub soft_targets: Option<SoftTargets>,
    /// The teachers' networks, to be asked about every view.
    pub networks: Vec<Network>,
}

/// Checks that the run in `folder` can teach `pupil`; a teacher that is asked about the pupil's own views must see them as
/// the pupil does.
pub fn check(
    folder: &Path,
    teacher: &Configuration,
    pupil: &Configuration,
    distillation: Distillation,
) -> anyhow::Result<()> {
    let name = folder.display();
    ensure!(
        teacher.labels.count() <= pupil.labels.count(),
        "{name}: this teacher knows more emotions than its pupil; train the pupil with --labels ferplus"
    );
    ensure!(
        !distillation.same_views || teacher.architecture()?.preprocessing == pupil.architecture()?.preprocessing,
        "{name}: this teacher has another `preprocessing` than its pupil and cannot be shown the pupil's views; teach \
         without `same_views`"
    );
    check_held_out(folder, teacher, pupil)
}

/// Takes what `run` needs of its teachers, and keeps it in the folder of `run`: the networks if they are to see the same views,
/// else their answers; for a warm start also the weights of the first. Nothing is kept of teachers that do not suit.
pub fn learn(
    teachers: &[PathBuf],
    run: &RunFolder,
    distillation: Distillation,
    source: &Source,
    configuration: &Configuration,
) -> anyhow::Result<Taught> {
    let mut networks = Vec::with_capacity(teachers.len());
    for (index, folder) in teachers.iter().enumerate() {
        let kept = teacher_folder(run.path(), index);
        // Networks that see the same views are copied; for answers alone, no network is copied.
        let copied = distillation.same_views && kept.join(RECORD_FILE).exists();
        let folder = if copied { &kept } else { folder };
        let (teacher, its) = RunFolder::open(folder).context("no run to learn from")?;
        check(folder, &its, configuration, distillation)?;
        let contents = contents_of(&teacher)?;
        ensure!(
            configuration.teachers_contents.get(index).is_none_or(|known| *known == contents),
            "{}: this is not the network that has taught the run so far",
            folder.display()
        );
        networks.push(load_record(its.architecture()?.into(), &teacher.file(RECORD_FILE))?);
    }
    // A run that was begun with --start has its weights already.
    let warm = distillation.warm_start && configuration.started_from.is_none();
    if let (true, Some(first)) = (warm, networks.first()) {
        save_record(first, &run.file(START_FILE))?;
    }
    if distillation.same_views {
        keep_teachers(teachers, run.path())?;
        return Ok(Taught { networks, ..Taught::default() });
    }
    let answers = ask(&networks, distillation.temperature, source, configuration)?;
    write_soft_targets(run, &answers)?;
    Ok(Taught { soft_targets: Some(answers), ..Taught::default() })
}

/// Checksums of the networks of finished runs, by which a run knows its teachers.
pub fn contents(teachers: &[PathBuf]) -> anyhow::Result<Vec<String>> {
    let of = |folder: &PathBuf| contents_of(&RunFolder::open(folder).context("no run to learn from")?.0);
    teachers.iter().map(of).collect()
}

fn contents_of(run: &RunFolder) -> anyhow::Result<String> {
    let file = run.file(RECORD_FILE);
    Ok(contents_text(files::contents(&file).with_context(|| file.display().to_string())?))
}

/// Asks the networks about every training face.
fn ask(
    networks: &[Network],
    temperature: f32,
    source: &Source,
    configuration: &Configuration,
) -> anyhow::Result<SoftTargets> {
    let mut dataset = source.read(&mut |_, _| {})?;
    if configuration.labels == LabelSet::FerPlus {
        let votes = configuration.votes.as_deref().map(Path::new);
        relabel(source, votes, Split::Training, dataset.faces_mut(Split::Training))?;
    }
    let faces = dataset.require(Split::Training)?;
    let bar = progress::bar("asking teachers", "faces")?;
    // Each sees the face and its mirror image.
    bar.set_length(2 * (faces.len() * networks.len()) as u64);
    let targets = soft_targets(networks, &faces.pixels, temperature, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    Ok(targets)
}

/// Checks that a run has not learned from faces that its pupil keeps aside.
pub fn check_held_out(folder: &Path, run: &Configuration, pupil: &Configuration) -> anyhow::Result<()> {
    let (kept, needed) = (run.held_out.unwrap_or(0.0), pupil.held_out.unwrap_or(0.0));
    ensure!(
        kept >= needed,
        "{}: this network has learned from faces that are to be kept aside now; train it with --held-out {needed} too",
        folder.display()
    );
    Ok(())
}

/// The run of a teacher that a student's recipe names, begun or new: the same faces and hardware, its own recipe, and for
/// every teacher of a student another seed. A student that is to train for fewer epochs than its recipe says has a teacher
/// that trains for no more. A teacher whose own teachers are all among the `finished` ones of this student learns from these.
pub fn open_or_create(
    folder: &Path,
    name: &str,
    index: u64,
    student: &Configuration,
    finished: &[(&str, PathBuf)],
) -> anyhow::Result<(RunFolder, Configuration)> {
    if RunFolder::is_run(folder) {
        return Ok(RunFolder::resume(folder)?);
    }
    let architecture = Architecture::find(name)
        .and_then(|architecture| architecture.with_labels(student.labels))
        .with_context(|| format!("the teacher `{name}`"))?;
    let shortened = student.epochs < student.architecture()?.recipe.epochs;
    let most = if shortened { student.epochs } else { usize::MAX };
    let run_of = |name: &String| finished.iter().find(|(other, _)| other == name).map(|(_, folder)| folder.clone());
    let its_own: Option<Vec<PathBuf>> = architecture.recipe.teachers.iter().map(run_of).collect();
    let its_own = its_own.unwrap_or_default();
    let configuration = Configuration {
        teachers_contents: contents(&its_own)?,
        teachers: its_own.iter().map(|folder| folder.display().to_string()).collect(),
        epochs: architecture.recipe.epochs.min(most),
        batch_size: architecture.recipe.batch_size,
        seed: student.seed.wrapping_add(index),
        start: None,
        started_from: None,
        start_contents: None,
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
        let (_, teacher) = open_or_create(&path, "levorse", 1, &student, &[]).expect("new");
        assert_eq!((teacher.seed, teacher.epochs, teacher.batch_size), (8, 20, 32));
        assert_eq!((teacher.architecture_file.as_str(), teacher.votes.as_deref()), ("levorse.toml", Some("votes.csv")));
        let (_, again) = open_or_create(&path, "levorse", 5, &student, &[]).expect("there");
        assert_eq!(again, teacher);
        let hurried = Configuration { epochs: 3, ..student.clone() };
        let (_, short) = open_or_create(&folder.path().join("short"), "levorse", 0, &hurried, &[]).expect("new");
        assert_eq!((short.seed, short.epochs), (7, 3));
        let error = open_or_create(&folder.path().join("none"), "lenet", 0, &student, &[]).expect_err("unknown");
        assert!(format!("{error:#}").contains("the teacher `lenet`"), "{error:#}");
    }

    #[test]
    fn a_teacher_learns_from_its_students_other_teachers_where_all_of_its_own_are_among_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        finished(&path("mentor"), 1, |_| {});
        let edge = |name: &str, finished: &[(&str, PathBuf)]| {
            let (_, its) = open_or_create(&path(name), "edge", 1, &pupil(), finished).expect("new");
            (its.teachers, its.teachers_contents.len())
        };
        let mentor = path("mentor");
        assert_eq!(
            edge("a", &[("pico", path("none")), ("mentor", mentor.clone())]),
            (vec![mentor.display().to_string()], 1)
        );
        assert_eq!(edge("b", &[("pico", path("none"))]), (vec![], 0));
    }

    /// A finished run of levorse with fresh weights.
    fn finished(folder: &Path, seed: u64, change: impl FnOnce(&mut Configuration)) -> Network {
        let mut configuration = pupil();
        change(&mut configuration);
        let run = RunFolder::create(folder, &configuration).expect("new");
        let architecture = configuration.architecture().expect("sound").into();
        let network = Network::new(architecture, seed, &Default::default());
        save_record(&network, &run.file(RECORD_FILE)).expect("written");
        network
    }

    fn pupil() -> Configuration {
        Configuration::new(&Architecture::find("levorse").expect("built in"), "a.toml", 7, None, "".into())
    }

    fn distillation(same_views: bool) -> Distillation {
        Distillation { share: 0.5, temperature: 2.0, warm_start: false, same_views, views: None }
    }

    fn drawn() -> Source {
        Source::Synthetic(SyntheticFaces { training: 9, validation: 1, ..Default::default() })
    }

    #[test]
    fn a_folder_without_a_run_teaches_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::create(&folder.path().join("pupil"), &pupil()).expect("new");
        let teachers = [folder.path().join("none")];
        let error = learn(&teachers, &run, distillation(true), &drawn(), &pupil()).expect_err("empty");
        assert!(format!("{error:#}").contains("no run to learn from"), "{error:#}");
    }

    #[test]
    fn answers_and_the_first_teachers_weights_for_a_warm_start_stay_in_the_pupils_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::create(&folder.path().join("pupil"), &pupil()).expect("new");
        let teacher = folder.path().join("teacher");
        let network = finished(&teacher, 3, |_| {});
        for warm_start in [false, true] {
            let distillation = Distillation { warm_start, ..distillation(false) };
            let taught =
                learn(std::slice::from_ref(&teacher), &run, distillation, &drawn(), &pupil()).expect("answers");
            assert_eq!(taught.soft_targets.as_ref().map(Vec::len), Some(9));
            assert_eq!(read_soft_targets(&run, 9), taught.soft_targets);
            assert_eq!(run.file(START_FILE).exists(), warm_start);
        }
        let begins =
            load_record(pupil().architecture().expect("sound").into(), &run.file(START_FILE)).expect("weights");
        assert_eq!(begins.to_float_network(), network.to_float_network());
    }

    #[test]
    fn weights_that_were_named_take_the_place_of_a_warm_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let pupil = Configuration { started_from: Some("another".into()), ..pupil() };
        let run = RunFolder::create(&folder.path().join("pupil"), &pupil).expect("new");
        std::fs::write(run.file(START_FILE), "those of another").expect("written");
        let teacher = folder.path().join("teacher");
        finished(&teacher, 3, |_| {});
        for same_views in [false, true] {
            let warm = Distillation { warm_start: true, ..distillation(same_views) };
            learn(std::slice::from_ref(&teacher), &run, warm, &drawn(), &pupil).expect("taught");
            assert_eq!(std::fs::read(run.file(START_FILE)).expect("there"), b"those of another");
        }
    }

    #[test]
    fn teachers_that_see_the_same_views_are_kept_in_the_pupils_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::create(&folder.path().join("pupil"), &pupil()).expect("new");
        let paths = ["one", "two"].map(|name| folder.path().join(name));
        let networks = [0, 1].map(|seed| finished(&paths[seed as usize], seed, |_| {}));
        // The second time they are no longer where they were.
        for _ in 0..2 {
            let taught = learn(&paths, &run, distillation(true), &drawn(), &pupil()).expect("two networks");
            assert!(taught.soft_targets.is_none() && taught.networks.len() == 2);
            for (taught, network) in taught.networks.iter().zip(&networks) {
                assert_eq!(taught.to_float_network(), network.to_float_network());
            }
            for path in paths.iter().filter(|path| path.exists()) {
                std::fs::remove_dir_all(path).expect("gone");
            }
        }
    }

    #[test]
    fn a_teacher_that_does_not_suit_is_named_and_nothing_is_kept_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = RunFolder::create(&folder.path().join("pupil"), &pupil()).expect("new");
        let eight = Architecture::find("levorse").expect("built in").with_labels(LabelSet::FerPlus).expect("dense");
        let refused = |name: &str, teacher: &dyn Fn(&mut Configuration), pupil: &Configuration, same_views: bool| {
            let path = folder.path().join(format!("{name}-{same_views}"));
            finished(&path, 1, teacher);
            let paths = [folder.path().join("suits"), path];
            let warm = Distillation { warm_start: true, ..distillation(same_views) };
            let error = learn(&paths, &run, warm, &drawn(), pupil).expect_err("does not suit");
            assert!(error.to_string().contains(&format!("{name}-{same_views}")), "it is named: {error}");
            assert!(!teacher_folder(run.path(), 0).exists() && !run.file(START_FILE).exists());
            assert!(read_soft_targets(&run, 9).is_none());
            error.to_string()
        };
        finished(&folder.path().join("suits"), 1, |configuration| configuration.held_out = Some(0.2));
        let keeps_tenth = Configuration { held_out: Some(0.1), ..pupil() };
        for same_views in [true, false] {
            let more = |teacher: &mut Configuration| {
                (teacher.architecture, teacher.labels) = (eight.source.clone(), LabelSet::FerPlus);
            };
            assert!(refused("more", &more, &pupil(), same_views).contains("--labels ferplus"));
            assert!(refused("all", &|_| {}, &keeps_tenth, same_views).contains("--held-out 0.1"));
        }
        let other = |teacher: &mut Configuration| {
            let (local, global) = ("kind = \"local\"", "kind = \"global\"");
            teacher.architecture = teacher.architecture.replace(local, global);
        };
        assert!(refused("other", &other, &pupil(), true).contains("`same_views`"));
        let paths = [folder.path().join("other-true")];
        learn(&paths, &run, distillation(false), &drawn(), &pupil()).expect("is shown the faces in its own way");
    }

    #[test]
    fn what_has_learned_from_faces_that_are_kept_aside_neither_teaches_nor_begins() {
        let all = pupil();
        let keeps_tenth = Configuration { held_out: Some(0.1), ..pupil() };
        let check = |run, pupil| check_held_out(Path::new("run"), run, pupil);
        check(&keeps_tenth, &keeps_tenth).expect("the same faces");
        check(&keeps_tenth, &all).expect("fewer faces");
        let error = check(&all, &keeps_tenth).expect_err("has seen them").to_string();
        assert!(error.contains("--held-out 0.1"), "{error}");
    }
}
