//! Working memory of the kernels for Cortex-M processors, as every machine can compute it: a host tells before it sends a model
//! whether a board can run it.

use shared::{
    image::Processor,
    shape::{Shape, Window},
};

/// Distances in a [stripe](super::stripe), in values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Values from one column to the next: the window's rows, one after the other.
    pub column: usize,
    /// Values of a window.
    pub window: usize,
    /// Columns.
    pub columns: usize,
    chunk: usize,
}

impl Layout {
    /// With columns of a multiple of `quantum` values, and windows of a multiple of `chunk`.
    pub const fn new(window: &Window, input: Shape, output: Shape, quantum: usize, chunk: usize) -> Self {
        let column = (window.kernel_height as usize * input.channels as usize).next_multiple_of(quantum);
        let between = (output.width as usize).saturating_sub(1) * window.stride_width as usize;
        let columns = between + window.kernel_width as usize;
        Self { column, window: (window.kernel_width as usize * column).next_multiple_of(chunk), columns, chunk }
    }

    /// Values of the stripe; the last window's chunks may end behind its last column. Like all sizes of working memory, it
    /// saturates where 32 bits cannot count it: no slice is that long.
    pub const fn values(&self) -> usize {
        self.columns.saturating_mul(self.column).saturating_add(self.chunk)
    }
}

/// Processors without the DSP extension.
pub(super) mod base {
    use super::{Layout, Shape, Window};

    /// Filters that are computed at a time.
    pub const BLOCK: usize = 4;

    /// Blocks whose weights are widened at a time at most.
    pub const MOST_BLOCKS: usize = 4;

    /// Words of a filter's window of which that many blocks are widened, more or less.
    const WINDOWS: usize = 768;

    /// Columns of whole words.
    pub const fn layout(window: &Window, input: Shape, output: Shape) -> Layout {
        Layout::new(window, input, output, 2, 1)
    }

    /// Blocks whose weights are widened at a time. Each lot fills the stripes anew, so short filters are taken in larger lots.
    pub const fn blocks(layout: &Layout) -> usize {
        let blocks = WINDOWS / (layout.window / 2 + 1);
        if blocks < 1 {
            1
        } else if blocks > MOST_BLOCKS {
            MOST_BLOCKS
        } else {
            blocks
        }
    }

    /// Words of the widened weights of a lot.
    pub const fn widened_words(layout: &Layout) -> usize {
        (layout.window / 2).saturating_mul(blocks(layout) * BLOCK)
    }

    /// Words of the stripe.
    pub const fn stripe_words(layout: &Layout) -> usize {
        layout.values().div_ceil(2)
    }

    /// Words of scratch that a convolution takes.
    pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
        let layout = layout(window, input, output);
        widened_words(&layout).saturating_add(stripe_words(&layout))
    }

    /// Words of scratch that a fully connected operator takes for this number of inputs.
    pub const fn fully_connected_words(inputs: usize) -> usize {
        inputs
    }
}

/// Processors with the DSP extension.
pub(super) mod dsp {
    use super::{Layout, Shape, Window};

    /// Filters, or channels of a depthwise convolution, that are computed at a time.
    pub const BLOCK: usize = 4;

    /// Words of a block's requantization parameters.
    pub const BLOCK_WORDS: usize = BLOCK + 3 * BLOCK + 1;

    /// Values that the inner loop of a convolution takes at a time.
    pub const CHUNK: usize = 8;

    /// Filters whose weights are widened at a time.
    pub const FILTERS: usize = 2 * BLOCK;

    /// Columns in whole words, windows in whole chunks.
    pub const fn layout(window: &Window, input: Shape, output: Shape) -> Layout {
        Layout::new(window, input, output, 2, CHUNK)
    }

    /// Words of the widened weights.
    pub const fn weight_words(layout: &Layout) -> usize {
        FILTERS.saturating_mul(layout.window / 2)
    }

    /// Words of the stripe.
    pub const fn stripe_words(layout: &Layout) -> usize {
        layout.values() / 2
    }

    /// Words of scratch that a convolution takes.
    pub const fn conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
        let layout = layout(window, input, output);
        weight_words(&layout).saturating_add(stripe_words(&layout))
    }

    /// How the windows of a depthwise convolution lie in a stripe, in words.
    #[derive(Clone, Copy)]
    pub struct DepthwiseLayout {
        pub depth: usize,
        pub pairs: usize,
        pub columns: usize,
        pub kernel_width: usize,
    }

    impl DepthwiseLayout {
        pub const fn new(window: &Window, input: Shape, output: Shape) -> Self {
            let between = (output.width as usize).saturating_sub(1) * window.stride_width as usize;
            Self {
                depth: input.channels as usize,
                pairs: window.kernel_height.div_ceil(2) as usize,
                columns: between + window.kernel_width as usize,
                kernel_width: window.kernel_width as usize,
            }
        }

        /// Words of a column.
        pub const fn column(&self) -> usize {
            self.pairs * self.depth
        }

        /// Words of the channels' requantization parameters.
        pub const fn blocks(&self) -> usize {
            self.depth / BLOCK * BLOCK_WORDS
        }

        /// Words of all widened weights.
        pub const fn weights(&self) -> usize {
            self.kernel_width * self.column()
        }

        /// Words of the stripe.
        pub const fn stripe(&self) -> usize {
            self.columns.saturating_mul(self.column())
        }
    }

    /// Words of scratch that a depthwise convolution takes.
    pub const fn depthwise_conv2d_words(window: &Window, input: Shape, output: Shape) -> usize {
        let layout = DepthwiseLayout::new(window, input, output);
        // The last is a row of zero points.
        let blank = (input.width as usize * layout.depth).div_ceil(4);
        layout.stripe().saturating_add(layout.blocks() + layout.weights() + blank)
    }

    /// Words of scratch that a fully connected operator takes for this number of inputs.
    pub const fn fully_connected_words(inputs: usize) -> usize {
        inputs.div_ceil(2)
    }
}

/// Bytes of working memory for this number of words, whatever its alignment; saturates.
pub(super) const fn bytes(words: usize) -> usize {
    words.saturating_mul(4).saturating_add(3)
}

/// [`conv2d_scratch`](super::conv2d_scratch) on `processor`.
pub const fn conv2d_scratch_on(processor: Processor, window: &Window, input: Shape, output: Shape) -> usize {
    bytes(match processor {
        Processor::CortexM0Plus => base::conv2d_words(window, input, output),
        Processor::CortexM33 => dsp::conv2d_words(window, input, output),
    })
}

/// [`depthwise_conv2d_scratch`](super::depthwise_conv2d_scratch) on `processor`.
pub const fn depthwise_conv2d_scratch_on(processor: Processor, window: &Window, input: Shape, output: Shape) -> usize {
    match processor {
        Processor::CortexM0Plus => 0,
        Processor::CortexM33 => bytes(dsp::depthwise_conv2d_words(window, input, output)),
    }
}

/// [`fully_connected_scratch`](super::fully_connected_scratch) on `processor`.
pub const fn fully_connected_scratch_on(processor: Processor, inputs: usize) -> usize {
    bytes(match processor {
        Processor::CortexM0Plus => base::fully_connected_words(inputs),
        Processor::CortexM33 => dsp::fully_connected_words(inputs),
    })
}
