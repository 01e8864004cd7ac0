//! A plot as PNG and SVG.

use std::{io::Cursor, path::Path, sync::OnceLock};

use image::{ImageFormat, RgbImage, imageops};
use plotters::{
    coord::Shift,
    prelude::{BitMapBackend, DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, SVGBackend},
    style::{
        Color, FontStyle, IntoFont, RGBColor, TextStyle, WHITE, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{ReportError, write_file};

/// Pixels of the PNG for one unit of a plot: sharp on dense displays and in print.
const PNG_SCALE: u32 = 2;

/// Pixels drawn for one of the PNG in each direction: plotters sets glyphs and thick lines on whole pixels, averaging makes
/// them smooth.
const OVERSAMPLING: u32 = 2;

/// How far above its place plotters sets vertically centred text on a bitmap, as a share of the font's size: it takes the
/// middle of the line for the middle of the letters.
const BITMAP_TEXT_LIFT: f64 = 0.2;

/// The font's name; a viewer of the SVG takes its own of that name.
pub(super) const FONT: &str = "sans-serif";

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(40, 40, 40);
/// Lines that only guide the eye.
pub(super) const GRID: RGBColor = RGBColor(222, 222, 222);

/// A figure in two formats, with the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// A PNG file.
    pub png: Vec<u8>,
    /// An SVG file.
    pub svg: String,
}

impl Figure {
    /// Writes `STEM.png` and `STEM.svg`.
    ///
    /// # Errors
    /// [`ReportError::Write`] if a file cannot be written.
    pub fn write(&self, folder: &Path, stem: &str) -> Result<(), ReportError> {
        write_file(&folder.join(format!("{stem}.png")), &self.png)?;
        write_file(&folder.join(format!("{stem}.svg")), self.svg.as_bytes())
    }
}

/// Why a backend did not draw.
pub(super) type DrawingError<B> = DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>;

/// Something to draw, on any backend.
pub(super) trait Plot {
    /// What it is, for errors.
    const NAME: &'static str;

    /// Width and height in units.
    fn size(&self) -> (u32, u32);

    /// Draws it; lengths and font sizes are units, which `scale` makes pixels of.
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), DrawingError<B>>;
}

/// From units to pixels.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    factor: u32,
    /// As a share of the font's size, what centred text has to be lowered by.
    text_lift: f64,
}

impl Scale {
    /// A length in pixels.
    pub fn length(self, units: u32) -> u32 {
        units * self.factor
    }

    /// A point in pixels.
    pub fn at(self, x: i32, y: i32) -> (i32, i32) {
        (x * self.factor as i32, y * self.factor as i32)
    }

    /// Text of this size, centred vertically.
    pub fn text(self, size: u32, color: RGBColor, horizontal: HPos) -> TextStyle<'static> {
        TextStyle {
            font: (FONT, self.length(size)).into_font(),
            color: color.to_backend_color(),
            pos: Pos::new(horizontal, VPos::Center),
        }
    }

    /// Pixels to lower centred text of this size by.
    pub fn text_drop(self, size: u32) -> i32 {
        (f64::from(self.length(size)) * self.text_lift).round() as i32
    }

    /// Writes text whose middle, or whose side that `horizontal` names, lies at `(x, y)`.
    pub fn write<B: DrawingBackend>(
        self,
        area: &DrawingArea<B, Shift>,
        text: &str,
        size: u32,
        color: RGBColor,
        (x, y, horizontal): (i32, i32, HPos),
    ) -> Result<(), DrawingError<B>> {
        let (x, y) = self.at(x, y);
        area.draw_text(text, &self.text(size, color, horizontal), (x, y + self.text_drop(size)))
    }
}

/// The plot in both formats.
pub(super) fn render<P: Plot>(plot: &P) -> Result<Figure, ReportError> {
    let error = |problem: String| ReportError::Draw { figure: P::NAME, problem };
    register();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, plot.size()).into_drawing_area();
        draw(plot, &area, Scale { factor: 1, text_lift: 0.0 }).map_err(|problem| error(problem.to_string()))?;
    }
    let (width, height) = (plot.size().0 * PNG_SCALE, plot.size().1 * PNG_SCALE);
    let drawn = (width * OVERSAMPLING, height * OVERSAMPLING);
    let mut pixels = RgbImage::new(drawn.0, drawn.1);
    {
        let area = BitMapBackend::with_buffer(&mut pixels, drawn).into_drawing_area();
        let scale = Scale { factor: PNG_SCALE * OVERSAMPLING, text_lift: BITMAP_TEXT_LIFT };
        draw(plot, &area, scale).map_err(|problem| error(problem.to_string()))?;
    }
    let image = imageops::thumbnail(&pixels, width, height);
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, ImageFormat::Png).map_err(|problem| error(problem.to_string()))?;
    Ok(Figure { png: png.into_inner(), svg })
}

fn draw<P: Plot, B: DrawingBackend>(
    plot: &P,
    area: &DrawingArea<B, Shift>,
    scale: Scale,
) -> Result<(), DrawingError<B>> {
    area.fill(&WHITE)?;
    plot.draw(area, scale)?;
    area.present()
}

/// Gives plotters the font that it measures text with, once in a process.
pub(super) fn register() {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    // A font that does not parse would show as an error of the first text that is drawn.
    REGISTERED.get_or_init(|| drop(register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)));
}

/// `12345` as `12,345`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
