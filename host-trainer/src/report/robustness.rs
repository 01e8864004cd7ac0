//! Accuracy by the strength of a change of light or place.

use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::Circle,
    prelude::DrawingBackend,
    series::{DashedLineSeries, LineSeries},
    style::{Color, text_anchor::HPos},
};

use super::{
    Figure, ReportError,
    curves::VALIDATION,
    figure::{DrawingError, INK, Plot, Scale, render},
    small_multiples::panel,
};
use crate::evaluation::{Robustness, Series};

const COLUMNS: u32 = 4;
/// Width and height of a panel, height of its title and of the title above all.
const PANEL: (u32, u32) = (320, 240);
const TITLE: u32 = 34;
const HEADER: u32 = 44;

/// Draws a panel a kind of change; the dashed line is the accuracy on the faces as they are.
///
/// # Errors
/// [`ReportError::Draw`] if the plotting library fails.
pub fn robustness(title: &str, measured: &Robustness) -> Result<Figure, ReportError> {
    render(&RobustnessPlot { title, measured })
}

struct RobustnessPlot<'a> {
    title: &'a str,
    measured: &'a Robustness,
}

impl RobustnessPlot<'_> {
    fn rows(&self) -> u32 {
        (self.measured.series.len() as u32).div_ceil(COLUMNS).max(1)
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
        for (series, area) in self.measured.series.iter().zip(areas) {
            draw_series(series, self.measured.unchanged, &area, scale)?;
        }
        Ok(())
    }
}

fn draw_series<B: DrawingBackend>(
    series: &Series,
    unchanged: f64,
    area: &DrawingArea<B, Shift>,
    scale: Scale,
) -> Result<(), DrawingError<B>> {
    let (header, plot) = area.split_vertically(scale.length(TITLE));
    let title =
        if series.unit.is_empty() { series.change.clone() } else { format!("{}, {}", series.change, series.unit) };
    scale.write(&header, &title, 14, INK, (52, 20, HPos::Left))?;
    let points: Vec<(f64, f64)> =
        series.points.iter().map(|point| (f64::from(point.strength), point.accuracy)).collect();
    let ends = points.first().zip(points.last()).map_or(0.0..1.0, |(first, last)| first.0..last.0);
    let digits = if ends.end - ends.start > 2.0 { 0 } else { 2 };
    let mut chart = panel(&plot, scale, ends.clone(), 5, &|strength| format!("{strength:.digits$}"))?;
    let level = [(ends.start, unchanged), (ends.end, unchanged)];
    let (dash, gap) = (scale.length(5), scale.length(4));
    chart.draw_series(DashedLineSeries::new(level, dash, gap, INK.stroke_width(scale.length(1))))?;
    chart.draw_series(LineSeries::new(points.clone(), VALIDATION.stroke_width(scale.length(2))))?;
    let dots = points.into_iter().map(|point| Circle::new(point, scale.length(3), VALIDATION.filled()));
    chart.draw_series(dots).map(drop)
}
