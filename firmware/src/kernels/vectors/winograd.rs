//! Convolution by windows of 3x3 that move by one, in 16 products for every four outputs and channel instead of 36.
//!
//! Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks", section
//! 4): with `d` a tile of 4x4 pixels and `g` a filter, the 2x2 outputs are `A' [(G g G') * (B' d B)] A`, the product in the
//! middle value by value. Here it is exact, since twice `G` has no fractions:
//!
//! ```text
//!      1  0 -1  0          2  0  0
//! B' = 0  1  1  0    2 G = 1  1  1     A' = 1  1  1  0
//!      0 -1  1  0          1 -1  1          0  1 -1 -1
//!      0  1  0 -1          0  0  2
//! ```
//!
//! A pixel's values are at most 255 in magnitude, those of a tile then at most `4 * 255`, those of a filter at most
//! `9 * 128`: 16 bits, as `vpmaddwd` takes them. The outputs are four times the sums, which fit 32 bits for up to
//! [`MOST_CHANNELS`] channels; what wraps on the way wraps back.
//!
//! ```text
//! tiles     [16][tiles][C_IN]          of some rows of tiles, about TILES of them
//! filters   [2][16][C_IN / 2][8][2]    sixteen of them, made for those tiles
//! products  [16][tiles][16]            of a row of tiles, or a few short ones, with those filters
//! ```

use bytemuck::cast;
use shared::shape::{Shape, Window};

use super::{
    super::{
        ConvArguments, ShapeMismatch, span,
        stripe::{Columns, Convolution},
    },
    LANES,
    tile::{Pairs, tile},
    vector::{self, FILTERS, PIXELS, Vector, transpose, widen, words},
    writer::Writer,
};

/// Places of a tile.
const PLACES: usize = 16;

/// Channels, and filters, that are taken at a time.
const CHUNK: usize = 16;

/// Tiles at a time, for which the filters are made; or one row of them, if it has more.
const TILES: usize = 144;

/// Tiles whose products are kept at a time; or one row of them, if it has more.
const PRODUCTS: usize = 12;

/// Above this many channels a sum might not fit.
const MOST_CHANNELS: u16 = 1024;

/// With fewer output pixels, the filters take longer than the products.
const LEAST_PIXELS: usize = 32;

/// Whether convolutions of this window from `input` to `output` are computed this way.
pub const fn fits(window: &Window, input: Shape, output: Shape) -> bool {
    let Window { kernel_height, kernel_width, stride_height, stride_width, .. } = *window;
    let whole = (input.channels as usize).is_multiple_of(CHUNK) && (output.channels as usize).is_multiple_of(CHUNK);
    let pixels = output.height as usize * output.width as usize;
    matches!([kernel_height, kernel_width, stride_height, stride_width], [3, 3, 1, 1])
        && whole
        && input.channels <= MOST_CHANNELS
        && pixels >= LEAST_PIXELS
}

/// Tiles that are kept at a time, with a limit that one row may exceed.
const fn most(limit: usize, width: u16) -> usize {
    let across = (width as usize).div_ceil(2);
    if across > limit { across } else { limit }
}

const fn tile_words(input: Shape, width: u16) -> usize {
    PLACES * most(TILES, width) * input.channels as usize / 2
}

const fn filter_words(input: Shape) -> usize {
    CHUNK * PLACES * input.channels as usize / 2
}

const fn product_words(width: u16) -> usize {
    PLACES * most(PRODUCTS, width) * CHUNK
}

/// Words of scratch that a convolution takes.
pub const fn words_of(input: Shape, output: Shape) -> usize {
    tile_words(input, output.width) + filter_words(input) + product_words(output.width)
}

impl Convolution<'_> {
    /// As [`run`](Self::run), for what [`fits`].
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    pub(super) fn run_winograd(&self, output: &mut [i8], scratch: &mut [i32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { input_shape, output_shape, .. } = *self.arguments;
        let (depth, width) = (usize::from(input_shape.channels), self.region.width);
        let (tiles, scratch) =
            scratch.split_at_mut_checked(tile_words(input_shape, output_shape.width)).ok_or(ShapeMismatch)?;
        let (filters, products) = scratch.split_at_mut_checked(filter_words(input_shape)).ok_or(ShapeMismatch)?;
        let (filters, products) = (filters.as_chunks_mut().0, products.as_chunks_mut().0);
        let across = usize::from(width).div_ceil(2).max(1);
        let height = if width == 0 { 0 } else { usize::from(self.region.height) };
        let (band, part) = ((TILES / across).max(1), (PRODUCTS / across).max(1));
        for first in (0..height.div_ceil(2)).step_by(band) {
            let down = band.min(height.div_ceil(2) - first);
            let count = down * across;
            let tiles = tiles.get_mut(..PLACES * count * depth / 2).ok_or(ShapeMismatch)?;
            for row in 0..down {
                let y = usize::from(self.region.top) + 2 * (first + row);
                self.transform_tiles(y, [row * across, across, count], bytemuck::cast_slice_mut(tiles))?;
            }
            for filter in (0..usize::from(output_shape.channels)).step_by(CHUNK) {
                self.transform_filters(filter, filters)?;
                let (a, b) = span(self.channels, filter, CHUNK)?.split_at(LANES);
                let words = [words(a), words(b)];
                let writer = Writer::new(self.arguments, words.each_ref(), CHUNK);
                let mut lines = self.rows(output)?.skip(2 * first).map(|(_, line)| line);
                for row in (0..down).step_by(part) {
                    let part = part.min(down - row);
                    let some = [row * across, part * across, count];
                    self.multiply(tiles, filters, some, products)?;
                    for row in 0..part {
                        let lines = [lines.next(), lines.next()];
                        self.transform_products(
                            products,
                            [row * across, across, part * across],
                            filter,
                            &writer,
                            lines,
                        )?;
                    }
                }
            }
        }
        Ok(())
    }

    /// `2 G g (2 G)'` of sixteen filters from `first` on.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn transform_filters(&self, first: usize, filters: &mut [Pairs]) -> Result<(), ShapeMismatch> {
        let depth = usize::from(self.arguments.input_shape.channels);
        let weights = span(self.weights, first * 9 * depth, CHUNK * 9 * depth)?;
        let mut transformed = [[vector::zero(); LANES]; PLACES];
        let eights = weights.chunks_exact((LANES * 9 * depth).max(1));
        for (weights, to) in eights.zip(filters.chunks_exact_mut((PLACES * depth / 2).max(1))) {
            for channel in (0..depth).step_by(CHUNK) {
                for (filter, weights) in weights.chunks_exact((9 * depth).max(1)).enumerate() {
                    let mut g = [vector::zero(); 9];
                    for (tap, g) in g.iter_mut().enumerate() {
                        let weights = weights.get(tap * depth + channel..).ok_or(ShapeMismatch)?;
                        *g = widen(weights.first_chunk().ok_or(ShapeMismatch)?);
                    }
                    let [a, b, c, d, e, f, g, h, i] = g;
                    let columns = [filter_column([a, d, g]), filter_column([b, e, h]), filter_column([c, f, i])];
                    for row in 0..4 {
                        let values = filter_column([columns[0][row], columns[1][row], columns[2][row]]);
                        for (column, value) in values.into_iter().enumerate() {
                            transformed[4 * row + column][filter] = value;
                        }
                    }
                }
                for (place, values) in transformed.iter().enumerate() {
                    let to = to.get_mut((place * depth + channel) / 2..).ok_or(ShapeMismatch)?;
                    let to: &mut [Pairs; LANES] = to.first_chunk_mut().ok_or(ShapeMismatch)?;
                    for (to, values) in to.iter_mut().zip(transpose(*values)) {
                        *to = cast(values);
                    }
                }
            }
        }
        Ok(())
    }

    /// `B' d B` of a row of `across` tiles, of which the first is number `start` of `count`, for output rows `y` and `y + 1`.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn transform_tiles(
        &self,
        y: usize,
        [start, across, count]: [usize; 3],
        tiles: &mut [i16],
    ) -> Result<(), ShapeMismatch> {
        let depth = usize::from(self.arguments.input_shape.channels);
        let offset = vector::of_half(self.arguments.input_offset as i16);
        let Columns { blank, count: columns, .. } = self.columns;
        let mut rows = [None; 4];
        for (ky, row) in rows.iter_mut().enumerate() {
            *row = self.input_row(y, ky)?;
        }
        for channel in (0..depth).step_by(CHUNK) {
            let column = |index: usize| -> Result<[Vector; 4], ShapeMismatch> {
                let mut d = [vector::zero(); 4];
                if (blank..blank + columns).contains(&index) {
                    for (d, row) in d.iter_mut().zip(rows) {
                        let Some(row) = row else { continue };
                        let values = span(row, (index - blank) * depth + channel, CHUNK)?;
                        let values = values.first_chunk().ok_or(ShapeMismatch)?;
                        *d = vector::add_halves(widen(values), offset);
                    }
                }
                Ok(tile_column(d))
            };
            let (mut a, mut b) = (column(0)?, column(1)?);
            for index in 0..across {
                let (c, d) = (column(2 * index + 2)?, column(2 * index + 3)?);
                for row in 0..4 {
                    let values = tile_column([a[row], b[row], c[row], d[row]]);
                    for (column, value) in values.into_iter().enumerate() {
                        let place = 4 * row + column;
                        let to = tiles.get_mut((place * count + start + index) * depth + channel..);
                        let to: &mut [i16; CHUNK] = to.and_then(|to| to.first_chunk_mut()).ok_or(ShapeMismatch)?;
                        *to = cast(value);
                    }
                }
                (a, b) = (c, d);
            }
        }
        Ok(())
    }

    /// The products of `some` tiles from `start` on of `count` with sixteen filters, summed over the channels.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn multiply(
        &self,
        tiles: &[i32],
        filters: &[Pairs],
        [start, some, count]: [usize; 3],
        products: &mut [[i32; CHUNK]],
    ) -> Result<(), ShapeMismatch> {
        let pairs = usize::from(self.arguments.input_shape.channels) / 2;
        let (a, b) = filters.split_at_checked(PLACES * pairs).ok_or(ShapeMismatch)?;
        let places = a.chunks_exact(pairs.max(1)).zip(b.chunks_exact(pairs.max(1)));
        let tiles = tiles.chunks_exact((count * pairs).max(1)).zip(products.chunks_exact_mut(some.max(1)));
        for ((a, b), (tiles, products)) in places.zip(tiles) {
            let mut at = 0;
            while at < some {
                let windows = tiles.get((start + at) * pairs..).ok_or(ShapeMismatch)?;
                let to = products.get_mut(at..).ok_or(ShapeMismatch)?;
                at += match some - at {
                    PIXELS.. => multiply_some::<PIXELS>(windows, pairs, [a, b], to),
                    3.. => multiply_some::<3>(windows, pairs, [a, b], to),
                    _ => multiply_some::<1>(windows, pairs, [a, b], to),
                };
            }
        }
        Ok(())
    }

    /// `A' m A` of a row of `across` tiles, the first of which is number `start` of `count`, requantized, to sixteen channels
    /// from `first` on of up to two rows of pixels.
    #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
    fn transform_products(
        &self,
        products: &[[i32; CHUNK]],
        [start, across, count]: [usize; 3],
        first: usize,
        writer: &Writer<2>,
        mut lines: [Option<&mut [i8]>; 2],
    ) -> Result<(), ShapeMismatch> {
        let outputs = usize::from(self.arguments.output_shape.channels);
        let width = usize::from(self.region.width);
        for index in 0..across {
            // Two vectors of sums for every column of products and row of outputs. Closures that hand over vectors would not be
            // inlined where the compiler takes no AVX2 for granted.
            let mut columns = [[[vector::zero(); 2]; 2]; 4];
            for (column, to) in columns.iter_mut().enumerate() {
                let mut m = [[vector::zero(); 4]; 2];
                for row in [0, 1, 2, 3] {
                    let place = products.get((4 * row + column) * count + start + index).ok_or(ShapeMismatch)?;
                    let [a, b] = cast::<_, [[i32; LANES]; 2]>(*place);
                    (m[0][row], m[1][row]) = (cast(a), cast(b));
                }
                *to = [output_column(m[0]), output_column(m[1])];
            }
            let [a, b, c, d] = columns;
            for (row, line) in lines.iter_mut().enumerate() {
                let Some(line) = line else { continue };
                let low = output_column([a[0][row], b[0][row], c[0][row], d[0][row]]);
                let high = output_column([a[1][row], b[1][row], c[1][row], d[1][row]]);
                for (x, (low, high)) in (2 * index..width).zip(low.into_iter().zip(high)) {
                    let to = line.get_mut(x * outputs + first..).ok_or(ShapeMismatch)?;
                    writer.write([vector::quarter_words(low), vector::quarter_words(high)], to);
                }
            }
        }
        Ok(())
    }
}

/// `2 G g` of a column of a filter.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn filter_column([a, b, c]: [Vector; 3]) -> [Vector; 4] {
    let ends = vector::add_halves(a, c);
    [vector::add_halves(a, a), vector::add_halves(ends, b), vector::sub_halves(ends, b), vector::add_halves(c, c)]
}

/// `B' d` of a column of a tile.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn tile_column([a, b, c, d]: [Vector; 4]) -> [Vector; 4] {
    [vector::sub_halves(a, c), vector::add_halves(b, c), vector::sub_halves(c, b), vector::sub_halves(b, d)]
}

/// `A' m` of a column of products.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn output_column([a, b, c, d]: [Vector; 4]) -> [Vector; 2] {
    [vector::add_words(vector::add_words(a, b), c), vector::sub_words(vector::sub_words(b, c), d)]
}

/// The sums of `COUNT` tiles at one place, and their number.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
#[inline]
fn multiply_some<const COUNT: usize>(
    tiles: &[i32],
    pairs: usize,
    filters: [&[Pairs]; 2],
    products: &mut [[i32; CHUNK]],
) -> usize {
    if FILTERS == 2 {
        for (to, sums) in products.iter_mut().zip(tile::<COUNT, 2>(tiles, pairs, filters)) {
            *to = cast(sums);
        }
        return COUNT;
    }
    for (half, filters) in filters.into_iter().enumerate() {
        for (to, [sums]) in products.iter_mut().zip(tile::<COUNT, 1>(tiles, pairs, [filters])) {
            to.as_chunks_mut::<LANES>().0[half] = cast(sums);
        }
    }
    COUNT
}
