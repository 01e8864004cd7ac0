//! Accuracy and loss by epoch, for training and validation (figure 3 of the paper).

use plotters::{
    chart::ChartBuilder,
    coord::Shift,
    drawing::DrawingArea,
    element::{Circle, PathElement, TriangleMarker},
    prelude::DrawingBackend,
    series::LineSeries,
    style::{Color, RGBColor, WHITE, text_anchor::HPos},
};

use super::{
    Figure, ReportError,
    figure::{DrawingError, GRID, INK, Plot, Scale, render},
};
use crate::training::EpochMetrics;

/// Blue and vermilion of Okabe and Ito's palette, which colour-blind readers tell apart; the marks differ as well.
pub(super) const TRAINING: RGBColor = RGBColor(0, 114, 178);
pub(super) const VALIDATION: RGBColor = RGBColor(213, 94, 0);

/// Height of the title over both panels, and of a panel's own title with its legend.
const TITLE: u32 = 36;
const HEADER: u32 = 54;

/// Radius of a mark.
const MARK: u32 = 4;

/// Draws accuracy and loss by epoch side by side; `data` names the faces, such as `FER2013`. Values that are not finite are
/// left out.
///
/// # Errors
/// [`ReportError::Draw`] if the plotting library fails.
pub fn curves(name: &str, data: &str, epochs: &[EpochMetrics]) -> Result<Figure, ReportError> {
    let points = |value: fn(&EpochMetrics) -> f64| -> Vec<(f64, f64)> {
        epochs.iter().map(|epoch| (epoch.epoch as f64, value(epoch))).filter(|point| point.1.is_finite()).collect()
    };
    let accuracy = Panel {
        title: "accuracy",
        training: points(|epoch| epoch.train_accuracy),
        validation: points(|epoch| epoch.validation_accuracy),
        better: |next, best| next > best,
    };
    let loss = Panel {
        title: "loss (cross entropy, nats)",
        training: points(|epoch| epoch.train_loss),
        validation: points(|epoch| epoch.validation_loss),
        better: |next, best| next < best,
    };
    render(&Curves { title: format!("{name}, trained on {data}"), panels: [accuracy, loss] })
}

struct Curves {
    title: String,
    panels: [Panel; 2],
}

/// One measure: points of epoch and value.
struct Panel {
    title: &'static str,
    training: Vec<(f64, f64)>,
    validation: Vec<(f64, f64)>,
    better: fn(f64, f64) -> bool,
}

impl Plot for Curves {
    const NAME: &'static str = "curves";

    fn size(&self) -> (u32, u32) {
        (1080, 460)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), DrawingError<B>> {
        let (title, panels) = area.split_vertically(scale.length(TITLE));
        scale.write(&title, &self.title, 22, INK, (self.size().0 as i32 / 2, 22, HPos::Center))?;
        let width = self.size().0 as i32 / 2;
        for (panel, area) in self.panels.iter().zip(panels.split_evenly((1, 2))) {
            let (header, plot) = area.split_vertically(scale.length(HEADER));
            panel.draw_header(&header, scale, width)?;
            panel.draw_lines(&plot, scale)?;
        }
        Ok(())
    }
}

impl Panel {
    /// The title, and below it the legend: outside the plot, where it hides no curve.
    fn draw_header<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        scale: Scale,
        width: i32,
    ) -> Result<(), DrawingError<B>> {
        let (y, dash) = (40, 26);
        scale.write(area, self.title, 18, INK, (width / 2, 16, HPos::Center))?;
        let middle = scale.at(dash / 2, 0).0;
        let (left, right) = (scale.at(90, y), scale.at(210, y));
        let line = |(x, y): (i32, i32), color: RGBColor| {
            PathElement::new([(x, y), (x + 2 * middle, y)], color.stroke_width(scale.length(2)))
        };
        area.draw(&line(left, TRAINING))?;
        area.draw(&Circle::new((left.0 + middle, left.1), scale.length(MARK), TRAINING.filled()))?;
        scale.write(area, "training", 15, INK, (90 + dash + 8, y, HPos::Left))?;
        area.draw(&line(right, VALIDATION))?;
        area.draw(&triangle((right.0 + middle, right.1), scale))?;
        let best = self.best().map(|(epoch, value)| format!(", best {value:.4} after epoch {epoch} (ring)"));
        let text = format!("validation{}", best.unwrap_or_default());
        scale.write(area, &text, 15, INK, (210 + dash + 8, y, HPos::Left))
    }

    fn draw_lines<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), DrawingError<B>> {
        let points = || self.training.iter().chain(&self.validation).copied();
        let last = points().map(|point| point.0).fold(2.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin_left(scale.length(6))
            .margin_right(scale.length(18))
            .margin_bottom(scale.length(6))
            .x_label_area_size(scale.length(44))
            .y_label_area_size(scale.length(56))
            .build_cartesian_2d(1.0..last, range(points().map(|point| point.1)))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID.stroke_width(scale.length(1)))
            .light_line_style(WHITE.mix(0.0))
            .axis_style(INK.stroke_width(scale.length(1)))
            .label_style(scale.text(15, INK, HPos::Left))
            .axis_desc_style(scale.text(16, INK, HPos::Left))
            .x_desc("epoch")
            .x_labels(last.min(11.0) as usize)
            .y_labels(6)
            .y_label_offset(scale.text_drop(15))
            .x_label_formatter(&|epoch| format!("{epoch:.0}"))
            .y_label_formatter(&|value| format!("{value:.2}"))
            .set_all_tick_mark_size(scale.length(4))
            .draw()?;
        let width = scale.length(2);
        chart.draw_series(LineSeries::new(self.training.iter().copied(), TRAINING.stroke_width(width)))?;
        chart.draw_series(LineSeries::new(self.validation.iter().copied(), VALIDATION.stroke_width(width)))?;
        let circle = |&point: &(f64, f64)| Circle::new(point, scale.length(MARK), TRAINING.filled());
        chart.draw_series(self.training.iter().map(circle))?;
        chart.draw_series(self.validation.iter().map(|&point| triangle(point, scale)))?;
        let ring = |point| Circle::new(point, scale.length(2 * MARK + 1), VALIDATION.stroke_width(width));
        chart.draw_series(self.best().map(ring)).map(drop)
    }

    /// Epoch and value that are best on validation faces, the first of equals.
    fn best(&self) -> Option<(f64, f64)> {
        self.validation.iter().copied().reduce(|best, next| if (self.better)(next.1, best.1) { next } else { best })
    }
}

fn triangle<C>(point: C, scale: Scale) -> TriangleMarker<C, u32> {
    TriangleMarker::new(point, scale.length(MARK + 1), VALIDATION.filled())
}

/// What the vertical axis shows: every value, with some space above and below.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let space = (0.08 * (high - low)).max(0.01);
    low - space..high + space
}
