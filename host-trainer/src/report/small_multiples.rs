//! Accuracy by epoch of many runs, beside what was published.

use std::ops::Range;

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{Shift, cartesian::Cartesian2d, types::RangedCoordf64},
    drawing::DrawingArea,
    element::PathElement,
    prelude::DrawingBackend,
    series::{DashedLineSeries, LineSeries},
    style::{Color, RGBColor, WHITE, text_anchor::HPos},
};

use super::{
    Figure, ReportError,
    curves::{TRAINING, VALIDATION},
    figure::{DrawingError, GRID, INK, Plot, Scale, render},
};
use crate::training::EpochMetrics;

const COLUMNS: u32 = 3;
/// Width and height of a cell, and height of the legend above all.
const CELL: (u32, u32) = (400, 250);
const LEGEND: u32 = 40;
const TITLE: u32 = 40;
/// Letters of a title's line.
const LINE: usize = 50;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it is.
    pub title: String,
    /// One entry per epoch.
    pub epochs: Vec<EpochMetrics>,
    /// The published training accuracy.
    pub training: Option<f64>,
    /// The published validation accuracy.
    pub validation: Option<f64>,
}

/// Draws one small chart a run, all on the same scale of accuracy; published figures are dashed lines.
///
/// # Errors
/// [`ReportError::Draw`] if the plotting library fails.
pub fn small_multiples(cells: &[Cell]) -> Result<Figure, ReportError> {
    render(&SmallMultiples { cells })
}

struct SmallMultiples<'a> {
    cells: &'a [Cell],
}

impl Plot for SmallMultiples<'_> {
    const NAME: &'static str = "small multiples";

    fn size(&self) -> (u32, u32) {
        (COLUMNS * CELL.0, LEGEND + (self.cells.len() as u32).div_ceil(COLUMNS).max(1) * CELL.1)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), DrawingError<B>> {
        let (legend, grid) = area.split_vertically(scale.length(LEGEND));
        let published = self.cells.iter().any(|cell| cell.training.is_some() || cell.validation.is_some());
        draw_legend(&legend, scale, published)?;
        let rows = (self.cells.len() as u32).div_ceil(COLUMNS).max(1);
        for (cell, area) in self.cells.iter().zip(grid.split_evenly((rows as usize, COLUMNS as usize))) {
            cell.draw(&area, scale)?;
        }
        Ok(())
    }
}

fn draw_legend<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    scale: Scale,
    published: bool,
) -> Result<(), DrawingError<B>> {
    let mut x = 24;
    for (name, color) in [("training accuracy", TRAINING), ("validation accuracy", VALIDATION)] {
        let line = vec![scale.at(x, 22), scale.at(x + 30, 22)];
        area.draw(&PathElement::new(line, color.stroke_width(scale.length(2))))?;
        scale.write(area, name, 15, INK, (x + 38, 22, HPos::Left))?;
        x += 210;
    }
    if published {
        scale.write(area, "dashed: the paper's figures", 15, INK, (x, 22, HPos::Left))?;
    }
    Ok(())
}

impl Cell {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), DrawingError<B>> {
        let (header, plot) = area.split_vertically(scale.length(TITLE));
        let lines = wrapped(&self.title);
        let top = if lines.len() > 1 { 10 } else { 20 };
        for (index, line) in lines.iter().take(2).enumerate() {
            scale.write(&header, line, 14, INK, (52, top + 17 * index as i32, HPos::Left))?;
        }
        let last = self.epochs.last().map_or(2.0, |epoch| epoch.epoch.max(2) as f64);
        let mut chart = panel(&plot, scale, 1.0..last, last.min(6.0) as usize, &|epoch| format!("{epoch:.0}"))?;
        let width = scale.length(2);
        for (published, color) in [(self.training, TRAINING), (self.validation, VALIDATION)] {
            let Some(value) = published else { continue };
            let line = [(1.0, value), (last, value)];
            let (dash, gap) = (scale.length(5), scale.length(4));
            chart.draw_series(DashedLineSeries::new(line, dash, gap, thin(color, scale)))?;
        }
        let points = |value: fn(&EpochMetrics) -> f64| {
            self.epochs.iter().map(move |epoch| (epoch.epoch as f64, value(epoch))).filter(|point| point.1.is_finite())
        };
        let training = points(|epoch| epoch.train_accuracy);
        chart.draw_series(LineSeries::new(training, TRAINING.stroke_width(width)))?;
        let validation = points(|epoch| epoch.validation_accuracy);
        chart.draw_series(LineSeries::new(validation, VALIDATION.stroke_width(width))).map(drop)
    }
}

/// A small chart of shares from 0 to 1 over `xs`, its axes and grid drawn.
pub(super) fn panel<'a, B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    scale: Scale,
    xs: Range<f64>,
    x_labels: usize,
    x_label: &dyn Fn(&f64) -> String,
) -> Result<ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>, DrawingError<B>> {
    let mut chart = ChartBuilder::on(area)
        .margin_right(scale.length(14))
        .margin_bottom(scale.length(4))
        .x_label_area_size(scale.length(26))
        .y_label_area_size(scale.length(48))
        .build_cartesian_2d(xs, 0.0..1.0)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID.stroke_width(scale.length(1)))
        .light_line_style(WHITE.mix(0.0))
        .axis_style(INK.stroke_width(scale.length(1)))
        .label_style(scale.text(13, INK, HPos::Left))
        .x_labels(x_labels)
        .y_labels(6)
        .y_label_offset(scale.text_drop(13))
        .x_label_formatter(x_label)
        .y_label_formatter(&|value| format!("{value:.1}"))
        .set_all_tick_mark_size(scale.length(3))
        .draw()?;
    Ok(chart)
}

fn thin(color: RGBColor, scale: Scale) -> plotters::style::ShapeStyle {
    color.stroke_width(scale.length(1))
}

/// The words in lines of at most [`LINE`] letters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
