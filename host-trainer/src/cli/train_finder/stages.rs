//! The finder's stages: each is made, or read where the run has it already.

use std::{path::Path, sync::Arc};

use burn::tensor::Device;
use shared::finder::Tree;

use super::Teller;
use crate::{
    architecture::Architecture,
    finder::{
        material::Material,
        networks::{Example, Plan},
        quality::quality,
        recipe::{FinderRecipe, Stage},
        run::FinderRun,
        stages::learn,
        trees::{TreeProgress, trees},
    },
    network::Network,
    training::{load_record, save_record},
};

/// Makes the trees, or reads those that the run has.
pub fn stage_trees(
    material: &Material,
    recipe: &FinderRecipe,
    run: &FinderRun,
    tell: &Teller,
) -> anyhow::Result<Vec<Tree>> {
    if let Some(trees) = run.trees()? {
        return Ok(trees);
    }
    let mut told = Ok(());
    let made = trees(material, recipe.tree_plan(), |progress| {
        let TreeProgress { trees, kept, passed } = progress;
        if trees % 10 == 0 || trees == recipe.trees.trees {
            tell.report.borrow_mut().add_trees(trees, kept, passed);
            let text = format!("tree {trees}: {kept:.3} of faces kept, {passed:.1e} of windows pass");
            told = std::mem::replace(&mut told, Ok(())).and_then(|()| tell.progress(&text));
        }
    });
    told?;
    run.write_trees(&made)?;
    tell.keep()?;
    Ok(made)
}

/// Trains a network in rounds, each of which adds examples, or reads the one that the run has; and gives the examples of the
/// first round, by which it is quantized.
pub fn stage_network(
    stage: &Stage,
    file: &Path,
    seed: u64,
    tell: &Teller,
    examples: impl Fn(&Network, usize) -> Vec<Example>,
) -> anyhow::Result<(Network, Vec<Example>)> {
    let architecture = Architecture::find(&stage.network)?;
    let first = Network::new(Arc::new(architecture.clone()), seed, &Device::flex());
    if file.exists() {
        let network = load_record(Arc::new(architecture), file)?;
        return Ok((network, examples(&first, 0)));
    }
    let mut network = first;
    let mut known: Vec<Example> = Vec::new();
    let mut of_first_round = 0;
    for round in 0..stage.rounds {
        let more = examples(&network, round);
        let faces = more.iter().filter(|example| example.eyes.is_some()).count();
        tell.progress(&format!("{}: {faces} squares with a face, {} without", stage.network, more.len() - faces))?;
        if faces == 0 || faces == more.len() {
            anyhow::bail!("{}: every square has a face, or none has; take more `scenes`", stage.network);
        }
        if round > 0 {
            tell.done(&format!("{}, on squares that it has not seen: {}", stage.network, quality(&network, &more)))?;
        }
        known.extend(more);
        if round == 0 {
            of_first_round = known.len();
        }
        let plan = Plan { steps: stage.steps, seed: seed * 100 + round as u64 };
        let mut told = Ok(());
        let start = (round > 0).then_some(network);
        network = learn(architecture.clone(), start, &known, plan, |step, loss| {
            if (step + 1) % 500 == 0 || step + 1 == stage.steps {
                let text = format!("{}: step {}, loss {loss:.4}", stage.network, step + 1);
                told = std::mem::replace(&mut told, Ok(())).and_then(|()| tell.progress(&text));
            }
        });
        told?;
    }
    save_record(&network, file)?;
    known.truncate(of_first_round);
    Ok((network, known))
}
