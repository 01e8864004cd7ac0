//! Quantization-aware training: a finished run's network becomes a network of the core's operators whose weights and tensors
//! are rounded as the core rounds them, and a run of its own goes on from there.
//!
//! Batch normalization is folded and branches are merged first; then every tensor that the core will hold gets the range that
//! it had in calibration, for good. So what is trained is what the device computes, but for the core's double rounding, which
//! sometimes differs by one step (more often for small sums, such as those of a mean).

use anyhow::{Context, ensure};
use shared::operator::{Activation, Operator, Pool2d, PoolKind, logistic};

use crate::{
    architecture::{Architecture, Layer, LayerKind, Optimizer, Recipe, Refinement, Regularization, Schedule},
    export::ranges,
    files,
    network::{FloatNetwork, LayerWeights, Network},
    operators::from_core,
    quantization::{lower::lower, merge::merge_branches},
    scales::Range,
    training::{Configuration, LabelledFaces, RunFolder, START_FILE, contents_text, copy_taught, save_record},
};

/// The folder of the refined run, in that of the run it comes from.
pub const FOLDER: &str = "refined";

/// The range of a logistic function's output, whose 256 steps the specification fixes.
const LOGISTIC: Range = Range { min: 0.0, max: 255.0 * logistic::OUTPUT.scale };

/// The run that refines `network`, which `run` has trained: a new one, or the one that was begun.
///
/// # Errors
/// If a layer cannot run on the core, or something cannot be read or written.
pub fn prepare(
    run: &RunFolder,
    configuration: &Configuration,
    refinement: Refinement,
    network: &Network,
    training: LabelledFaces<'_>,
) -> anyhow::Result<(RunFolder, Configuration)> {
    let path = run.path().join(FOLDER);
    if RunFolder::is_run(&path) {
        let (_, begun) = RunFolder::open(&path)?;
        ensure!(
            begun.architecture()?.recipe.logit_adjustment == network.architecture.recipe.logit_adjustment,
            "{}: this refinement has another `logit_adjustment` than its run; delete the folder to refine again",
            path.display()
        );
        return Ok(RunFolder::resume(&path)?);
    }
    let refined = rounding(&network.to_float_network(), &ranges(network, training.images), refinement)?;
    let folder = RunFolder::claim(&path)?;
    // The weights before the configuration: a run with a configuration is complete.
    let start = folder.file(START_FILE);
    save_record(&refined.to_network(&Default::default()), &start)?;
    copy_taught(run.path(), &path)?;
    let configuration = Configuration {
        epochs: refinement.epochs,
        start: Some(START_FILE.into()),
        start_contents: Some(contents_text(files::contents(&start).with_context(|| start.display().to_string())?)),
        architecture_file: refined.architecture.name.clone() + ".toml",
        architecture: refined.architecture.source.clone(),
        ..configuration.clone()
    };
    folder.begin(&configuration)?;
    Ok((folder, configuration))
}

/// The network of the core's operators with a range for every tensor; `ranges[layer]` is that of a layer's output.
///
/// # Errors
/// If a layer cannot run on the core.
pub fn rounding(network: &FloatNetwork, ranges: &[Range], refinement: Refinement) -> anyhow::Result<FloatNetwork> {
    let lowered = merge_branches(lower(network)?);
    let (mut layers, mut weights) = (Vec::new(), Vec::new());
    // The layer that holds each tensor.
    let mut holders: Vec<Option<usize>> = vec![None; lowered.tensors.len()];
    let mut tensor_ranges: Vec<Option<Range>> = vec![None; lowered.tensors.len()];
    for (index, operator) in lowered.operators.iter().enumerate() {
        let range = match operator.operator {
            // A pool keeps its input's scale and zero point.
            Operator::Pool2d(_) => tensor_ranges[operator.inputs[0]],
            Operator::Logistic => Some(LOGISTIC),
            _ => lowered.tensors[operator.output]
                .layer
                .and_then(|layer| ranges.get(layer))
                .map(|&range| with_zero(range)),
        };
        tensor_ranges[operator.output] = range;
        let inputs = operator.inputs.iter().map(|&tensor| holders[tensor]).collect();
        // A pool of the largest chooses among values that are rounded.
        let rounds = !matches!(operator.operator, Operator::Pool2d(Pool2d { kind: PoolKind::Max, .. }));
        let linear = operator.activation == Activation::None;
        let name = format!("{}_{}", operator.operator.name().to_lowercase(), index + 1);
        let kind = LayerKind::Operator(operator.operator);
        layers.push(Layer { name: name.clone(), inputs, kind, range: range.filter(|_| rounds && linear) });
        let input = lowered.tensors[operator.inputs[0]].shape;
        weights.push(from_core(&operator.operator, input, &operator.weights, &operator.biases));
        if !linear {
            let (inputs, kind) = (vec![Some(layers.len() - 1)], LayerKind::Activation(operator.activation));
            layers.push(Layer { name: name + "_clamped", inputs, kind, range });
            weights.push(LayerWeights::None);
        }
        holders[operator.output] = Some(layers.len() - 1);
    }
    let Architecture { name, preprocessing, recipe, .. } = network.architecture.as_ref();
    if let Some(range) = layers.last_mut().and_then(|layer| layer.range.as_mut()) {
        *range = shifted(*range, &recipe.logit_adjustment);
    }
    let recipe = gentle(recipe, refinement);
    let architecture = Architecture::describe("refined.toml", name, *preprocessing, &recipe, &layers)?;
    Ok(FloatNetwork { architecture: architecture.into(), weights })
}

/// The range that the quantization of `range` has: with zero in it, and not empty.
fn with_zero(Range { min, max }: Range) -> Range {
    let (min, max) = (min.min(0.0), max.max(0.0));
    if min < max { Range { min, max } } else { Range { min: -128.0, max: 127.0 } }
}

/// The range of logits before and after their adjustment.
fn shifted(Range { min, max }: Range, adjustment: &[f32]) -> Range {
    let (down, up) = adjustment.iter().fold((0f32, 0f32), |(down, up), &shift| (down.min(shift), up.max(shift)));
    Range { min: min + down, max: max + up }
}

/// The recipe of the refinement: the targets stay, the optimizer takes small steps.
fn gentle(recipe: &Recipe, refinement: Refinement) -> Recipe {
    let Refinement { epochs, learning_rate } = refinement;
    Recipe {
        optimizer: Optimizer::Sgd { learning_rate, momentum: 0.9, nesterov: true },
        schedule: Schedule::Cosine { last: 0.0, warm_up: 0.0 },
        epochs,
        early_stopping: None,
        regularization: Regularization::default(),
        pretraining_epochs: 0,
        reweighting: None,
        refinement: None,
        average_decay: None,
        progressive_resizing: None,
        ..recipe.clone()
    }
}
