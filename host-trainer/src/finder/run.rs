//! The folder of a finder's training: what it is made from, and what is made already.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::finder::Tree;

use super::{material::Material, recipe::FinderRecipe, report::Report};
use crate::{
    architecture::Architecture,
    files::{lock, write_atomically},
};

/// Everything that determines a finder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinderConfiguration {
    /// Number and checksum of the faces and their eyes.
    pub faces: String,
    /// Number and checksum of the photographs, those kept aside too.
    pub photographs: String,
    /// The recipe.
    pub recipe: FinderRecipe,
    /// The architecture file of the network that confirms.
    pub confirm_network: String,
    /// The architecture file of the network that places eyes.
    pub eyes_network: String,
}

impl FinderConfiguration {
    /// Of a recipe and what it learns from; `kept` are the photographs kept aside.
    ///
    /// # Errors
    /// If the recipe names a network that there is not.
    pub fn new(recipe: &FinderRecipe, material: &Material, kept: &Material) -> anyhow::Result<Self> {
        let source = |name: &str| anyhow::Ok(Architecture::find(name)?.source.clone());
        Ok(Self {
            faces: material.describe_faces(),
            photographs: format!("{}; aside {}", material.describe_pictures(), kept.describe_pictures()),
            recipe: recipe.clone(),
            confirm_network: source(&recipe.confirm.network)?,
            eyes_network: source(&recipe.eyes.network)?,
        })
    }

    /// The first difference to another one, in words.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let differences = [
            (self.recipe != other.recipe, "settings (recipe)"),
            (self.confirm_network != other.confirm_network, "layers of the network that confirms"),
            (self.eyes_network != other.eyes_network, "layers of the network that places eyes"),
            (self.faces != other.faces, "faces or eyes"),
            (self.photographs != other.photographs, "photographs"),
        ];
        differences.into_iter().find_map(|(differs, what)| differs.then_some(what))
    }
}

/// The folder of one finder. No other program makes one there meanwhile.
#[derive(Debug)]
pub struct FinderRun {
    folder: PathBuf,
    _lock: Option<File>,
}

const CONFIGURATION: &str = "config.toml";
const REPORT: &str = "report.toml";
const TREES: &str = "trees.bin";

impl FinderRun {
    /// Opens a run, or begins it.
    ///
    /// # Errors
    /// If another program works in the folder, or what lies there was made from something else.
    pub fn open(folder: &Path, configuration: &FinderConfiguration) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let run = Self { folder: folder.into(), _lock: lock_folder(folder)? };
        let place = folder.display();
        match run.read_toml::<FinderConfiguration>(CONFIGURATION)? {
            Some(known) => {
                if let Some(what) = known.difference(configuration) {
                    bail!("{place}: the finder there is made from other {what}; choose another folder with --out");
                }
            }
            None if [TREES, "finder.ferf", "confirm.burnpack", "eyes.burnpack"]
                .iter()
                .any(|name| run.file(name).exists()) =>
            {
                bail!(
                    "{place}: holds parts of a finder whose {CONFIGURATION} is gone; choose another folder with --out"
                );
            }
            None => run.write(CONFIGURATION, toml::to_string(configuration)?.as_bytes())?,
        }
        Ok(run)
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file of the folder, whole.
    ///
    /// # Errors
    /// The system's, with the file's name.
    pub fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let file = self.file(name);
        write_atomically(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
    }

    /// What was reported so far.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn report(&self) -> anyhow::Result<Report> {
        Ok(self.read_toml(REPORT)?.unwrap_or_default())
    }

    /// Keeps what was reported, as data and for people.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_report(&self, report: &Report, recipe: &str) -> anyhow::Result<()> {
        self.write(REPORT, toml::to_string(report)?.as_bytes())?;
        self.write("report.md", report.markdown(recipe).as_bytes())
    }

    /// The trees, if they are made already.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn trees(&self) -> anyhow::Result<Option<Vec<Tree>>> {
        let file = self.file(TREES);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| file.display().to_string()),
        };
        let trees = bytes.chunks_exact(size_of::<Tree>());
        if bytes.is_empty() || !trees.remainder().is_empty() {
            bail!("{}: damaged; delete it, and the trees are made again", file.display());
        }
        Ok(Some(trees.map(bytemuck::pod_read_unaligned).collect()))
    }

    /// Keeps the trees.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_trees(&self, trees: &[Tree]) -> anyhow::Result<()> {
        self.write(TREES, bytemuck::cast_slice(trees))
    }

    fn read_toml<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let file = self.file(name);
        match fs::read_to_string(&file) {
            Ok(text) => toml::from_str(&text).map(Some).with_context(|| format!("{} is damaged", file.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| file.display().to_string()),
        }
    }
}

fn lock_folder(folder: &Path) -> anyhow::Result<Option<File>> {
    let file = folder.join("lock");
    match lock(&file) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            bail!(
                "{}: another program makes a finder there; wait for it, or choose another folder with --out",
                folder.display()
            )
        }
        locked => locked.with_context(|| file.display().to_string()),
    }
}
