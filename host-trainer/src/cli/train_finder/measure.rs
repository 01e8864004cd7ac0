//! How good a finder is on frames whose faces are known.

use std::{io::Write, path::Path};

use shared::finder::Finder;

use crate::{
    cli::output::out,
    finder::measure::{Answer, TrueFace, answers, read_truths},
};

/// Prints how good a finder is on the frames of a table, a row a kind of face and a turn.
pub fn measure(finder: &Finder<'_>, table: &Path) -> anyhow::Result<()> {
    let truths = read_truths(table)?;
    let folder = table.parent().unwrap_or(Path::new("."));
    let take = finder.header.take;
    let mut kinds: Vec<&str> = truths.iter().map(|truth| &truth.kind[..]).collect();
    kinds.sort_unstable();
    kinds.dedup();
    writeln!(
        out(),
        "{:<20}{:>8}{:>12}{:>8}{:>10}{:>12}{:>10}{:>11}{:>8}",
        "kind",
        "turned",
        "found",
        "others",
        "eyes off",
        "under 0.1",
        "windows",
        "confirmed",
        "placed"
    )?;
    for kind in kinds {
        let of_kind: Vec<TrueFace> = truths.iter().filter(|truth| truth.kind == kind).cloned().collect();
        for roll in [0.0, -30.0f32, 30.0] {
            let answers = answers(finder, folder, &of_kind, roll.to_radians())?;
            let all = answers.len().max(1) as f32;
            let is_found = |answer: &&Answer| answer.score.is_some_and(|score| score >= take);
            let mut errors: Vec<f32> = answers.iter().filter(is_found).map(|answer| answer.eye_error).collect();
            errors.sort_by(f32::total_cmp);
            let near = errors.iter().filter(|&&error| error < 0.1).count() as f32 / errors.len().max(1) as f32;
            let mean = |of: fn(&Answer) -> u32| answers.iter().map(of).sum::<u32>() as f32 / all;
            writeln!(
                out(),
                "{kind:<20}{roll:>8}{:>12}{:>8}{:>10.3}{:>10.0} %{:>10.1}{:>11.1}{:>8.1}",
                format!("{} of {}", errors.len(), answers.len()),
                answers.iter().flat_map(|answer| &answer.others).filter(|&&score| score >= take).count(),
                errors.get(errors.len() / 2).copied().unwrap_or(0.0),
                near * 100.0,
                mean(|answer| answer.effort.windows),
                mean(|answer| answer.effort.confirmed),
                mean(|answer| answer.effort.placed),
            )?;
        }
    }
    Ok(())
}
