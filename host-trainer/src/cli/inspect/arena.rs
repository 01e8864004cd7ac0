//! The arena, drawn: which bytes are in use while each operator runs.

use std::ops::Range;

use shared::model::{Model, Step, Tensor};

/// Columns of the drawing.
const COLUMNS: usize = 64;

/// A line per operator: `i` its input, `j` its second input, `o` its output, `=` an output in the place of the input, `b` the
/// band of a fused pool, `+` a tensor that a later operator reads, `.` free (for working memory, behind all of these).
pub fn draw(model: &Model<'_>) -> String {
    let steps: Vec<Step<'_>> = model.steps().collect();
    let bytes = model.arena_bytes().max(1);
    let mut drawing = format!(
        "arena, {} bytes a column: i input, j second input, o output, = both, b band, + read later\n",
        bytes.div_ceil(COLUMNS as u32)
    );
    for (index, step) in steps.iter().enumerate() {
        let mut line = [' '; COLUMNS];
        line.fill('.');
        for tensor in held(model, &steps, index) {
            mark(&mut line, bytes, tensor.range(), '+');
        }
        let (input, second) = step.inputs();
        mark(&mut line, bytes, second.and_then(|tensor| tensor.range()), 'j');
        mark(&mut line, bytes, input.range(), 'i');
        let in_place = input.offset == step.output.offset;
        mark(&mut line, bytes, step.output.range(), if in_place { '=' } else { 'o' });
        mark(&mut line, bytes, Some(step.scratch_offset..step.scratch_offset + step.band_bytes()), 'b');
        drawing += &format!("  {index:>3} {:<18} |{}|\n", super::name(step), line.iter().collect::<String>());
    }
    drawing
}

/// Tensors that were written before step `index`, are read after it, and that it does not read itself.
fn held(model: &Model<'_>, steps: &[Step<'_>], index: usize) -> Vec<Tensor> {
    let reads = |step: &Step<'_>, tensor: &Tensor| {
        let (first, second) = step.inputs();
        first == *tensor || second == Some(*tensor)
    };
    let written = std::iter::once(model.input()).chain(steps[..index].iter().map(|step| step.output));
    let read_later = |tensor: &Tensor| {
        // Until something else is written to its place.
        let until = steps[index..].iter().position(|step| step.output.offset == tensor.offset).unwrap_or(steps.len());
        steps[index..].iter().take(until + 1).any(|step| reads(step, tensor)) && !reads(&steps[index], tensor)
    };
    written.filter(read_later).collect()
}

fn mark(line: &mut [char; COLUMNS], bytes: u32, range: Option<Range<u32>>, letter: char) {
    let Some(range) = range.filter(|range| !range.is_empty()) else { return };
    let column = |byte: u32| byte as usize * COLUMNS / bytes as usize;
    // Something small still gets a column.
    line[column(range.start).min(COLUMNS - 1)..=column(range.end - 1).min(COLUMNS - 1)].fill(letter);
}
