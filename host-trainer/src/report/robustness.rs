//! Accuracy by the strength of a change of light or place.

use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::{Circle, PathElement},
    prelude::DrawingBackend,
    series::{DashedLineSeries, LineSeries},
    style::{Color, RGBColor, text_anchor::HPos},
};

use super::{
    Figure, ReportError,
    curves::{TRAINING, VALIDATION},
    figure::{DrawingError, INK, Plot, Scale, render},
    small_multiples::panel,
};
use crate::evaluation::{Robustness, Series, robustness::Point};

const COLUMNS: u32 = 4;
/// Width and height of a panel, height of its title and of the title above all.
const PANEL: (u32, u32) = (320, 240);
const TITLE: u32 = 34;
const HEADER: u32 = 44;

/// Of the models, in their order; where there are more, colours come again.
const COLORS: [RGBColor; 4] = [VALIDATION, TRAINING, RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// Draws a panel per kind of change, with a line per model; dashed lines are the accuracies on the faces as they are.
///
/// # Errors
/// [`ReportError::Draw`] if the plotting library fails.
pub fn robustness(title: &str, models: &[Robustness]) -> Result<Figure, ReportError> {
    render(&RobustnessPlot { title, models })
}

struct RobustnessPlot<'a> {
    title: &'a str,
    models: &'a [Robustness],
}

impl RobustnessPlot<'_> {
    /// The kinds of change, as the first model's series name them.
    fn kinds(&self) -> impl Iterator<Item = &Series> {
        self.models.iter().take(1).flat_map(|measured| &measured.series)
    }

    fn rows(&self) -> u32 {
        (self.kinds().count() as u32).div_ceil(COLUMNS).max(1)
    }
}

impl Plot for RobustnessPlot<'_> {
    const NAME: &'static str = "robustness";

    fn size(&self) -> (u32, u32) {
        (COLUMNS * PANEL.0, HEADER + self.rows() * PANEL.1)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), DrawingError<B>> {
        let (header, grid) = area.split_vertically(scale.length(HEADER));
        scale.write(&header, self.title, 17, INK, (24, 24, HPos::Left))?;
        let areas = grid.split_evenly((self.rows() as usize, COLUMNS as usize));
        let mut x = (24 + 9 * self.title.len() as i32).max(480);
        for (measured, color) in self.models.iter().zip(COLORS.iter().cycle()) {
            let line = vec![scale.at(x, 24), scale.at(x + 30, 24)];
            header.draw(&PathElement::new(line, color.stroke_width(scale.length(2))))?;
            scale.write(&header, &measured.model, 15, INK, (x + 38, 24, HPos::Left))?;
            x += 60 + 9 * measured.model.len() as i32;
        }
        for ((kind, series), area) in self.kinds().enumerate().zip(areas) {
            let lines: Vec<_> = self.models.iter().filter_map(|m| Some((m.unchanged, m.series.get(kind)?))).collect();
            draw_panel(series, &lines, &area, scale)?;
        }
        Ok(())
    }
}

/// A panel of the kind of change that `kind` is of: accuracy on the faces as they are and series, of each model.
fn draw_panel<B: DrawingBackend>(
    kind: &Series,
    models: &[(f64, &Series)],
    area: &DrawingArea<B, Shift>,
    scale: Scale,
) -> Result<(), DrawingError<B>> {
    let (header, plot) = area.split_vertically(scale.length(TITLE));
    let title = if kind.unit.is_empty() { kind.change.clone() } else { format!("{}, {}", kind.change, kind.unit) };
    scale.write(&header, &title, 14, INK, (52, 20, HPos::Left))?;
    let strength = |point: Option<&Point>, other: f64| point.map_or(other, |point| point.strength.into());
    let ends = strength(kind.points.first(), 0.0)..strength(kind.points.last(), 1.0);
    let digits = if ends.end - ends.start > 2.0 { 0 } else { 2 };
    let mut chart = panel(&plot, scale, ends.clone(), 5, &|strength| format!("{strength:.digits$}"))?;
    for (&(unchanged, series), color) in models.iter().zip(COLORS.iter().cycle()) {
        let level = [(ends.start, unchanged), (ends.end, unchanged)];
        let (dash, gap) = (scale.length(5), scale.length(4));
        chart.draw_series(DashedLineSeries::new(level, dash, gap, color.stroke_width(scale.length(1))))?;
        let points = || series.points.iter().map(|point| (f64::from(point.strength), point.accuracy));
        chart.draw_series(LineSeries::new(points(), color.stroke_width(scale.length(2))))?;
        chart.draw_series(points().map(|point| Circle::new(point, scale.length(3), color.filled())))?;
    }
    Ok(())
}
