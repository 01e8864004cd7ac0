//! The configuration of a run.

use std::path::Path;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shared::checksum::crc32;

use crate::{
    architecture::{Architecture, ArchitectureError},
    data::LabelSet,
    device::Hardware,
};

/// Everything that determines a run; `config.toml` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Where the faces come from, as the user can name it again (`--data`); `None` for synthetic faces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Whether the faces are found in photographs (`--find-faces`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub find_faces: bool,
    /// The finder file that finds them (`--finder`); `None` for the one that comes with the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finder: Option<String>,
    /// What the faces are labelled with (`--labels`); FER+ labels come from the votes.
    #[serde(default, skip_serializing_if = "LabelSet::is_fer2013")]
    pub labels: LabelSet,
    /// The file of the FER+ votes (`--votes`), if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<String>,
    /// The folders of the runs whose networks teach (`--teachers`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teachers: Vec<String>,
    /// Share of the training faces that is kept aside and validated on, instead of `PublicTest` (`--held-out`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
    /// Whether validation faces that have a near twin among the training faces choose nothing: no epoch, no temperature, no
    /// threshold. Runs that were begun before this was asked, and the paper's experiments, choose by all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// The file in the run's folder with the weights it begins with; fresh ones without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The folder of the run whose weights those are (`--start`), if it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_from: Option<String>,
    /// What the faces are, in words.
    pub data_description: String,
    /// A checksum of the faces themselves, in hexadecimal ([`Dataset::contents`](crate::data::Dataset::contents)); runs of older
    /// programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_contents: Option<String>,
    /// The same of the votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes_contents: Option<String>,
    /// The same of each teacher's network, where teachers were named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teachers_contents: Vec<String>,
    /// The same of the weights that it begins with, where a run was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_contents: Option<String>,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images per step.
    pub batch_size: usize,
    /// Seed of the weights, of the order of the images and of dropout.
    pub seed: u64,
    /// The hardware that it runs on.
    #[serde(default, skip_serializing_if = "Hardware::is_cpu")]
    pub hardware: Hardware,
    /// Name of the architecture file, for errors.
    pub architecture_file: String,
    /// The whole architecture file.
    pub architecture: String,
}

impl Configuration {
    /// The recipe's lengths and the network's labels, with `seed`.
    pub fn new(architecture: &Architecture, file: &str, seed: u64, data: Option<String>, description: String) -> Self {
        Self {
            data,
            find_faces: false,
            finder: None,
            labels: architecture.labels(),
            votes: None,
            teachers: Vec::new(),
            held_out: None,
            apart: false,
            start: None,
            started_from: None,
            data_description: description,
            data_contents: None,
            votes_contents: None,
            teachers_contents: Vec::new(),
            start_contents: None,
            epochs: architecture.recipe.epochs,
            batch_size: architecture.recipe.batch_size,
            seed,
            hardware: Hardware::default(),
            architecture_file: file.into(),
            architecture: architecture.source.clone(),
        }
    }

    /// The command that repeats the run, into the folder `out`.
    pub fn command(&self, out: &Path) -> String {
        let labels = (self.labels == LabelSet::FerPlus).then(|| "ferplus".to_string());
        let teachers = (!self.teachers.is_empty()).then(|| self.teachers.join(","));
        let device = self.hardware.to_possible_value().filter(|_| !self.hardware.is_cpu());
        let device = device.map(|value| value.get_name().to_string());
        // A file may have the name of a network that is built in, and be another.
        let name = self.architecture_file.trim_end_matches(".toml");
        let built_in = Architecture::find(name).and_then(|found| found.with_labels(self.labels));
        let is_built_in = built_in.is_ok_and(|found| found.source == self.architecture);
        let architecture = if is_built_in { name } else { &self.architecture_file };
        let found = if self.find_faces { " --find-faces" } else { "" };
        let options = [
            ("data", self.data.as_ref().map(|data| format!("{data}{found}"))),
            ("finder", self.finder.clone()),
            ("labels", labels),
            ("votes", self.votes.clone()),
            ("teachers", teachers),
            ("held-out", self.held_out.map(|share| share.to_string())),
            ("start", self.started_from.clone()),
            ("device", device),
            ("architecture", Some(architecture.to_string())),
            ("epochs", Some(self.epochs.to_string())),
            ("batch-size", Some(self.batch_size.to_string())),
            ("seed", Some(self.seed.to_string())),
            ("out", Some(out.display().to_string())),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some(format!(" --{name} {}", value?)));
        given.fold("cargo run --release -p host-trainer -- train".into(), |command, option| command + &option)
    }

    /// What the faces and their labels are, in words.
    pub fn faces(&self) -> String {
        self.labels.describe(&self.data_description)
    }

    /// The network of this run.
    ///
    /// # Errors
    /// [`ArchitectureError`] if somebody edited it into something else.
    pub fn architecture(&self) -> Result<Architecture, ArchitectureError> {
        Architecture::parse(&self.architecture_file, &self.architecture)
    }

    /// A number that changes with anything that determines the weights; it travels in the model file. Where faces, votes and
    /// weights are known by their contents, their names do not matter.
    pub fn hash(&self) -> u64 {
        let data = self.data_contents.as_ref().unwrap_or(&self.data_description);
        let mut lengths = format!("{data} {} {} {}", self.epochs, self.batch_size, self.seed);
        lengths.extend(self.held_out.map(|share| format!(" {share}")));
        lengths.extend(self.apart.then_some(" apart"));
        lengths.extend(self.votes_contents.iter().map(|votes| format!(" votes {votes}")));
        lengths.extend(self.teachers_contents.iter().map(|teacher| format!(" teacher {teacher}")));
        lengths.extend(self.start_contents.iter().map(|start| format!(" start {start}")));
        if !self.hardware.is_cpu() {
            lengths.push_str(&format!(" {:?}", self.hardware));
        }
        u64::from(crc32(lengths.as_bytes())) << 32 | u64::from(crc32(self.architecture.as_bytes()))
    }

    /// The first difference to another run, in words; `None` if there is none. Faces, votes, teachers and weights at the
    /// start are compared by their contents, where both runs know these, and by their names otherwise.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let contents = |ours: &Option<String>, others: &Option<String>, same_name: bool| match (ours, others) {
            (Some(ours), Some(others)) => ours == others,
            _ => same_name,
        };
        let same_data = (&self.data, &self.data_description) == (&other.data, &other.data_description);
        let same_teachers = match (self.teachers_contents.is_empty(), other.teachers_contents.is_empty()) {
            (false, false) => self.teachers_contents == other.teachers_contents,
            _ => self.teachers == other.teachers,
        };
        let same_start = (&self.start, &self.started_from) == (&other.start, &other.started_from);
        let compared = [
            ("the network or its recipe", self.architecture == other.architecture),
            ("the faces", contents(&self.data_contents, &other.data_contents, same_data)),
            ("the labels", self.labels == other.labels),
            ("the votes", contents(&self.votes_contents, &other.votes_contents, self.votes == other.votes)),
            ("the teachers", same_teachers),
            ("the share of the faces kept aside", self.held_out == other.held_out),
            ("which faces choose", self.apart == other.apart),
            ("the weights at the start", contents(&self.start_contents, &other.start_contents, same_start)),
            ("the number of epochs", self.epochs == other.epochs),
            ("the images a step", self.batch_size == other.batch_size),
            ("the seed", self.seed == other.seed),
            ("the device", self.hardware == other.hardware),
        ];
        compared.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
    }
}

/// What is off is not written, so that older runs mean what they meant.
fn is_false(value: &bool) -> bool {
    !value
}

/// The number of something's contents as a configuration keeps it.
pub fn contents_text(contents: u64) -> String {
    format!("{contents:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_run_names_what_differs_from_the_default() {
        let levorse = Architecture::find("levorse").expect("built in");
        let plain = Configuration::new(&levorse, "levorse.toml", 3, None, "synthetic".into());
        let train = "cargo run --release -p host-trainer -- train";
        let rest = "--epochs 20 --batch-size 32 --seed 3 --out runs/a";
        assert_eq!(plain.command(Path::new("runs/a")), format!("{train} --architecture levorse {rest}"));
        let changed = levorse.source.replace("rate = 0.5", "rate = 0.4");
        assert_ne!(changed, levorse.source);
        let run = Configuration {
            data: Some("faces.csv".into()),
            votes: Some("votes.csv".into()),
            teachers: vec!["a".into(), "b".into()],
            held_out: Some(0.1),
            started_from: Some("runs/edge".into()),
            architecture: changed,
            ..plain.clone()
        };
        let options = "--data faces.csv --votes votes.csv --teachers a,b --held-out 0.1 --start runs/edge --architecture levorse.toml";
        assert_eq!(run.command(Path::new("runs/a")), format!("{train} {options} {rest}"));
        let finder = Some("mine.ferf".into());
        let found = Configuration { data: Some("photos".into()), find_faces: true, finder, ..plain.clone() };
        let options = "--data photos --find-faces --finder mine.ferf --architecture levorse";
        assert_eq!(found.command(Path::new("runs/a")), format!("{train} {options} {rest}"));
        let eight = levorse.with_labels(LabelSet::FerPlus).expect("dense");
        let eight = Configuration::new(&eight, "levorse.toml", 3, None, "synthetic".into());
        assert_eq!(
            eight.command(Path::new("runs/a")),
            format!("{train} --labels ferplus --architecture levorse {rest}")
        );
    }

    #[test]
    fn runs_differ_by_contents_and_not_by_the_names_of_files() {
        let levorse = Architecture::find("levorse").expect("built in");
        let old = Configuration::new(&levorse, "levorse.toml", 3, Some("d".into()), "d".into());
        let known = Configuration {
            data_contents: Some(contents_text(5)),
            votes: Some("votes.csv".into()),
            votes_contents: Some(contents_text(6)),
            teachers: vec!["runs/a".into()],
            teachers_contents: vec![contents_text(7)],
            start: Some("start.burnpack".into()),
            started_from: Some("runs/b".into()),
            start_contents: Some(contents_text(8)),
            ..old.clone()
        };
        let moved = Configuration {
            data: Some("./d".into()),
            data_description: "./d".into(),
            votes: Some("elsewhere/votes.csv".into()),
            teachers: vec!["elsewhere/a".into()],
            started_from: Some("elsewhere/b".into()),
            ..known.clone()
        };
        assert_eq!((known.difference(&moved), known.hash()), (None, moved.hash()));
        type Change<'a> = (&'static str, &'a dyn Fn(&mut Configuration));
        let changes: [Change<'_>; 8] = [
            ("the network or its recipe", &|run| run.architecture.push('\n')),
            ("the faces", &|run| run.data_contents = Some(contents_text(4))),
            ("the votes", &|run| run.votes_contents = Some(contents_text(4))),
            ("the teachers", &|run| run.teachers_contents = vec![contents_text(4)]),
            ("the weights at the start", &|run| run.start_contents = Some(contents_text(4))),
            ("the share of the faces kept aside", &|run| run.held_out = Some(0.1)),
            ("the number of epochs", &|run| run.epochs = 1),
            ("the seed", &|run| run.seed = 4),
        ];
        for (what, change) in changes {
            let mut changed = known.clone();
            change(&mut changed);
            assert_eq!(known.difference(&changed), Some(what));
            assert_ne!(known.hash(), changed.hash(), "{what}");
        }
        // A run of an older program knows names alone.
        assert_eq!(old.difference(&Configuration { data_contents: Some(contents_text(5)), ..old.clone() }), None);
        let other = Configuration { data: Some("e".into()), data_description: "e".into(), ..old.clone() };
        assert_eq!(old.difference(&other), Some("the faces"));
    }

    #[test]
    fn a_file_of_an_older_program_is_read_and_has_the_hash_it_had() {
        let text = "data = \"fer2013.csv\"\ndata_description = \"fer2013.csv\"\nepochs = 20\nbatch_size = 32\nseed = 1\n\
                    architecture_file = \"a.toml\"\narchitecture = \"name\"\n";
        let old: Configuration = toml::from_str(text).expect("no key is missing");
        let expected = u64::from(crc32(b"fer2013.csv 20 32 1")) << 32 | u64::from(crc32(b"name"));
        assert_eq!(old.hash(), expected);
        let written = toml::to_string(&old).expect("written");
        assert!(!written.contains("contents"), "{written}");
    }
}
