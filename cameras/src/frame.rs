//! A grey frame.

use std::{borrow::Cow, time::Duration};

/// Grey levels, row by row without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyFrame {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    /// When it is to be shown, counted from the first frame, if the source says so.
    pub time: Option<Duration>,
}

/// By how much a picture is turned, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Not at all.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees.
    ThreeQuarters,
}

impl GreyFrame {
    /// A frame of `width * height` grey levels; `None` if there are no pixels, or not as many.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Option<Self> {
        let fits = width.checked_mul(height) == Some(pixels.len()) && !pixels.is_empty();
        fits.then_some(Self { width, height, pixels, time: None })
    }

    /// `height` rows of `width` grey levels that begin every `stride` bytes, `step` bytes from pixel to pixel; `None` if `bytes`
    /// ends before them.
    pub fn from_rows(bytes: &[u8], width: usize, height: usize, stride: usize, step: usize) -> Option<Self> {
        let row = width.checked_sub(1)?.checked_mul(step)?.checked_add(1)?;
        if step == 0 || row > stride {
            return None;
        }
        let mut pixels = Vec::new();
        for y in 0..height {
            let start = y.checked_mul(stride)?;
            let row = bytes.get(start..start.checked_add(row)?)?;
            match step {
                1 => pixels.extend_from_slice(row),
                _ => pixels.extend(row.iter().step_by(step)),
            }
        }
        Self::new(width, height, pixels)
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The grey levels, row by row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The grey levels of a row; of the last one for any beyond.
    pub fn row(&self, y: usize) -> &[u8] {
        let start = y.min(self.height - 1) * self.width;
        &self.pixels[start..start + self.width]
    }

    /// The frame, made smaller so that it has at most `columns` x `rows` pixels (at least 1x1). Both sides shrink alike; every
    /// pixel is the mean of the area that it covers.
    pub fn fit(&self, columns: usize, rows: usize) -> Cow<'_, Self> {
        let (columns, rows) = (columns.max(1), rows.max(1));
        if self.width <= columns && self.height <= rows {
            return Cow::Borrowed(self);
        }
        // The side that is the most too long decides, in whole numbers.
        let (width, height) = match self.width * rows >= self.height * columns {
            true => (columns, scaled(self.height, columns, self.width)),
            false => (scaled(self.width, rows, self.height), rows),
        };
        Cow::Owned(self.shrunk(width, height))
    }

    /// `width` is at most the frame's, and so is `height`.
    fn shrunk(&self, width: usize, height: usize) -> Self {
        let (across, down) = (spans(self.width, width), spans(self.height, height));
        let whole = self.width as u64 * self.height as u64;
        let mut pixels = Vec::with_capacity(width * height);
        let mut sums = vec![0u64; width];
        for span in &down {
            sums.fill(0);
            for (row, weight) in span.weights() {
                let row = self.row(row);
                for (sum, span) in sums.iter_mut().zip(&across) {
                    *sum += weight * span.weights().map(|(x, weight)| weight * u64::from(row[x])).sum::<u64>();
                }
            }
            pixels.extend(sums.iter().map(|sum| ((sum + whole / 2) / whole) as u8));
        }
        Self { width, height, pixels, time: self.time }
    }

    /// The frame, turned.
    pub fn turned(self, turn: Turn) -> Self {
        let Self { width, height, time, .. } = self;
        match turn {
            Turn::None => self,
            Turn::Half => Self { pixels: self.pixels.into_iter().rev().collect(), ..self },
            Turn::Quarter | Turn::ThreeQuarters => {
                let mut pixels = Vec::with_capacity(self.pixels.len());
                for x in 0..width {
                    let x = if turn == Turn::Quarter { x } else { width - 1 - x };
                    let column = (0..height).map(|y| self.pixels[y * width + x]);
                    match turn {
                        Turn::Quarter => pixels.extend(column.rev()),
                        _ => pixels.extend(column),
                    }
                }
                Self { width: height, height: width, pixels, time }
            }
        }
    }
}

/// `length * by / of`, rounded, at least 1.
fn scaled(length: usize, by: usize, of: usize) -> usize {
    ((2 * length * by + of) / (2 * of)).max(1)
}

/// The pixels that one pixel of a smaller line covers, with their weights. All weights of a line add up to `from`, its length.
struct Span {
    first: usize,
    last: usize,
    weight_of_first: u64,
    weight_between: u64,
    weight_of_last: u64,
}

impl Span {
    fn weights(&self) -> impl Iterator<Item = (usize, u64)> {
        (self.first..=self.last).map(|place| match place {
            place if place == self.first => (place, self.weight_of_first),
            place if place == self.last => (place, self.weight_of_last),
            place => (place, self.weight_between),
        })
    }
}

/// Each pixel of the smaller line covers `from` parts, each pixel of the larger one has `to` of them.
fn spans(from: usize, to: usize) -> Vec<Span> {
    let span = |index: usize| {
        let (start, end) = (index * from, (index + 1) * from);
        let (first, last) = (start / to, (end - 1) / to);
        let weight_of_first = ((first + 1) * to).min(end) - start;
        let weight_of_last = end - (last * to).max(start);
        Span {
            first,
            last,
            weight_of_first: weight_of_first as u64,
            weight_between: to as u64,
            weight_of_last: weight_of_last as u64,
        }
    };
    (0..to).map(span).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u8) -> GreyFrame {
        let pixels = (0..width * height).map(|index| pixel(index % width, index / width)).collect();
        GreyFrame::new(width, height, pixels).expect("pixels")
    }

    #[test]
    fn a_smaller_frame_is_the_mean_of_what_it_covers() {
        let large = frame(4, 2, |x, y| (10 * x + 100 * y) as u8);
        assert_eq!(large.fit(2, 2).into_owned(), frame(2, 1, |x, _| 55 + 20 * x as u8));
        // Three pixels become two: each covers one and a half.
        let thirds = frame(3, 1, |x, _| [0, 90, 240][x]);
        assert_eq!(thirds.fit(2, 1).pixels(), [30, 190]);
    }

    #[test]
    fn a_frame_that_fits_stays_as_it_is() {
        let small = frame(320, 240, |x, y| (x ^ y) as u8);
        assert!(matches!(small.fit(320, 240), Cow::Borrowed(_)));
        assert!(matches!(frame(1, 1, |_, _| 7).fit(320, 240), Cow::Borrowed(_)));
    }

    #[test]
    fn both_sides_shrink_alike_and_none_vanishes() {
        let size = |width, height| {
            let frame = frame(width, height, |_, _| 9);
            let fit = frame.fit(320, 240).into_owned();
            (fit.width(), fit.height())
        };
        assert_eq!(size(640, 480), (320, 240));
        assert_eq!(size(1280, 720), (320, 180));
        assert_eq!(size(720, 1280), (135, 240));
        assert_eq!(size(5000, 20), (320, 1));
        assert_eq!(size(20, 5000), (1, 240));
        assert_eq!(size(5000, 1), (320, 1));
    }

    #[test]
    fn turns_are_clockwise_and_four_quarters_are_none() {
        let wide = GreyFrame::new(3, 2, vec![1, 2, 3, 4, 5, 6]).expect("pixels");
        let turned = |turn| wide.clone().turned(turn);
        assert_eq!(turned(Turn::Quarter), GreyFrame::new(2, 3, vec![4, 1, 5, 2, 6, 3]).expect("pixels"));
        assert_eq!(turned(Turn::Half), GreyFrame::new(3, 2, vec![6, 5, 4, 3, 2, 1]).expect("pixels"));
        assert_eq!(turned(Turn::ThreeQuarters), GreyFrame::new(2, 3, vec![3, 6, 2, 5, 1, 4]).expect("pixels"));
        assert_eq!(turned(Turn::Quarter).turned(Turn::ThreeQuarters), wide);
    }

    #[test]
    fn rows_with_gaps_and_steps_are_read_and_short_ones_are_refused() {
        let bytes = [1, 0, 2, 0, 9, 3, 0, 4];
        let read = GreyFrame::from_rows(&bytes, 2, 2, 5, 2).expect("pixels");
        assert_eq!(read, GreyFrame::new(2, 2, vec![1, 2, 3, 4]).expect("pixels"));
        assert_eq!(GreyFrame::from_rows(&bytes[..7], 2, 2, 5, 2), None);
        assert_eq!(GreyFrame::from_rows(&bytes, 2, 2, 1, 1), None, "rows that overlap");
        assert_eq!(GreyFrame::from_rows(&bytes, 0, 2, 1, 1), None);
        assert_eq!(GreyFrame::from_rows(&bytes, 1, usize::MAX, usize::MAX, 1), None);
    }

    proptest! {
        #[test]
        fn the_mean_of_a_frame_stays(width in 1usize..70, height in 1usize..70, columns in 1usize..40, rows in 1usize..40) {
            let frame = frame(width, height, |x, y| (x * 37 + y * 59) as u8);
            let fit = frame.fit(columns, rows);
            prop_assert!(fit.width() <= columns.max(width.min(columns)) && fit.height() <= rows);
            let mean = |frame: &GreyFrame| frame.pixels().iter().map(|&p| f64::from(p)).sum::<f64>() / frame.pixels().len() as f64;
            prop_assert!((mean(&frame) - mean(&fit)).abs() <= 0.5);
        }
    }
}
