//! What a finder's training leaves for people.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// What `report.md` tells. A run that goes on adds to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was done, in order.
    pub steps: Vec<String>,
    /// A row a tree that was noted: trees, share of faces kept, share of windows that pass.
    pub trees: Vec<(usize, f32, f64)>,
    /// Highest scores in frames without a face.
    pub highest: Vec<f32>,
    /// Frames without a face.
    pub empty: usize,
    /// The score from which a face is taken.
    pub take: f32,
}

impl Report {
    /// Adds a step, unless it is there: a stage that was broken off does again what it did.
    pub fn add_step(&mut self, step: &str) {
        if !self.steps.iter().any(|known| known == step) {
            self.steps.push(step.into());
        }
    }

    /// Adds a row of the table of trees, or puts it in the place of that with the same number.
    pub fn add_trees(&mut self, trees: usize, kept: f32, passed: f64) {
        self.trees.retain(|row| row.0 != trees);
        self.trees.push((trees, kept, passed));
    }

    /// The text of `report.md`, with the text of the recipe.
    pub fn markdown(&self, recipe: &str) -> String {
        let mut text = String::from("# A finder of faces\n\n");
        for step in &self.steps {
            let _ = writeln!(text, "- {step}");
        }
        if !self.trees.is_empty() {
            text += "\n## Trees\n\nThresholds are chosen on faces that no tree learned from; most of them are off the middle of their window.\n\n";
            text += "| trees | faces kept | windows of photographs that passed at the last search |\n|---|---|---|\n";
            for (trees, kept, passed) in &self.trees {
                let _ = writeln!(text, "| {trees} | {kept:.3} | {passed:.1e} |");
            }
        }
        if self.empty > 0 {
            let highest = self.highest.iter().map(|score| format!("{score:.1}")).collect::<Vec<_>>().join(", ");
            let _ = write!(
                text,
                "\n## The score from which a face is taken\n\n{:.2}, by {} frames of photographs that nothing learned from. The \
                 highest scores there: {highest}.\n",
                self.take, self.empty,
            );
        }
        let _ = write!(text, "\n## Recipe\n\n```toml\n{}\n```\n", recipe.trim_end());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_is_done_again_stands_once() {
        let mut report = Report::default();
        for _ in 0..2 {
            report.add_step("3 faces");
            report.add_trees(10, 0.9, 0.1);
        }
        assert_eq!((report.steps.len(), report.trees.len()), (1, 1));
        let text = report.markdown("seed = 1\n");
        assert!(text.contains("\n- 3 faces\n") && text.contains("| 10 | 0.900 | 1.0e-1 |"), "{text}");
        assert!(text.contains("```toml\nseed = 1\n```") && !text.contains("score"), "{text}");
    }
}
