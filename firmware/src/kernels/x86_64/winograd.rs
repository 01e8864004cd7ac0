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
//! filters   [C_OUT / 8][16][C_IN / 2][8][2]    once a call
//! tiles     [16][tiles][C_IN]                  of one or more rows of tiles, about TILES of them
//! products  [16][tiles][16]                    of those tiles with sixteen filters
//! ```

use core::arch::x86_64::*;

use bytemuck::cast;
use shared::shape::{Shape, Window};

use super::{
    super::{
        ShapeMismatch, span,
        stripe::{Columns, Convolution},
    },
    conv2d::{PIXELS, Pairs, Writer, tile},
    requantize::{LANES, Words, words},
    transpose, widen,
};

/// Places of a tile.
const PLACES: usize = 16;

/// Channels, and filters, that are taken at a time.
const CHUNK: usize = 16;

/// Tiles at a time, if a row of pixels has fewer.
const TILES: usize = 12;

/// Rows of tiles at a time.
const TILE_ROWS: usize = 4;

/// Above this many channels a sum might not fit.
const MOST_CHANNELS: u16 = 1024;

/// With fewer output pixels, the filters take longer than the products.
const LEAST_PIXELS: usize = 32;

/// Whether convolutions of this window from `input` to `output` go this way.
pub const fn fits(window: &Window, input: Shape, output: Shape) -> bool {
    let Window { kernel_height, kernel_width, stride_height, stride_width, .. } = *window;
    let whole = input.channels as usize % CHUNK == 0 && output.channels as usize % CHUNK == 0;
    let pixels = output.height as usize * output.width as usize;
    matches!([kernel_height, kernel_width, stride_height, stride_width], [3, 3, 1, 1])
        && whole
        && input.channels <= MOST_CHANNELS
        && pixels >= LEAST_PIXELS
}

/// Tiles that one pass holds at most, for outputs of up to `width` pixels a row.
const fn most_tiles(width: u16) -> usize {
    let tiles = (width as usize).div_ceil(2);
    if tiles > TILES { tiles } else { TILES }
}

const fn filter_words(input: Shape, output: Shape) -> usize {
    output.channels as usize * PLACES * input.channels as usize / 2
}

const fn tile_words(input: Shape, width: u16) -> usize {
    PLACES * most_tiles(width) * input.channels as usize / 2
}

const fn product_words(width: u16) -> usize {
    PLACES * most_tiles(width) * CHUNK
}

/// Words of scratch that a convolution takes.
pub const fn words_of(input: Shape, output: Shape) -> usize {
    filter_words(input, output) + tile_words(input, output.width) + product_words(output.width)
}

impl Convolution<'_> {
    /// As [`run`](Self::run), for what [`fits`].
    #[target_feature(enable = "avx2")]
    pub(super) fn run_winograd(&self, output: &mut [i8], scratch: &mut [i32]) -> Result<(), ShapeMismatch> {
        let (input_shape, output_shape) = (self.arguments.input_shape, self.arguments.output_shape);
        let split = scratch.split_at_mut_checked(filter_words(input_shape, output_shape));
        let (filters, scratch) = split.ok_or(ShapeMismatch)?;
        let split = scratch.split_at_mut_checked(tile_words(input_shape, output_shape.width));
        let (tiles, products) = split.ok_or(ShapeMismatch)?;
        let products = products.get_mut(..product_words(output_shape.width)).ok_or(ShapeMismatch)?;
        let products: &mut [[i32; CHUNK]] = products.as_chunks_mut().0;
        self.transform_filters(filters.as_chunks_mut().0)?;
        let filters: &[Pairs] = filters.as_chunks().0;
        let across = usize::from(self.region.width).div_ceil(2).max(1);
        let down = (TILES / across).clamp(1, TILE_ROWS);
        let mut rows = self.rows(output)?;
        loop {
            let mut lines: [Option<&mut [i8]>; 2 * TILE_ROWS] = Default::default();
            let mut first = None;
            for (line, (y, row)) in lines.iter_mut().zip(rows.by_ref().take(2 * down)) {
                first = first.or(Some(y));
                *line = Some(row);
            }
            let Some(first) = first else { return Ok(()) };
            let down = lines.iter().flatten().count().div_ceil(2);
            let count = down * across;
            let tiles = tiles.get_mut(..PLACES * count * usize::from(input_shape.channels) / 2).ok_or(ShapeMismatch)?;
            let products = products.get_mut(..PLACES * count).ok_or(ShapeMismatch)?;
            for row in 0..down {
                self.transform_tiles(first + 2 * row, [row * across, across, count], bytemuck::cast_slice_mut(tiles))?;
            }
            let chunk = CHUNK / LANES * PLACES * usize::from(input_shape.channels) / 2;
            for (index, filters) in filters.chunks_exact(chunk.max(1)).enumerate() {
                self.multiply(tiles, filters, count, products)?;
                let first = index * CHUNK;
                let (a, b) = span(self.channels, first, CHUNK)?.split_at(LANES);
                let requantizers = [words(a), words(b)];
                let requantizers = requantizers.each_ref();
                for (row, lines) in lines.chunks_mut(2).take(down).enumerate() {
                    self.transform_products(products, [row * across, across, count], first, requantizers, lines)?;
                }
            }
        }
    }

    /// `2 G g (2 G)'` of every filter and channel.
    #[target_feature(enable = "avx2")]
    fn transform_filters(&self, filters: &mut [Pairs]) -> Result<(), ShapeMismatch> {
        let depth = usize::from(self.arguments.input_shape.channels);
        let eights = self.weights.chunks_exact((LANES * 9 * depth).max(1));
        for (weights, to) in eights.zip(filters.chunks_exact_mut((PLACES * depth / 2).max(1))) {
            for channel in (0..depth).step_by(CHUNK) {
                let mut transformed = [[_mm256_setzero_si256(); LANES]; PLACES];
                for filter in 0..LANES {
                    let mut g = [_mm256_setzero_si256(); 9];
                    for (tap, g) in g.iter_mut().enumerate() {
                        let weights = weights.get((filter * 9 + tap) * depth + channel..).ok_or(ShapeMismatch)?;
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
                for (place, values) in transformed.into_iter().enumerate() {
                    let to = to.get_mut((place * depth + channel) / 2..).ok_or(ShapeMismatch)?;
                    let to: &mut [Pairs; LANES] = to.first_chunk_mut().ok_or(ShapeMismatch)?;
                    for (to, values) in to.iter_mut().zip(transpose(values)) {
                        *to = cast(values);
                    }
                }
            }
        }
        Ok(())
    }

    /// `B' d B` of a row of `across` tiles, of which the first is number `start` of `count`, for output rows `y` and `y + 1`.
    #[target_feature(enable = "avx2")]
    fn transform_tiles(
        &self,
        y: usize,
        [start, across, count]: [usize; 3],
        tiles: &mut [i16],
    ) -> Result<(), ShapeMismatch> {
        let depth = usize::from(self.arguments.input_shape.channels);
        let offset = _mm256_set1_epi16(self.arguments.input_offset as i16);
        let Columns { blank, count: columns, .. } = self.columns;
        let mut rows = [None; 4];
        for (ky, row) in rows.iter_mut().enumerate() {
            *row = self.input_row(y, ky)?;
        }
        for channel in (0..depth).step_by(CHUNK) {
            let column = |index: usize| -> Result<[__m256i; 4], ShapeMismatch> {
                let mut d = [_mm256_setzero_si256(); 4];
                if (blank..blank + columns).contains(&index) {
                    for (d, row) in d.iter_mut().zip(rows) {
                        let Some(row) = row else { continue };
                        let values = span(row, (index - blank) * depth + channel, CHUNK)?;
                        let values = values.first_chunk().ok_or(ShapeMismatch)?;
                        *d = _mm256_add_epi16(widen(values), offset);
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

    /// The products of all tiles with sixteen filters, summed over the channels.
    #[target_feature(enable = "avx2")]
    fn multiply(
        &self,
        tiles: &[i32],
        filters: &[Pairs],
        count: usize,
        products: &mut [[i32; CHUNK]],
    ) -> Result<(), ShapeMismatch> {
        let pairs = usize::from(self.arguments.input_shape.channels) / 2;
        let (a, b) = filters.split_at_checked(PLACES * pairs).ok_or(ShapeMismatch)?;
        let places = a.chunks_exact(pairs.max(1)).zip(b.chunks_exact(pairs.max(1)));
        let tiles = tiles.chunks_exact((count * pairs).max(1)).zip(products.chunks_exact_mut(count.max(1)));
        for ((a, b), (tiles, products)) in places.zip(tiles) {
            let mut at = 0;
            while at < count {
                let windows = tiles.get(at * pairs..).ok_or(ShapeMismatch)?;
                let to = products.get_mut(at..).ok_or(ShapeMismatch)?;
                at += match count - at {
                    PIXELS.. => multiply_some::<PIXELS>(windows, pairs, [a, b], to),
                    3.. => multiply_some::<3>(windows, pairs, [a, b], to),
                    _ => multiply_some::<1>(windows, pairs, [a, b], to),
                };
            }
        }
        Ok(())
    }

    /// `A' m A` of a row of tiles, requantized, to sixteen channels of up to two rows of pixels.
    #[target_feature(enable = "avx2")]
    fn transform_products(
        &self,
        products: &[[i32; CHUNK]],
        [start, across, count]: [usize; 3],
        first: usize,
        requantizers: [&Words; 2],
        lines: &mut [Option<&mut [i8]>],
    ) -> Result<(), ShapeMismatch> {
        let outputs = usize::from(self.arguments.output_shape.channels);
        let width = usize::from(self.region.width);
        let writer = Writer::new(self.arguments, requantizers, CHUNK);
        for index in 0..across {
            // Two vectors of sums for every column of products and row of outputs. Closures that hand over vectors would not be
            // inlined where the compiler takes no AVX2 for granted.
            let mut columns = [[[_mm256_setzero_si256(); 2]; 2]; 4];
            for (column, to) in columns.iter_mut().enumerate() {
                let mut m = [[_mm256_setzero_si256(); 4]; 2];
                for row in 0..4 {
                    let place = products.get((4 * row + column) * count + start + index).ok_or(ShapeMismatch)?;
                    let [a, b] = cast::<_, [[i32; LANES]; 2]>(*place);
                    (m[0][row], m[1][row]) = (cast(a), cast(b));
                }
                *to = [output_column(m[0]), output_column(m[1])];
            }
            let [a, b, c, d] = columns;
            for (row, line) in lines.iter_mut().enumerate().take(2) {
                let Some(line) = line else { continue };
                let [left, right] = output_column([a[0][row], b[0][row], c[0][row], d[0][row]]);
                let [left_high, right_high] = output_column([a[1][row], b[1][row], c[1][row], d[1][row]]);
                for (x, sums) in (2 * index..width).zip([[left, left_high], [right, right_high]]) {
                    let [low, high] = sums;
                    let to = line.get_mut(x * outputs + first..).ok_or(ShapeMismatch)?;
                    writer.write([_mm256_srai_epi32::<2>(low), _mm256_srai_epi32::<2>(high)], to);
                }
            }
        }
        Ok(())
    }
}

/// `2 G g` of a column of a filter.
#[target_feature(enable = "avx2")]
#[inline]
fn filter_column([a, b, c]: [__m256i; 3]) -> [__m256i; 4] {
    let ends = _mm256_add_epi16(a, c);
    [_mm256_add_epi16(a, a), _mm256_add_epi16(ends, b), _mm256_sub_epi16(ends, b), _mm256_add_epi16(c, c)]
}

/// `B' d` of a column of a tile.
#[target_feature(enable = "avx2")]
#[inline]
fn tile_column([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    [_mm256_sub_epi16(a, c), _mm256_add_epi16(b, c), _mm256_sub_epi16(c, b), _mm256_sub_epi16(b, d)]
}

/// `A' m` of a column of products.
#[target_feature(enable = "avx2")]
#[inline]
fn output_column([a, b, c, d]: [__m256i; 4]) -> [__m256i; 2] {
    [_mm256_add_epi32(_mm256_add_epi32(a, b), c), _mm256_sub_epi32(_mm256_sub_epi32(b, c), d)]
}

/// The sums of `COUNT` tiles at one place, and their number.
#[target_feature(enable = "avx2")]
#[inline]
fn multiply_some<const COUNT: usize>(
    tiles: &[i32],
    pairs: usize,
    filters: [&[Pairs]; 2],
    products: &mut [[i32; CHUNK]],
) -> usize {
    for (to, sums) in products.iter_mut().zip(tile::<COUNT, 2>(tiles, pairs, filters)) {
        *to = cast(sums);
    }
    COUNT
}
