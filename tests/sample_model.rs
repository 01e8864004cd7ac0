//! A small network with every operator, made from a seed: a model file for tests that need one and no training.

use shared::{
    folding::Folding,
    model::{
        AlignedBytes, EncodeError, FaceHeader, FusedPool, Header, Measurement, OperationRecord, StepRecord, StepSource,
        Task, Tensor, WeightOffsets, encode,
    },
    operator::{
        Conv2d, DepthwiseConv2d, FullyConnected, Operator, Pool2d,
        add::AddStep,
        conv2d::Conv2dRecord,
        depthwise_conv2d::DepthwiseConv2dRecord,
        fully_connected::FullyConnectedRecord,
        global_average_pool::MeanStep,
        logistic::{self, LogisticRecord},
        mul::MulStep,
        pool2d::Pool2dStep,
    },
    preprocessing::{FACE_SIZE, Preprocessing},
    quantization::{AddParameters, ChannelParameters, Quantization, Requantization},
    shape::{Padding, Shape, Window},
};

use crate::random::Random;

/// The seven labels in FER2013's order.
pub const LABELS: [u8; 7] = [0, 1, 2, 3, 4, 5, 6];

/// The last step, which writes the logits.
const OUTPUTS: [u8; 1] = [16];

/// The header and the steps of the sample network, to be changed by a test and encoded.
#[derive(Clone, Debug)]
pub struct SampleModel {
    /// Everything but the counts that `encode` fills in.
    pub header: Header<'static>,
    /// Two convolutions folded and a max-pool fused with them, convolution, depthwise, addition, the same in place, max-pool,
    /// average-pool, pointwise, global average; a fully connected gate with a logistic function, which multiplies the pointwise
    /// one's channels in place; a dilated convolution in groups, a depthwise one of two filters per channel, its square, global
    /// average, fully connected.
    pub steps: Vec<StepSource>,
}

impl SampleModel {
    /// The model file.
    pub fn encode(&self) -> Result<AlignedBytes, EncodeError> {
        encode(&self.header, &self.steps)
    }
}

/// The sample network with weights drawn from `seed`.
pub fn sample_model(seed: u64) -> SampleModel {
    let preprocessing = Preprocessing::Local { sigma_floor: 4 * 256 };
    let size = FACE_SIZE as u16;
    let input = Tensor {
        shape: Shape::new(size, size, 1),
        quantization: Quantization { scale: preprocessing.scale(), zero_point: preprocessing.zero_point() },
        offset: 0,
    };
    let mut builder = Builder { random: Random(seed), next_offset: 2304, arena_bytes: 2304, steps: Vec::new() };
    let window = |size, stride, padding| Window::square(size, stride, padding);
    let folded = builder.folded_and_pooled(input, 0.05);
    let conv = builder.conv(Conv2d::new(window(5, 2, Padding::Same), 6), folded, 0.05);
    let depthwise = builder.depthwise(DepthwiseConv2d::new(window(3, 1, Padding::Same)), conv, 0.04);
    let sum = builder.add(conv, depthwise, 0.06);
    let sum = builder.add_in_place(sum, depthwise, 0.08);
    let pooled = builder.pool(Pool2d::max(window(2, 2, Padding::Valid)), sum);
    let averaged = builder.pool(Pool2d::average(window(3, 2, Padding::Same)), pooled);
    let pointwise = builder.conv(Conv2d::new(window(1, 1, Padding::Same), 10), averaged, 0.05);
    let mean = builder.mean(pointwise, 0.03);
    let squeezed = builder.dense(10, mean, 0.04);
    let gate = builder.logistic(squeezed);
    let scaled = builder.mul(pointwise, gate, 0.03);
    let scaled = builder.in_place(scaled, pointwise);
    let dilated = Window { dilation_height: 2, ..window(3, 1, Padding::Same) };
    let grouped = builder.conv(Conv2d { groups: 2, ..Conv2d::new(dilated, 8) }, scaled, 0.05);
    let double = DepthwiseConv2d { multiplier: 2, ..DepthwiseConv2d::new(window(2, 1, Padding::Same)) };
    let doubled = builder.depthwise(double, grouped, 0.05);
    let square = builder.mul(doubled, doubled, 0.08);
    let mean = builder.mean(square, 0.05);
    builder.dense(7, mean, 0.1);
    assert_eq!(builder.steps.len() - 1, usize::from(OUTPUTS[0]));
    let header = Header {
        name: "sample",
        input,
        outputs: &OUTPUTS,
        arena_bytes: builder.arena_bytes,
        macs: builder.steps.iter().map(|step| step.record.operator().macs(step.record.input().shape)).sum(),
        training_hash: seed,
        weight_bytes: 0,
        step_count: 0,
        task: Task::Faces(FaceHeader {
            labels: &LABELS,
            preprocessing,
            temperature: 1.0,
            threshold: 0.3,
            measurement: Measurement { data: "nothing", images: 0, accuracy: 0.0 },
        }),
    };
    SampleModel { header, steps: builder.steps }
}

struct Builder {
    random: Random,
    next_offset: u32,
    arena_bytes: u32,
    steps: Vec<StepSource>,
}

impl Builder {
    fn output(&mut self, operator: Operator, input: Tensor, quantization: Quantization) -> Tensor {
        self.tensor(operator.output_shape(input.shape).expect("the sample's shapes fit"), quantization)
    }

    fn tensor(&mut self, shape: Shape, quantization: Quantization) -> Tensor {
        let offset = self.next_offset;
        self.next_offset += shape.elements().expect("small").next_multiple_of(16);
        Tensor { shape, quantization, offset }
    }

    fn push(
        &mut self,
        operation: OperationRecord,
        output: Tensor,
        weights: Vec<i8>,
        channels: Vec<ChannelParameters>,
    ) -> Tensor {
        let (activation_min, activation_max) = (i8::MIN, i8::MAX);
        let scratch_offset = self.next_offset;
        let record = StepRecord { operation, output, scratch_offset, activation_min, activation_max };
        self.arena_bytes = self.arena_bytes.max(self.next_offset);
        self.steps.push(StepSource { record, weights, channels });
        output
    }

    /// A 7x7 convolution that stands for a 5x4 one and a 3x4 one of stride 1, and a pool of 2x2 in bands of five rows.
    fn folded_and_pooled(&mut self, input: Tensor, scale: f32) -> Tensor {
        let window = Window { kernel_height: 7, kernel_width: 8, ..Window::square(1, 1, Padding::Same) };
        let operator = Conv2d::new(window, 5);
        let folding = Folding { filters: 9, kernel_height: 3, kernel_width: 4 };
        let pool = FusedPool { pool: Pool2d::max(Window::square(2, 2, Padding::Same)), band_rows: 5 };
        let convolved = operator.output_shape(input.shape).expect("fits");
        let shape = pool.pool.output_shape(convolved).expect("fits");
        let output = self.tensor(shape, Quantization { scale, zero_point: 7 });
        let (weights, channels) = self.weights(Operator::Conv2d(operator), input, folding.sets() as usize);
        let offsets = WeightOffsets::default();
        let record = Conv2dRecord { operator, input, folding: Some(folding), pool: Some(pool), weights: offsets };
        self.arena_bytes = self.next_offset + pool.band_bytes(convolved).expect("small");
        self.push(OperationRecord::Conv2d(record), output, weights, channels)
    }

    fn conv(&mut self, operator: Conv2d, input: Tensor, scale: f32) -> Tensor {
        let record = Conv2dRecord { operator, input, folding: None, pool: None, weights: WeightOffsets::default() };
        self.weighted(Operator::Conv2d(operator), OperationRecord::Conv2d(record), input, scale)
    }

    fn depthwise(&mut self, operator: DepthwiseConv2d, input: Tensor, scale: f32) -> Tensor {
        let record = DepthwiseConv2dRecord { operator, input, weights: WeightOffsets::default() };
        self.weighted(Operator::DepthwiseConv2d(operator), OperationRecord::DepthwiseConv2d(record), input, scale)
    }

    fn dense(&mut self, units: u16, input: Tensor, scale: f32) -> Tensor {
        let operator = FullyConnected { units };
        let record = FullyConnectedRecord { operator, input, weights: WeightOffsets::default() };
        self.weighted(Operator::FullyConnected(operator), OperationRecord::FullyConnected(record), input, scale)
    }

    fn weighted(&mut self, operator: Operator, operation: OperationRecord, input: Tensor, scale: f32) -> Tensor {
        let zero_point = (self.random.bits() % 40) as i8 - 20;
        let output = self.output(operator, input, Quantization { scale, zero_point });
        let (weights, channels) = self.weights(operator, input, 1);
        self.push(operation, output, weights, channels)
    }

    /// So many sets of weights and channel parameters.
    fn weights(&mut self, operator: Operator, input: Tensor, sets: usize) -> (Vec<i8>, Vec<ChannelParameters>) {
        let count = operator.weight_count(input.shape) as usize * sets;
        let channels = usize::from(operator.weighted_channels(input.shape)) * sets;
        let weights = (0..count).map(|_| (self.random.bits() % 255) as i8).map(|w| w.max(-127)).collect();
        // Keeps outputs spread over the range of an i8 whatever the number of taps.
        let spread = 60.0 / (74.0 * 40.0 * ((count / channels) as f64).sqrt());
        let channels = (0..channels)
            .map(|_| {
                let factor = spread * (0.5 + (self.random.bits() % 1000) as f64 / 1000.0);
                let Requantization { multiplier, shift } = Requantization::from_real(factor).expect("in range");
                ChannelParameters { bias: (self.random.bits() % 4001) as i32 - 2000, multiplier, shift }
            })
            .collect();
        (weights, channels)
    }

    fn add_in_place(&mut self, left: Tensor, right: Tensor, scale: f32) -> Tensor {
        let sum = self.add(left, right, scale);
        self.in_place(sum, left)
    }

    /// The last step's output takes the place of `left`.
    fn in_place(&mut self, output: Tensor, left: Tensor) -> Tensor {
        self.steps.last_mut().expect("of two inputs").record.output.offset = left.offset;
        Tensor { offset: left.offset, ..output }
    }

    fn add(&mut self, left: Tensor, right: Tensor, scale: f32) -> Tensor {
        let output = self.output(Operator::Add, left, Quantization { scale, zero_point: -3 });
        let factors = AddParameters::from_scales(left.quantization.scale, right.quantization.scale, scale);
        let record = AddStep { left, right, factors: factors.expect("in range") };
        self.push(OperationRecord::Add(record), output, Vec::new(), Vec::new())
    }

    fn mul(&mut self, left: Tensor, right: Tensor, scale: f32) -> Tensor {
        let output = self.output(Operator::Mul, left, Quantization { scale, zero_point: 9 });
        let factor = Requantization::of_product(left.quantization.scale, right.quantization.scale, scale);
        let record = MulStep { left, right, factor: factor.expect("in range") };
        self.push(OperationRecord::Mul(record), output, Vec::new(), Vec::new())
    }

    fn logistic(&mut self, input: Tensor) -> Tensor {
        let output = self.output(Operator::Logistic, input, logistic::OUTPUT);
        let record = LogisticRecord { input, table_offset: 0 };
        // A straight line is as good as the function itself here.
        let table = (-128..=127).collect();
        self.push(OperationRecord::Logistic(record), output, table, Vec::new())
    }

    fn pool(&mut self, operator: Pool2d, input: Tensor) -> Tensor {
        let output = self.output(Operator::Pool2d(operator), input, input.quantization);
        self.push(OperationRecord::Pool2d(Pool2dStep { operator, input }), output, Vec::new(), Vec::new())
    }

    fn mean(&mut self, input: Tensor, scale: f32) -> Tensor {
        let output = self.output(Operator::GlobalAveragePool, input, Quantization { scale, zero_point: 5 });
        let pixels = u32::from(input.shape.height) * u32::from(input.shape.width);
        let factor = Requantization::of_mean(input.quantization.scale, scale, pixels).expect("in range");
        self.push(OperationRecord::GlobalAveragePool(MeanStep { input, factor }), output, Vec::new(), Vec::new())
    }
}
