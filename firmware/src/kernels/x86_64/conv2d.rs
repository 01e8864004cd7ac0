//! Convolution, also 1x1.

use core::arch::x86_64::*;

use bytemuck::cast;
use shared::{
    quantization::ChannelParameters,
    shape::{Shape, Window},
};

use super::{
    super::{
        ConvArguments, Region, ShapeMismatch, span,
        stripe::{Columns, Convolution, Layout},
    },
    avx2,
    requantize::{Ends, LANES, Requantizer, Words, words},
    transpose, widen, winograd,
};

/// Pixels of a tile. With two vectors of filters there are twelve sums, two weights and an activation: all but one of the
/// registers.
pub(super) const PIXELS: usize = 6;

/// Words of a line of the cache, at which the scratch begins: vectors that lie in two lines are slow to load.
const LINE_WORDS: usize = 16;

/// Values of a vector of 16 bits.
const CHUNK: usize = 16;

/// Two values of eight filters each, as they are stored in the scratch: `[filter][value]` in 16 bits.
pub(super) type Pairs = [i32; LANES];

const fn layout(window: &Window, input: Shape, output: Shape) -> Layout {
    Layout::new(window, input, output, 2, 2)
}

/// Words of the widened weights: for every eight filters their windows, value by value.
const fn weight_words(layout: &Layout, filters: usize) -> usize {
    filters.div_ceil(LANES) * LANES * layout.window / 2
}

/// Words of what requantizes the filters' sums.
const fn requantizer_words(filters: usize) -> usize {
    filters.div_ceil(LANES) * size_of::<Words>() / 4
}

/// Words of scratch that a convolution takes.
pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
    if winograd::fits(window, input, output) {
        return LINE_WORDS + winograd::words_of(input, output);
    }
    let layout = layout(window, input, output);
    let filters = output.channels as usize;
    LINE_WORDS + requantizer_words(filters) + weight_words(&layout, filters) + layout.values() / 2
}

/// [`conv2d_region`](crate::kernels::conv2d_region), or `None` if the processor has no AVX2 or the scratch is too small.
pub fn conv2d(
    arguments: &ConvArguments,
    region: Region,
    input: &[i8],
    weights: &[i8],
    channels: &[ChannelParameters],
    output: &mut [i8],
    scratch: &mut [i32],
) -> Option<Result<(), ShapeMismatch>> {
    if !avx2::get() {
        return None;
    }
    let scratch = scratch.get_mut(scratch.as_ptr().align_offset(LINE_WORDS * 4).min(LINE_WORDS)..)?;
    let ConvArguments { window, input_shape, output_shape, .. } = *arguments;
    let layout = layout(&window, input_shape, Shape { width: region.width, ..output_shape });
    if winograd::fits(&window, input_shape, Shape { height: region.height, width: region.width, ..output_shape }) {
        let scratch = scratch.get_mut(..winograd::words_of(input_shape, output_shape))?;
        let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
        // SAFETY: the processor has AVX2.
        return Some(convolution.and_then(|convolution| unsafe { convolution.run_winograd(output, scratch) }));
    }
    let weight_words = weight_words(&layout, output_shape.channels.into());
    let (requantizers, scratch) = scratch.split_at_mut_checked(requantizer_words(output_shape.channels.into()))?;
    let (widened, stripe) = scratch.split_at_mut_checked(weight_words)?;
    let stripe = stripe.get_mut(..layout.values() / 2)?;
    let convolution = Convolution::new(arguments, region, layout, input, weights, channels);
    let prepared =
        Prepared { requantizers: bytemuck::cast_slice_mut(requantizers), weights: widened.as_chunks_mut().0 };
    // SAFETY: the processor has AVX2.
    Some(convolution.and_then(|convolution| unsafe { convolution.run(output, prepared, stripe) }))
}

/// What is made of weights and channel parameters first, for eight filters at a time.
struct Prepared<'a> {
    requantizers: &'a mut [Words],
    weights: &'a mut [Pairs],
}

impl Convolution<'_> {
    #[target_feature(enable = "avx2")]
    fn run(&self, output: &mut [i8], prepared: Prepared<'_>, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let Prepared { requantizers, weights: widened } = prepared;
        let pairs = self.layout.window / 2;
        self.widen_weights(widened)?;
        for (to, channels) in requantizers.iter_mut().zip(self.channels.chunks(LANES)) {
            *to = words(channels);
        }
        stripe.fill(0);
        let mut next = None;
        for (y, row) in self.rows(output)? {
            if next == Some(y) && self.moves() {
                self.move_on(y, stripe)?;
            } else {
                self.fill(y, stripe)?;
            }
            next = Some(y + 1);
            // Sixteen filters at a time while there are so many, and eight at the end.
            let groups = requantizers.chunks(2).zip(widened.chunks((2 * pairs).max(1)));
            for (first, (requantizers, widened)) in (0..).step_by(2 * LANES).zip(groups) {
                match (requantizers, widened.split_at_checked(pairs)) {
                    ([c, d], Some((a, b))) => self.convolve_row([a, b], [c, d], first, stripe, row)?,
                    ([c], _) => self.convolve_row([widened], [c], first, stripe, row)?,
                    _ => return Err(ShapeMismatch),
                }
            }
        }
        Ok(())
    }

    /// One row of output pixels for `VECTORS` times eight filters from `first` on.
    #[target_feature(enable = "avx2")]
    fn convolve_row<const VECTORS: usize>(
        &self,
        weights: [&[Pairs]; VECTORS],
        requantizers: [&Words; VECTORS],
        first: usize,
        stripe: &[i32],
        row: &mut [i8],
    ) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, output_shape, .. } = *self.arguments;
        let outputs = usize::from(output_shape.channels);
        let (step, pairs) = (usize::from(window.stride_width) * self.layout.column / 2, self.layout.window / 2);
        let writer = Writer::new(self.arguments, requantizers, outputs.saturating_sub(first));
        let mut runs = [&[][..]; VECTORS];
        for (run, weights) in runs.iter_mut().zip(weights) {
            *run = weights.get(..pairs).ok_or(ShapeMismatch)?;
        }
        let width = usize::from(self.region.width);
        // The margins of folded convolutions are two or so pixels wide.
        let count = match width {
            PIXELS.. => PIXELS,
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
        for x in (0..width).step_by(count) {
            // The last tile begins early enough to be whole.
            let x = x.min(width - count);
            let windows = span(stripe, x * step, (count - 1) * step + pairs)?;
            let mut sums = [[_mm256_setzero_si256(); VECTORS]; PIXELS];
            match count {
                PIXELS => sums = tile(windows, step, runs),
                4 => [sums[0], sums[1], sums[2], sums[3]] = tile(windows, step, runs),
                2 => [sums[0], sums[1]] = tile(windows, step, runs),
                _ => [sums[0]] = tile(windows, step, runs),
            }
            for (x, sums) in (x..).zip(sums).take(count) {
                writer.write(sums, row.get_mut(x * outputs + first..).ok_or(ShapeMismatch)?);
            }
        }
        Ok(())
    }

    /// Widens the weights to `[filters / 8][window / 2][8][2]`, in the order of the stripe.
    #[target_feature(enable = "avx2")]
    fn widen_weights(&self, widened: &mut [Pairs]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let (rows, columns) = (usize::from(window.kernel_height), usize::from(window.kernel_width));
        let pairs = self.layout.window / 2;
        if depth.is_multiple_of(CHUNK) && depth > 0 && self.channels.len().is_multiple_of(LANES) {
            return self.widen_whole_weights(widened);
        }
        // Padding between columns and missing filters stay zero.
        widened.fill([0; LANES]);
        for (filter, weights) in self.weights.chunks_exact((rows * columns * depth).max(1)).enumerate() {
            let widened = widened
                .get_mut(filter / LANES * pairs..)
                .and_then(|rest| rest.get_mut(..pairs))
                .ok_or(ShapeMismatch)?;
            let lane = filter % LANES;
            if depth.is_multiple_of(2) {
                let mut taps = weights.chunks_exact(depth.max(1));
                for ky in 0..rows {
                    for (kx, values) in taps.by_ref().take(columns).enumerate() {
                        let start = (kx * self.layout.column + ky * depth) / 2;
                        let to = widened.get_mut(start..).ok_or(ShapeMismatch)?;
                        for (to, [a, b]) in to.iter_mut().zip(values.as_chunks::<2>().0) {
                            to[lane] = i32::from(*a) & 0xffff | i32::from(*b) << 16;
                        }
                    }
                }
                continue;
            }
            let halves: &mut [i16] = bytemuck::cast_slice_mut(widened);
            // Value `at` of a window lies at twice this, for even `at`; columns are of an even number of values.
            let place = |at: usize| (at / 2 * LANES + lane) * 2 + at % 2;
            for (ky, weights) in weights.chunks_exact((columns * depth).max(1)).enumerate() {
                if depth == 1 {
                    let halves = halves.get_mut(place(ky)..).ok_or(ShapeMismatch)?;
                    let halves = halves.iter_mut().step_by(self.layout.column.max(1) * LANES);
                    halves.zip(weights).for_each(|(half, &value)| *half = value.into());
                    continue;
                }
                for (kx, values) in weights.chunks_exact(depth.max(1)).enumerate() {
                    let start = kx * self.layout.column + ky * depth;
                    for (at, &value) in (start..).zip(values) {
                        *halves.get_mut(place(at)).ok_or(ShapeMismatch)? = value.into();
                    }
                }
            }
        }
        Ok(())
    }

    /// [`widen_weights`](Self::widen_weights) for channels by the sixteen and filters by the eight.
    #[target_feature(enable = "avx2")]
    fn widen_whole_weights(&self, widened: &mut [Pairs]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let depth = usize::from(input_shape.channels);
        let (columns, filter) = (usize::from(window.kernel_width), window.taps() as usize * depth);
        let eights = self.weights.chunks_exact((LANES * filter).max(1));
        for (weights, widened) in eights.zip(widened.chunks_exact_mut((self.layout.window / 2).max(1))) {
            for at in (0..filter).step_by(CHUNK) {
                let mut filters = [_mm256_setzero_si256(); LANES];
                for (lane, to) in filters.iter_mut().enumerate() {
                    let values = weights.get(lane * filter + at..).and_then(|weights| weights.first_chunk());
                    *to = widen(values.ok_or(ShapeMismatch)?);
                }
                let (tap, channel) = (at / depth, at % depth);
                let place = tap % columns * self.layout.column + tap / columns * depth + channel;
                let to = widened.get_mut(place / 2..).and_then(|to| to.first_chunk_mut::<LANES>());
                for (to, pairs) in to.ok_or(ShapeMismatch)?.iter_mut().zip(transpose(filters)) {
                    *to = cast(pairs);
                }
            }
        }
        Ok(())
    }

    /// Widens the input that the windows of output row `y` see.
    #[target_feature(enable = "avx2")]
    fn fill(&self, y: usize, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let stripe = bytemuck::cast_slice_mut(stripe);
        (0..usize::from(self.arguments.window.kernel_height)).try_for_each(|ky| self.fill_row(y, ky, stripe))
    }

    /// Whether a row's windows share rows of the input with those of the row before.
    fn moves(&self) -> bool {
        self.arguments.window.stride_height < self.arguments.window.kernel_height
    }

    /// Makes the windows' input of output row `y` of that of the row before: the rows of the input that both see move up, and
    /// the last are new.
    #[target_feature(enable = "avx2")]
    fn move_on(&self, y: usize, stripe: &mut [i32]) -> Result<(), ShapeMismatch> {
        let ConvArguments { window, input_shape, .. } = *self.arguments;
        let (depth, stripe) = (usize::from(input_shape.channels), bytemuck::cast_slice_mut(stripe));
        let (rows, new) = (usize::from(window.kernel_height), usize::from(window.stride_height));
        if new * depth > stripe.len() {
            return Err(ShapeMismatch);
        }
        stripe.copy_within(new * depth.., 0);
        // What has come to the end of each column from the next one's beginning.
        let Columns { blank, count, .. } = self.columns;
        let columns = stripe.chunks_exact_mut(self.layout.column.max(1));
        for (_, column) in columns.enumerate().filter(|(index, _)| !(blank..blank + count).contains(index)) {
            column.get_mut((rows - new) * depth..).ok_or(ShapeMismatch)?.fill(0);
        }
        (rows - new..rows).try_for_each(|ky| self.fill_row(y, ky, stripe))
    }

    /// Widens row `ky` of the input that the windows of output row `y` see.
    #[target_feature(enable = "avx2")]
    fn fill_row(&self, y: usize, ky: usize, stripe: &mut [i16]) -> Result<(), ShapeMismatch> {
        let ConvArguments { input_shape, input_offset, .. } = *self.arguments;
        let (depth, offset) = (usize::from(input_shape.channels), input_offset as i16);
        let to = stripe.get_mut(self.columns.blank * self.layout.column + ky * depth..).ok_or(ShapeMismatch)?;
        let columns = to.chunks_mut(self.layout.column.max(1)).take(self.columns.count);
        let Some(pixels) = self.input_row(y, ky)? else {
            columns.for_each(|column| column.iter_mut().take(depth).for_each(|value| *value = 0));
            return Ok(());
        };
        if depth == 1 {
            let to = to.iter_mut().step_by(self.layout.column.max(1));
            to.zip(pixels).for_each(|(to, &pixel)| *to = i16::from(pixel).wrapping_add(offset));
            return Ok(());
        }
        let offsets = _mm256_set1_epi16(offset);
        for (to, from) in columns.zip(pixels.chunks_exact(depth.max(1))) {
            let (from, from_rest) = from.as_chunks::<16>();
            let (to, to_rest) = to.split_at_mut_checked(from.len() * 16).ok_or(ShapeMismatch)?;
            for (to, from) in to.as_chunks_mut::<16>().0.iter_mut().zip(from) {
                *to = cast(_mm256_add_epi16(widen(from), offsets));
            }
            if !from_rest.is_empty() {
                widen_some(from_rest, offset, to_rest);
            }
        }
        Ok(())
    }
}

/// Widens less than sixteen channels of a pixel and adds the offset.
#[target_feature(enable = "avx2")]
#[inline]
fn widen_some(from: &[i8], offset: i16, to: &mut [i16]) {
    let (from, rest) = from.as_chunks::<8>();
    let (to, to_rest) = to.split_at_mut(from.len() * 8);
    for (to, from) in to.as_chunks_mut::<8>().0.iter_mut().zip(from) {
        *to = cast(_mm_add_epi16(_mm_cvtepi8_epi16(_mm_cvtsi64_si128(cast(*from))), _mm_set1_epi16(offset)));
    }
    for (to, &from) in to_rest.iter_mut().zip(rest) {
        *to = i16::from(from).wrapping_add(offset);
    }
}

/// From the sums of a pixel to its outputs.
pub(super) struct Writer<const VECTORS: usize> {
    requantizers: [Requantizer; VECTORS],
    ends: Ends,
    /// Outputs that there are; more are not written.
    count: usize,
}

impl<const VECTORS: usize> Writer<VECTORS> {
    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn new(arguments: &ConvArguments, words: [&Words; VECTORS], count: usize) -> Self {
        let mut requantizers = [Requantizer::new(&[[0; LANES]; 5]); VECTORS];
        for (requantizer, words) in requantizers.iter_mut().zip(words) {
            *requantizer = Requantizer::new(words);
        }
        Self { requantizers, ends: Ends::new(arguments), count }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub fn write(&self, mut sums: [__m256i; VECTORS], to: &mut [i8]) {
        for (sums, requantizer) in sums.iter_mut().zip(&self.requantizers) {
            *sums = requantizer.apply(*sums);
        }
        let [a, b] = self.ends.outputs(sums[0], sums[VECTORS - 1]);
        if VECTORS == 2
            && self.count >= 2 * LANES
            && let Some(to) = to.first_chunk_mut()
        {
            *to = cast::<_, [i8; 2 * LANES]>([a, b]);
            return;
        }
        write_some(a, self.count, to);
        if VECTORS == 2
            && let Some(to) = to.get_mut(LANES..)
        {
            write_some(b, self.count.saturating_sub(LANES), to);
        }
    }
}

/// Writes the first `count` of the eight values, or all.
#[inline]
fn write_some(values: [i8; LANES], count: usize, to: &mut [i8]) {
    match to.first_chunk_mut::<LANES>() {
        Some(to) if count >= LANES => *to = values,
        Some(to) => {
            // What lies behind the pixel stays as it is, in one word.
            let mask = (1u64 << (8 * count)) - 1;
            *to = cast(cast::<_, u64>(values) & mask | cast::<_, u64>(*to) & !mask);
        }
        None => to.iter_mut().zip(values).take(count).for_each(|(to, value)| *to = value),
    }
}

/// The sums of `PIXELS` windows, which begin `step` words apart and are as long as the weights, with `VECTORS` times eight
/// filters.
///
/// # Panics
/// If the windows reach beyond `stripe`, or the weights are of different lengths.
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn tile<const PIXELS: usize, const VECTORS: usize>(
    stripe: &[i32],
    step: usize,
    weights: [&[Pairs]; VECTORS],
) -> [[__m256i; VECTORS]; PIXELS] {
    let length = weights[0].len();
    assert!(weights.iter().all(|weights| weights.len() == length) && (PIXELS - 1) * step + length <= stripe.len());
    let (stripe, pointers) = (stripe.as_ptr(), weights.map(|weights| weights.as_ptr().cast::<__m256i>()));
    let mut sums = [[_mm256_setzero_si256(); VECTORS]; PIXELS];
    for at in 0..length {
        let mut weights = [_mm256_setzero_si256(); VECTORS];
        for (weights, pointer) in weights.iter_mut().zip(pointers) {
            // SAFETY: `at` is less than the length of all weights. Checks of each access would take as long as the products.
            *weights = unsafe { _mm256_loadu_si256(pointer.add(at)) };
        }
        for (pixel, sums) in sums.iter_mut().enumerate() {
            // SAFETY: at most `(PIXELS - 1) * step + length - 1`, which lies in the stripe.
            let pair = _mm256_set1_epi32(unsafe { stripe.add(pixel * step + at).read() });
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pair, weights));
            }
        }
    }
    sums
}
