//! The TOML of an architecture file, as serde reads and writes it; layers are tables of their own
//! ([`LayerTable`]).

use serde::{Deserialize, Serialize};
use shared::preprocessing::Preprocessing;

use super::super::Recipe;
use crate::operators::LayerTable;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub name: String,
    /// Rows and columns of what the network sees, if it is no classifier of faces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_size: Option<u16>,
    pub preprocessing: PreprocessingFile,
    pub recipe: Recipe,
    pub layer: Vec<LayerTable>,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PreprocessingFile {
    Local { sigma_floor: f64 },
    Global { sigma_floor: f64 },
    LocalAndGlobal { local_floor: f64, global_floor: f64 },
    Grey { divisor: u16 },
}

impl PreprocessingFile {
    pub fn build(self) -> Result<Preprocessing, String> {
        let floor = |key: &str, floor: f64| match floor {
            floor if (0.0..256.0).contains(&floor) => Ok((floor * 256.0).round().min(65535.0) as u16),
            floor => Err(format!("`{key}` is {floor}; it must be in 0..256 grey levels")),
        };
        Ok(match self {
            Self::Local { sigma_floor } => Preprocessing::Local { sigma_floor: floor("sigma_floor", sigma_floor)? },
            Self::Global { sigma_floor } => Preprocessing::Global { sigma_floor: floor("sigma_floor", sigma_floor)? },
            Self::LocalAndGlobal { local_floor, global_floor } => Preprocessing::LocalAndGlobal {
                local_floor: floor("local_floor", local_floor)?,
                global_floor: floor("global_floor", global_floor)?,
            },
            Self::Grey { divisor: 0 } => return Err("`divisor` must be at least 1".into()),
            Self::Grey { divisor } => Preprocessing::Grey { divisor },
        })
    }

    pub fn describe(preprocessing: Preprocessing) -> Self {
        let levels = |floor: u16| f64::from(floor) / 256.0;
        match preprocessing {
            Preprocessing::Local { sigma_floor } => Self::Local { sigma_floor: levels(sigma_floor) },
            Preprocessing::Global { sigma_floor } => Self::Global { sigma_floor: levels(sigma_floor) },
            Preprocessing::LocalAndGlobal { local_floor, global_floor } => {
                Self::LocalAndGlobal { local_floor: levels(local_floor), global_floor: levels(global_floor) }
            }
            Preprocessing::Grey { divisor } => Self::Grey { divisor },
        }
    }
}
