//! What was asked for.

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
    /// The file in the run's folder with the weights it begins with; fresh ones without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
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
            start: None,
            data_description: description,
            epochs: architecture.recipe.epochs,
            batch_size: architecture.recipe.batch_size,
            seed,
            hardware: Hardware::default(),
            architecture_file: file.into(),
            architecture: architecture.source.clone(),
        }
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
        let lengths = format!("{} {} {} {}", self.data_description, self.epochs, self.batch_size, self.seed);
        u64::from(crc32(lengths.as_bytes())) << 32 | u64::from(crc32(self.architecture.as_bytes()))
    }
}
