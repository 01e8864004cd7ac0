//! Architecture files.
//!
//! ```text
//! text.rs    the TOML, as serde reads and writes it
//! layers.rs  from tables to layers, and back
//! checks.rs  what a network must be as a whole
//! ```

mod checks;
mod layers;
mod text;

use shared::{
    model::{MOST_NAME_BYTES, is_name},
    preprocessing::Preprocessing,
};

use self::{
    checks::check,
    layers::{append, describe},
    text::{File, PreprocessingFile},
};
use super::{Architecture, ArchitectureError, Layer, Recipe};

/// The text of an architecture file.
pub fn write(
    name: &str,
    preprocessing: Preprocessing,
    recipe: &Recipe,
    layers: &[Layer],
) -> Result<String, toml::ser::Error> {
    let layer = layers.iter().map(|layer| describe(layer, layers)).collect();
    let preprocessing = PreprocessingFile::describe(preprocessing);
    toml::to_string(&File { name: name.into(), input_size: None, preprocessing, recipe: recipe.clone(), layer })
}

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
        input_size: description.input_size,
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
        append(&mut architecture, layer, index).map_err(error)?;
    }
    check(&architecture).map_err(value_error)?;
    Ok(architecture)
}
