//! The preset files: experiments as what they change in an earlier one, or in a built-in architecture.

use serde::Deserialize;
use toml::{Table, Value};

use super::ExperimentError;
use crate::architecture::{Architecture, BUILT_IN, Recipe, Schedule};

/// One network with one recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Unique; names the runs' folders.
    pub name: String,
    /// What it changes, in words.
    pub title: String,
    /// The paper's figures, if it has any.
    pub paper: Option<Published>,
    /// What the paper leaves open, and how that was decided.
    pub choice: Option<String>,
    /// The shorter experiment whose runs this one carries on: it differs in its epochs alone.
    pub continues: Option<String>,
    /// Runs, with seeds 1, 2, …
    pub seeds: u64,
    /// The architecture file it amounts to.
    pub source: String,
}

/// The paper's figures.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Training accuracy.
    pub training: Option<f64>,
    /// Validation accuracy.
    pub validation: Option<f64>,
    /// Anything else.
    pub note: Option<String>,
}

#[derive(Deserialize)]
struct File {
    experiment: Vec<Preset>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Preset {
    name: String,
    title: String,
    /// An experiment before this one, or a built-in architecture.
    from: String,
    continues: Option<String>,
    paper: Option<Published>,
    choice: Option<String>,
    seeds: Option<u64>,
    /// Replaces the other's.
    preprocessing: Option<Value>,
    /// Merged over the other's.
    #[serde(default)]
    recipe: Table,
    /// Replaces the other's.
    layers: Option<Vec<Value>>,
    /// Layer -> keys that change.
    #[serde(default)]
    layer: Table,
    /// Kind -> keys that change in all layers of this kind.
    #[serde(default)]
    all: Table,
    /// Kind -> kind that takes its place.
    #[serde(default)]
    replace: Table,
    /// Layer -> a layer that follows it.
    #[serde(default)]
    after: Table,
}

/// Reads a preset file; `file` names it in errors.
///
/// # Errors
/// [`ExperimentError`] names the experiment.
pub fn parse(file: &str, text: &str) -> Result<Vec<Experiment>, ExperimentError> {
    let error = |problem: String| ExperimentError::Preset { file: file.into(), problem };
    let presets: File = toml::from_str(text).map_err(|problem| error(problem.to_string()))?;
    let mut experiments: Vec<Experiment> = Vec::new();
    for preset in presets.experiment {
        let name = preset.name.clone();
        let experiment = build(preset, &experiments).map_err(|problem| error(format!("{name}: {problem}")))?;
        experiments.push(experiment);
    }
    Ok(experiments)
}

fn build(preset: Preset, before: &[Experiment]) -> Result<Experiment, String> {
    let known = |name: &str| before.iter().find(|experiment| experiment.name == name);
    if known(&preset.name).is_some() {
        return Err("there are two of this name".into());
    }
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if preset.name.is_empty() || !preset.name.chars().all(plain) {
        return Err("a name is made of letters, digits, - and _, for folders are named after it".into());
    }
    let built_in = || BUILT_IN.iter().find(|(name, _)| *name == preset.from).map(|(_, text)| *text);
    let base = known(&preset.from).map(|experiment| experiment.source.as_str()).or_else(built_in);
    let base = base.ok_or_else(|| format!("`{}` is neither before it nor built in", preset.from))?;
    let mut architecture: Table = toml::from_str(base).map_err(|error| error.to_string())?;
    without_teachers(&mut architecture);
    change(&mut architecture, &preset)?;
    let source = toml::to_string(&architecture).map_err(|error| error.to_string())?;
    let longer = Architecture::parse(&preset.name, &source).map_err(|error| error.to_string())?;
    if let Some(name) = &preset.continues {
        let shorter = known(name).ok_or_else(|| format!("`{name}`, which it continues, is not before it"))?;
        let shorter = Architecture::parse(name, &shorter.source).map_err(|error| error.to_string())?;
        goes_on_from(&longer, &shorter).map_err(|problem| format!("it cannot continue `{name}`: {problem}"))?;
    }
    Ok(Experiment {
        name: preset.name,
        title: preset.title,
        paper: preset.paper,
        choice: preset.choice.map(|text| text.trim().to_string()),
        continues: preset.continues,
        seeds: preset.seeds.unwrap_or(1),
        source,
    })
}

/// Checks that a training gives the same result if it goes on from a shorter one.
pub(super) fn goes_on_from(longer: &Architecture, shorter: &Architecture) -> Result<(), String> {
    let with_epochs_of_the_other = Recipe { epochs: longer.recipe.epochs, ..shorter.recipe.clone() };
    let alike = longer.layers == shorter.layers
        && longer.preprocessing == shorter.preprocessing
        && longer.recipe == with_epochs_of_the_other;
    if !alike {
        return Err("the two differ in more than their epochs".into());
    }
    if longer.recipe.epochs < shorter.recipe.epochs {
        return Err("it is the shorter one".into());
    }
    let fixed = matches!(longer.recipe.schedule, Schedule::Constant { .. } | Schedule::Step { .. });
    if !fixed || longer.recipe.progressive_resizing.is_some() {
        return Err("how it trains in an epoch depends on how many there are".into());
    }
    Ok(())
}

/// Experiments train one network each, on labels.
fn without_teachers(architecture: &mut Table) {
    if let Some(Value::Table(recipe)) = architecture.get_mut("recipe") {
        recipe.remove("distillation");
        recipe.remove("teachers");
    }
}

fn change(architecture: &mut Table, preset: &Preset) -> Result<(), String> {
    architecture.insert("name".into(), preset.name.clone().into());
    if let Some(preprocessing) = &preset.preprocessing {
        architecture.insert("preprocessing".into(), preprocessing.clone());
    }
    let recipe = architecture.get_mut("recipe").and_then(Value::as_table_mut).ok_or("the base has no recipe")?;
    merge(recipe, &preset.recipe);
    if let Some(layers) = &preset.layers {
        architecture.insert("layer".into(), layers.clone().into());
    }
    let layers = architecture.get_mut("layer").and_then(Value::as_array_mut).ok_or("the base has no layers")?;
    let mut changed = Vec::with_capacity(layers.len());
    let mut found = 0;
    for (index, layer) in layers.iter().enumerate() {
        let mut layer = layer.as_table().cloned().ok_or("a layer must be a table")?;
        let kind = layer.get("kind").and_then(Value::as_str).unwrap_or_default().to_string();
        let name = format!("{kind}_{}", index + 1);
        for (of, key) in [(&preset.all, &kind), (&preset.layer, &name)] {
            if let Some(keys) = of.get(key) {
                merge(&mut layer, keys.as_table().ok_or_else(|| format!("`{key}` must be a table"))?);
                found += usize::from(std::ptr::eq(of, &preset.layer));
            }
        }
        if let Some(kind) = preset.replace.get(&kind) {
            layer.insert("kind".into(), kind.clone());
        }
        changed.push(Value::Table(layer));
        if let Some(next) = preset.after.get(&name) {
            changed.push(next.clone());
            found += 1;
        }
    }
    *layers = changed;
    if found < preset.layer.len() + preset.after.len() {
        return Err("it changes a layer that is not there".into());
    }
    Ok(())
}

/// Lays `over` over `table`: tables are merged, but one of another `kind`, and anything else, is replaced.
fn merge(table: &mut Table, over: &Table) {
    for (key, value) in over {
        match (table.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) if !new.contains_key("kind") => merge(old, new),
            _ => {
                table.insert(key.clone(), value.clone());
            }
        }
    }
}
