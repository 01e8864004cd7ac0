//! What a finder's training leaves for people.

use std::fmt::Write;

/// What `report.md` tells.
#[derive(Clone, Debug, Default)]
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
    /// The text of the recipe.
    pub recipe: String,
}

impl Report {
    /// The text of `report.md`.
    pub fn markdown(&self) -> String {
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
        let _ = write!(
            text,
            "\n## The score from which a face is taken\n\n{:.2}, by {} frames of photographs that nothing learned from. The highest \
             scores there: {}.\n\n## Recipe\n\n```toml\n{}\n```\n",
            self.take,
            self.empty,
            self.highest.iter().map(|score| format!("{score:.1}")).collect::<Vec<_>>().join(", "),
            self.recipe.trim_end()
        );
        text
    }
}
