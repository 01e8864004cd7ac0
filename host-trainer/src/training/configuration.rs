//! What was asked for.

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
    /// Passes over the training images.
    pub epochs: usize,
    /// Images a step.
    pub batch_size: usize,
    /// Seed of the weights, of the order of the images and of dropout.
    pub seed: u64,
    /// What it runs on.
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
            labels: architecture.labels(),
            votes: None,
            teachers: Vec::new(),
            held_out: None,
            apart: false,
            start: None,
            started_from: None,
            data_description: description,
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
        let options = [
            ("data", self.data.clone()),
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

    /// A number that changes with anything that determines the weights; it travels in the model file.
    pub fn hash(&self) -> u64 {
        let mut lengths = format!("{} {} {} {}", self.data_description, self.epochs, self.batch_size, self.seed);
        lengths.extend(self.held_out.map(|share| format!(" {share}")));
        lengths.extend(self.apart.then_some(" apart"));
        u64::from(crc32(lengths.as_bytes())) << 32 | u64::from(crc32(self.architecture.as_bytes()))
    }
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
        let eight = levorse.with_labels(LabelSet::FerPlus).expect("dense");
        let eight = Configuration::new(&eight, "levorse.toml", 3, None, "synthetic".into());
        assert_eq!(
            eight.command(Path::new("runs/a")),
            format!("{train} --labels ferplus --architecture levorse {rest}")
        );
    }
}
