//! Architecture files.
//!
//! ```text
//! text.rs    the TOML, as serde reads and writes it
//! layer.rs   layers out of their tables
//! checks.rs  what a network must be as a whole
//! write.rs   the way back
//! ```

mod checks;
mod layer;
mod text;
mod write;

use shared::model::{MOST_NAME_BYTES, is_name};

use super::{Architecture, ArchitectureError};

pub use self::write::write;
use self::{checks::check, layer::build, text::File};

/// The network that `text` describes; `file` names it in errors.
pub fn parse(file: &str, text: &str) -> Result<Architecture, ArchitectureError> {
    let toml_error = |error: toml::de::Error| ArchitectureError::Toml { file: file.into(), error: error.to_string() };
    let description: File = toml::from_str(text).map_err(toml_error)?;
    let value_error = |problem: String| ArchitectureError::Value { file: file.into(), problem };
    if !is_name(&description.name) {
        let problem = format!("`name` must have 1 to {MOST_NAME_BYTES} bytes and no control characters");
        return Err(value_error(problem));
    }
    description.recipe.check().map_err(value_error)?;
    let preprocessing = description.preprocessing.build().map_err(value_error)?;
    let mut architecture = Architecture {
        name: description.name,
        preprocessing,
        layers: Vec::new(),
        recipe: description.recipe,
        source: text.into(),
        shapes: Vec::new(),
    };
    for (index, layer) in description.layer.iter().enumerate() {
        let error = |problem: String| ArchitectureError::Layer {
            file: file.into(),
            layer: index + 1,
            kind: format!("{:?}", layer.kind),
            problem,
        };
        let (layer, shape) = build(layer, index, &architecture).map_err(error)?;
        architecture.layers.push(layer);
        architecture.shapes.push(shape);
    }
    check(&architecture).map_err(value_error)?;
    Ok(architecture)
}
