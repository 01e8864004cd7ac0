//! What the fuzz targets begin with: small networks with each operator in both formats, and scripts with each step.

use shared::{
    folding::Folding,
    model::{
        FORMAT_VERSION, FaceHeader, FusedPool, Header, Measurement, OperationRecord, StepRecord, Task, Tensor,
        WeightOffsets,
    },
    operator::{
        Conv2d, DepthwiseConv2d, FullyConnected, Pool2d, add::AddStep, conv2d::Conv2dRecord,
        depthwise_conv2d::DepthwiseConv2dRecord, fully_connected::FullyConnectedRecord, global_average_pool::MeanStep,
        logistic::LogisticRecord, mul::MulStep, pool2d::Pool2dStep,
    },
    preprocessing::Preprocessing,
    quantization::{AddParameters, Quantization, Requantization},
    shape::{
        Padding::{Same, Valid},
        Shape, Window,
    },
};

use crate::{envelope::Contents, format_2, mend};

/// The model files, with their names.
pub fn models() -> Vec<(&'static str, Vec<u8>)> {
    let any = |shape, operations: Vec<OperationRecord>| network(Task::Any, shape, operations);
    let shape = Shape::new(6, 5, 4);
    let two_by_two = Window::square(2, 2, Same);
    let three = Window::square(3, 1, Same);
    let conv =
        |conv: Conv2d| Conv2dRecord { operator: conv, input: input(0), folding: None, pool: None, weights: WEIGHTS };
    let of = |conv| OperationRecord::Conv2d(conv);
    let plain = conv(Conv2d::new(three, 3));
    let folding = Some(Folding { filters: 2, kernel_height: 2, kernel_width: 3 });
    // Four rows of two kernels, of three and of two.
    let four = Window { kernel_height: 4, ..three };
    let folded = Conv2dRecord { folding, ..conv(Conv2d::new(four, 3)) };
    let pooled = |pool, band_rows| Some(FusedPool { pool, band_rows });
    let dilated = Window { dilation_height: 2, ..three };
    let local = Preprocessing::Local { sigma_floor: 1024 };
    let both = Preprocessing::LocalAndGlobal { local_floor: 1024, global_floor: 512 };
    let classifier = |preprocessing| network(faces(preprocessing), Shape::new(0, 0, 0), vec![mean(0), dense(1, 2)]);
    let squeeze_excite =
        vec![of(conv(Conv2d::new(Window::square(1, 1, Same), 6))), mean(1), dense(2, 6), logistic(3), mul(1, 4)];
    let residual =
        vec![of(plain), depthwise(1, 1, three), add(1, 2), pool(3, Pool2d::max(two_by_two)), mean(4), dense(5, 2)];
    vec![
        ("conv2d", any(shape, vec![of(plain)])),
        ("conv2d_pointwise", any(shape, vec![of(conv(Conv2d::new(Window::square(1, 1, Same), 5)))])),
        ("conv2d_strided", any(shape, vec![of(conv(Conv2d::new(Window::new([2, 3], [2, 1], Valid), 2)))])),
        ("conv2d_groups", any(shape, vec![of(conv(Conv2d { groups: 2, ..Conv2d::new(dilated, 6) }))])),
        ("conv2d_sixteens", any(Shape::new(4, 4, 16), vec![of(conv(Conv2d::new(three, 4)))])),
        ("conv2d_folded", any(shape, vec![of(folded)])),
        ("conv2d_pooled", any(shape, vec![of(Conv2dRecord { pool: pooled(Pool2d::max(two_by_two), 2), ..plain })])),
        (
            "conv2d_folded_pooled",
            any(shape, vec![of(Conv2dRecord { pool: pooled(Pool2d::average(two_by_two), 1), ..folded })]),
        ),
        ("depthwise_conv2d", any(shape, vec![depthwise(0, 1, three)])),
        ("depthwise_conv2d_multiplied", any(shape, vec![depthwise(0, 2, dilated)])),
        ("max_pool2d", any(shape, vec![pool(0, Pool2d::max(Window::new([3, 2], [2, 1], Same)))])),
        ("average_pool2d", any(shape, vec![pool(0, Pool2d::average(three))])),
        ("global_average_pool", any(shape, vec![mean(0)])),
        ("add", any(shape, vec![of(conv(Conv2d::new(three, 4))), add(0, 1)])),
        ("mul", any(shape, vec![mul(0, 0)])),
        ("mul_channels", any(shape, vec![mean(0), mul(0, 1)])),
        ("logistic", any(shape, vec![logistic(0)])),
        ("fully_connected", any(shape, vec![dense(0, 3)])),
        ("squeeze_excite", any(shape, squeeze_excite)),
        ("residual", any(shape, residual)),
        ("smallest_classifier", classifier(Preprocessing::Grey { divisor: 255 })),
        ("classifier_local", classifier(local)),
        ("classifier_global", classifier(Preprocessing::Global { sigma_floor: 1024 })),
        ("classifier_both", classifier(both)),
        ("conv2d_minimal_filtering", any(Shape::new(4, 4, 16), vec![of(conv(Conv2d::new(three, 16)))])),
        ("format_2_conv2d", format_2::conv2d()),
        ("format_2_add", format_2::add()),
        ("format_2_pools", format_2::pools()),
        ("format_2_folded_pooled", format_2::folded_pooled()),
    ]
}

/// The scripts for the serial link, with their names. `serial.rs` says what a step is.
pub fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("hello", vec![0, 0x12]),
        ("hello_of_another_version", vec![0, 0x1a, 9]),
        ("stats", vec![5, 0x12, 0x23]),
        ("options", vec![4, 0x12, 0x24, 3, 128, 64]),
        ("options_out_of_range", vec![0, 0x24, 0, 1, 0, 0, 0xc0, 0x7f, 64]),
        ("text_again", vec![1, 0x12, 0x24, 0, 0, 0, 0x35, 200, 0x35, 200, 0x37, 9]),
        ("faces", vec![4, 0x12, 0xe7, 1, 0x37, 5, 0x37, 5]),
        ("typed", [&[1, 0, 8][..], b"hello?\r\n", &[5, 30]].concat()),
        ("raw", vec![0, 0, 5, 3, 0, 255, 7, 0, 0x23]),
        ("body", vec![0, 1, 2, 5, 2, 1, 3, 0, 0, 9, 1, 0]),
        // A device that finds faces: greeted, 5x4 pixels begun, 20 of them, the end, a view of them.
        ("picture", vec![32, 0x12, 0x20, 0, 5, 4, 0x39, 0, 255, 0x46, 0, 0x53, 0]),
        // In a video, two parts, the first of them again, then one that is too long, and an end that comes too early.
        ("parts", vec![32, 0x12, 0x20, 1, 8, 6, 0x39, 0, 3, 0x39, 0, 3, 0x45, 3, 2, 0x51, 2, 9, 0x6a, 0]),
        ("picture_of_another_size", vec![32, 0x20, 0, 63, 1, 0x39, 0, 1, 0x46, 0, 0x53, 1]),
        ("damaged", vec![0, 0x12, 6, 4, 8, 0x23, 6, 0, 1]),
    ]
}

const WEIGHTS: WeightOffsets = WeightOffsets { weights: 0, channels: u32::MAX };

/// The tensor of a number: 0 is the network's input, 1 the output of the first step. [`mend::write`] fills it in.
fn input(number: u32) -> Tensor {
    let quantization = Quantization { scale: 0.0, zero_point: 0 };
    Tensor { shape: Shape::new(0, 0, 0), quantization, offset: number }
}

fn depthwise(of: u32, multiplier: u16, window: Window) -> OperationRecord {
    let operator = DepthwiseConv2d { window, multiplier };
    OperationRecord::DepthwiseConv2d(DepthwiseConv2dRecord { operator, input: input(of), weights: WEIGHTS })
}

fn dense(of: u32, units: u16) -> OperationRecord {
    let operator = FullyConnected { units };
    OperationRecord::FullyConnected(FullyConnectedRecord { operator, input: input(of), weights: WEIGHTS })
}

fn pool(of: u32, operator: Pool2d) -> OperationRecord {
    OperationRecord::Pool2d(Pool2dStep { operator, input: input(of) })
}

fn mean(of: u32) -> OperationRecord {
    OperationRecord::GlobalAveragePool(MeanStep { input: input(of), factor: factor(0.03) })
}

fn add(left: u32, right: u32) -> OperationRecord {
    let factors = AddParameters::from_scales(0.05, 0.04, 0.06).expect("in range");
    OperationRecord::Add(AddStep { left: input(left), right: input(right), factors })
}

fn mul(left: u32, right: u32) -> OperationRecord {
    OperationRecord::Mul(MulStep { left: input(left), right: input(right), factor: factor(0.01) })
}

fn logistic(of: u32) -> OperationRecord {
    OperationRecord::Logistic(LogisticRecord { input: input(of), table_offset: 0 })
}

fn factor(real: f64) -> Requantization {
    Requantization::from_real(real).expect("in range")
}

fn faces(preprocessing: Preprocessing) -> Task<'static> {
    let measurement = Measurement { data: "nothing", images: 0, accuracy: 0.0 };
    Task::Faces(FaceHeader { labels: &[3, 6], preprocessing, temperature: 1.0, threshold: 0.5, measurement })
}

/// A network of these steps; [`mend::write`] finds shapes, places and weights.
fn network(task: Task<'_>, shape: Shape, operations: Vec<OperationRecord>) -> Vec<u8> {
    let step = |operation| {
        let quantization = Quantization { scale: 0.05, zero_point: 3 };
        let output = Tensor { shape: Shape::new(0, 0, 0), quantization, offset: u32::MAX };
        StepRecord { operation, output, scratch_offset: 0, activation_min: -128, activation_max: 127 }
    };
    let input = Tensor { shape, quantization: Quantization { scale: 0.05, zero_point: -5 }, offset: 0 };
    let header = Header {
        name: "seed",
        input,
        outputs: &[],
        arena_bytes: 0,
        macs: 0,
        training_hash: 0,
        weight_bytes: 0,
        step_count: 0,
        task,
    };
    let mut weights = Vec::new();
    let records = operations.into_iter().map(step).collect();
    let header = mend::write(header, records, &mut weights, 2600).expect("the steps fit each other");
    Contents { version: FORMAT_VERSION, header, weights }.file()
}
