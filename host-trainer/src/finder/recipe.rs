//! How a finder is made: a TOML file.

use serde::{Deserialize, Serialize};

use super::trees::TreePlan;

/// The recipe of the finder that ships.
pub const SHIPPED: &str = include_str!("../../finder/finder.toml");

/// Everything about a finder's training but the faces and photographs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinderRecipe {
    /// Where all random numbers begin.
    pub seed: u64,
    /// Share of the photographs that nothing learns from: the score from which faces are taken is chosen by them.
    pub aside: f32,
    /// Faces that may be found in a thousand frames of those photographs.
    pub false_in_thousand: f32,
    /// The trees.
    pub trees: Trees,
    /// The network that confirms.
    pub confirm: Stage,
    /// The network that places eyes.
    pub eyes: Stage,
}

/// How trees are made: see [`TreePlan`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trees {
    /// Number of trees.
    pub trees: usize,
    /// Windows of each kind.
    pub windows: usize,
    /// Share of windows with faces that may be turned away in the end.
    pub loss: f32,
    /// Trees after which two thirds of that share are gone.
    pub soon: f32,
    /// Largest roll of a face, in degrees.
    pub roll: f32,
    /// Share of faces in whole frames that may be turned away by the highest sum of their windows.
    pub scene_loss: f32,
}

/// How a network is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Architecture, built in or a file.
    pub network: String,
    /// Frames that examples are taken from, each time.
    pub scenes: usize,
    /// Steps of the optimizer, each time.
    pub steps: usize,
    /// Times that examples are taken, each time from other frames; the network then goes on from where it stands, on all that were
    /// taken so far.
    pub rounds: usize,
    /// The logit from which a face goes on to what comes behind.
    pub least: f32,
}

impl FinderRecipe {
    /// Reads a recipe; `file` names it in errors.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        let recipe: Self = toml::from_str(text).map_err(|error| anyhow::anyhow!("{file}: {error}"))?;
        let wrong = |what: &str| Err(anyhow::anyhow!("{file}: {what}"));
        match &recipe {
            r if !(0.05..=0.5).contains(&r.aside) => wrong("`aside` must be 0.05 to 0.5"),
            r if !(1..=1024).contains(&r.trees.trees) => wrong("`trees.trees` must be 1 to 1024"),
            r if r.trees.windows < 100 => wrong("`trees.windows` must be at least 100"),
            r if !(0.0..0.9).contains(&r.trees.loss) => wrong("`trees.loss` must be in 0..0.9"),
            r if !(0.0..0.5).contains(&r.trees.scene_loss) => wrong("`trees.scene_loss` must be in 0..0.5"),
            r if !(1.0..=90.0).contains(&r.trees.roll) => wrong("`trees.roll` must be 1 to 90 degrees"),
            r if [&r.confirm, &r.eyes].iter().any(|s| s.scenes == 0 || s.steps == 0 || s.rounds == 0) => {
                wrong("`scenes`, `steps` and `rounds` must be at least 1")
            }
            _ => Ok(recipe),
        }
    }

    /// How its trees are made.
    pub fn tree_plan(&self) -> TreePlan {
        let Trees { trees, windows, loss, soon, roll, .. } = self.trees;
        TreePlan { trees, windows, loss, soon, roll: roll.to_radians(), seed: self.seed }
    }
}
