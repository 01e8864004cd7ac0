//! Shapes of a convolution, and where each of its taps finds its operand in a padded scratch image.

/// A two-dimensional convolution: input `[n, groups * channels, height, width]`, weight
/// `[groups * outputs, channels, kernel_height, kernel_width]`, output `[n, groups * outputs, out_height, out_width]`.
/// Channels, outputs and lengths are those of one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Convolutions side by side, each with channels and outputs of its own.
    pub groups: usize,
    /// Input channels of a group.
    pub channels: usize,
    /// Output channels of a group.
    pub outputs: usize,
    /// Input height and width in pixels.
    pub input: [usize; 2],
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Step between neighbouring outputs, in input pixels, down and across.
    pub stride: [usize; 2],
    /// Zeros around the input: `[[top, bottom], [left, right]]`.
    pub padding: [[usize; 2]; 2],
    /// Output height and width in pixels.
    pub output: [usize; 2],
    /// Output height and width as the caller sees them; differs from `output` where the image is taken as one row.
    pub output_shape: [usize; 2],
}

impl Geometry {
    /// The geometry of a convolution, or `None` where a stride or a kernel side is zero, the channels disagree, the
    /// image is empty or the padded input is smaller than the kernel.
    pub fn new(
        input: [usize; 4],
        weight: [usize; 4],
        stride: [usize; 2],
        padding: [[usize; 2]; 2],
        groups: usize,
    ) -> Option<Self> {
        let [_, all_channels, height, width] = input;
        let [all_outputs, channels, kernel_height, kernel_width] = weight;
        if groups == 0
            || all_channels != groups * channels
            || !all_outputs.is_multiple_of(groups)
            || height == 0
            || width == 0
        {
            return None;
        }
        let outputs = all_outputs / groups;
        let along = |size: usize, kernel: usize, stride: usize, padding: [usize; 2]| {
            let padded = size + padding[0] + padding[1];
            (kernel > 0 && stride > 0 && padded >= kernel).then(|| (padded - kernel) / stride + 1)
        };
        let out_height = along(height, kernel_height, stride[0], padding[0])?;
        let out_width = along(width, kernel_width, stride[1], padding[1])?;
        // A pointwise convolution has no neighbourhood, so its image may as well be one long row: no row then ends in
        // the middle of a vector.
        if [kernel_height, kernel_width] == [1, 1] && stride == [1, 1] && padding == [[0, 0], [0, 0]] {
            let pixels = height * width;
            let (input, output) = ([1, pixels], [1, pixels]);
            let output_shape = [height, width];
            let kernel = [1, 1];
            return Some(Self { groups, channels, outputs, input, kernel, stride, padding, output, output_shape });
        }
        Some(Self {
            groups,
            channels,
            outputs,
            input: [height, width],
            kernel: [kernel_height, kernel_width],
            stride,
            padding,
            output: [out_height, out_width],
            output_shape: [out_height, out_width],
        })
    }

    /// Multiplications that make one output value: `channels * kernel_height * kernel_width`.
    pub fn depth(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Values of one group of an input image.
    pub fn input_len(&self) -> usize {
        self.channels * self.input[0] * self.input[1]
    }

    /// Values of one group of an output image.
    pub fn output_len(&self) -> usize {
        self.outputs * self.output[0] * self.output[1]
    }

    /// Every tap `(channel, ky, kx)` in the order of the weights.
    fn taps(&self) -> impl Iterator<Item = [usize; 3]> + use<> {
        let (channels, [height, width]) = (self.channels, self.kernel);
        (0..channels).flat_map(move |c| (0..height).flat_map(move |ky| (0..width).map(move |kx| [c, ky, kx])))
    }

    /// The padded input. If `split`, a row holds one run for each phase of the horizontal stride, so that neighbouring
    /// outputs read neighbouring values whatever the stride.
    pub fn padded_input(&self, split: bool) -> Scratch {
        let [[top, bottom], [left, right]] = self.padding;
        let phases = if split { self.stride[1] } else { 1 };
        let run = (left + self.input[1] + right).div_ceil(phases);
        let rows = top + self.input[0] + bottom;
        Scratch { planes: self.channels, source: self.input, before: [top, left], phases, run, rows }
    }

    /// For each tap, in the order of the weights, the offset of its operand for output `(0, 0)` in `scratch`, a
    /// [`padded_input`](Self::padded_input).
    pub fn input_offsets(&self, scratch: &Scratch) -> Vec<usize> {
        self.taps().map(|[c, ky, kx]| scratch.at(c, ky, kx)).collect()
    }

    /// The output gradient with zeros around it, wide enough for [`gradient_phases`](Self::gradient_phases) and with
    /// rows that end in zeros up to a multiple of `lanes`.
    pub fn padded_gradient(&self, lanes: usize) -> Scratch {
        let along = |axis: usize| {
            let (kernel, stride, before) = (self.kernel[axis], self.stride[axis], self.padding[axis][0]);
            let missing_before = (kernel - 1).saturating_sub(before).div_ceil(stride);
            let furthest = (self.input[axis] - 1 + before) / stride + 1;
            (missing_before, furthest.saturating_sub(self.output[axis]))
        };
        let (top, bottom) = along(0);
        let (left, right) = along(1);
        let width = self.output[1];
        let right = right.max(width.next_multiple_of(lanes) - width);
        Scratch {
            planes: self.outputs,
            source: self.output,
            before: [top, left],
            phases: 1,
            run: left + width + right,
            rows: top + self.output[0] + bottom,
        }
    }

    /// The input gradient as stride-one correlations over the padded output gradient, one for each phase of the
    /// strides: an input pixel meets only the taps that are congruent to it. A phase that meets no tap is left out,
    /// its gradient is zero.
    pub fn gradient_phases(&self, scratch: &Scratch) -> Vec<GradientPhase> {
        let [stride_y, stride_x] = self.stride;
        let mut phases = Vec::with_capacity(stride_y * stride_x);
        for phase_y in 0..stride_y.min(self.input[0]) {
            for phase_x in 0..stride_x.min(self.input[1]) {
                phases.push(self.gradient_phase(scratch, [phase_y, phase_x]));
            }
        }
        phases.retain(|phase| !phase.offsets.is_empty());
        phases
    }

    fn gradient_phase(&self, scratch: &Scratch, phase: [usize; 2]) -> GradientPhase {
        // Output o and tap k meet at input i = o * stride + k - before, so o = (i + before - k) / stride.
        let output_of = |axis: usize, k: usize| {
            let (reach, stride) = (phase[axis] + self.padding[axis][0], self.stride[axis]);
            let shifted = reach + scratch.before[axis] * stride;
            (reach % stride == k % stride).then(|| (shifted - k) / stride)
        };
        let [kernel_height, kernel_width] = self.kernel;
        let area = kernel_height * kernel_width;
        let (mut offsets, mut taps) = (Vec::new(), Vec::new());
        for output in 0..self.outputs {
            for ky in 0..kernel_height {
                for kx in 0..kernel_width {
                    if let (Some(y), Some(x)) = (output_of(0, ky), output_of(1, kx)) {
                        offsets.push(scratch.at(output, y, x));
                        taps.push(output * self.depth() + ky * kernel_width + kx);
                    }
                }
            }
        }
        let count = |axis: usize| (self.input[axis] - phase[axis]).div_ceil(self.stride[axis]);
        GradientPhase { phase, size: [count(0), count(1)], offsets, taps, channel_stride: area }
    }
}

/// One phase of the input gradient: the pixels `(y * stride_y + phase_y, x * stride_x + phase_x)`.
#[derive(Clone, Debug)]
pub(super) struct GradientPhase {
    /// First row and column of the phase.
    pub phase: [usize; 2],
    /// Rows and columns of the phase.
    pub size: [usize; 2],
    /// For each tap, the offset of its operand for the phase's first pixel in the padded gradient.
    pub offsets: Vec<usize>,
    /// For each tap, the index of its weight for input channel 0.
    pub taps: Vec<usize>,
    /// Distance between the weights of neighbouring input channels.
    pub channel_stride: usize,
}

/// Layout of an image with zeros around it: `[planes][rows][phases][run]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scratch {
    /// Channels.
    pub planes: usize,
    /// Height and width of the image itself.
    pub source: [usize; 2],
    /// Zeros before the image: rows above, columns to the left.
    pub before: [usize; 2],
    /// Column `x` of the padded image lies in run `x % phases`, at `x / phases`.
    pub phases: usize,
    /// Values of one run.
    pub run: usize,
    /// Rows of the padded image.
    pub rows: usize,
}

impl Scratch {
    /// Distances between the operands of neighbouring outputs, down and across, for a stride over this padded input.
    pub fn steps(&self, stride: [usize; 2]) -> [usize; 2] {
        [stride[0] * self.pitch(), stride[1] / self.phases]
    }

    /// Values between neighbouring rows.
    pub fn pitch(&self) -> usize {
        self.phases * self.run
    }

    /// Offset of padded row `y`, padded column `x` of plane `plane`.
    pub fn at(&self, plane: usize, y: usize, x: usize) -> usize {
        (plane * self.rows + y) * self.pitch() + x % self.phases * self.run + x / self.phases
    }

    /// Values of the padded image.
    pub fn len(&self) -> usize {
        self.planes * self.rows * self.pitch()
    }

    /// Whether the padded image is the image itself.
    pub fn is_plain(&self) -> bool {
        self.len() == self.planes * self.source[0] * self.source[1]
    }

    /// Copies `image` (`[planes, height, width]`) into `scratch`, whose zeros around it are there already.
    pub fn fill(&self, image: &[f32], scratch: &mut [f32]) {
        let [height, width] = self.source;
        let left = self.before[1];
        for (index, row) in image.chunks_exact(width).enumerate() {
            let (plane, y) = (index / height, index % height);
            let start = self.at(plane, y + self.before[0], 0);
            if self.phases == 1 {
                scratch[start + left..][..width].copy_from_slice(row);
                continue;
            }
            for phase in 0..self.phases {
                // The first column of the image in this phase's run.
                let first = (phase + self.phases - left % self.phases) % self.phases;
                let run = &mut scratch[start + phase * self.run + (first + left) / self.phases..];
                let row = &row[first.min(width)..];
                if self.phases == 2 {
                    // Pairs, which the compiler takes apart vector by vector.
                    for (target, pair) in run.iter_mut().zip(row.as_chunks::<2>().0) {
                        *target = pair[0];
                    }
                    if row.len() % 2 == 1 {
                        run[row.len() / 2] = row[row.len() - 1];
                    }
                    continue;
                }
                for (target, value) in run.iter_mut().zip(row.iter().step_by(self.phases)) {
                    *target = *value;
                }
            }
        }
    }
}
