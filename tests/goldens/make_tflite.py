#!/usr/bin/env python3
"""Writes tflite.json and tflite_means.json: small int8 operators, run by TensorFlow Lite's reference kernels on random data.

Each case is a model of one operator, built here from TensorFlow Lite's schema, so that scales, zero points and weights are
exactly those that are written down beside the result. The kernels are those of TensorFlow Lite 2.14, the last with integers
throughout: the reference kernel of ai-edge-litert 2.3 multiplies the sums of a fully connected operator in double precision and
rounds once. Its other kernels give the same. To make the files anew (the schema is ai-edge-litert's):

    python3.11 -m venv venv && venv/bin/pip install tflite-runtime==2.14.0 ai-edge-litert==2.3.0 flatbuffers "numpy<2"
    venv/bin/python tests/goldens/make_tflite.py
"""

import json
import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from tflite_runtime.interpreter import Interpreter, OpResolverType

RANDOM = np.random.default_rng(2013)
ACTIVATIONS = {
    "none": tfl.ActivationFunctionType.NONE,
    "relu": tfl.ActivationFunctionType.RELU,
    "relu6": tfl.ActivationFunctionType.RELU6,
}
PADDINGS = {"same": tfl.Padding.SAME, "valid": tfl.Padding.VALID}


class ModelBuilder:
    """A model of one operator."""

    def __init__(self):
        self.tensors, self.buffers = [], [tfl.BufferT()]

    def tensor(self, shape, kind, scales, zero_points, data=None, axis=0):
        tensor = tfl.TensorT()
        tensor.shape, tensor.type, tensor.name = list(shape), kind, f"t{len(self.tensors)}"
        tensor.buffer = 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.buffers.append(buffer)
            tensor.buffer = len(self.buffers) - 1
        if scales is not None:
            tensor.quantization = tfl.QuantizationParametersT()
            tensor.quantization.scale = [float(s) for s in scales]
            tensor.quantization.zeroPoint = list(zero_points)
            tensor.quantization.quantizedDimension = axis
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def run(self, code, kind, options, inputs, output, data, version):
        """The output of the operator for `data`, one array for each tensor that is fed."""
        operator = tfl.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = 0, inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        opcode = tfl.OperatorCodeT()
        opcode.builtinCode, opcode.deprecatedBuiltinCode, opcode.version = code, code, version
        graph = tfl.SubGraphT()
        fed = inputs[: len(data)]
        graph.tensors, graph.operators, graph.inputs, graph.outputs = self.tensors, [operator], fed, [output]
        model = tfl.ModelT()
        model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [opcode], [graph], self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        interpreter = Interpreter(
            model_content=bytes(builder.Output()), experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        for detail, values in zip(interpreter.get_input_details(), data):
            interpreter.set_tensor(detail["index"], values)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def scale(low, high):
    return float(np.float32(RANDOM.uniform(low, high)))


def zero_point(reach=128):
    return int(RANDOM.integers(-reach, reach))


def values(shape, low=-128):
    return RANDOM.integers(low, 128, shape).astype(np.int8)


def flat(array):
    return [int(x) for x in np.asarray(array).ravel()]


def tensor_case(shape, tensor_scale, tensor_zero_point):
    return {"shape": list(shape), "scale": tensor_scale, "zero_point": tensor_zero_point}


def weighted(name, operator, shape, filters, window=None, activation="none", small_sums=False, groups=1, multiplier=1):
    """Convolution, depthwise convolution or fully connected.

    With small sums the factor of the requantization is near 1/4, so that rounding twice often differs from rounding once.
    """
    builder = ModelBuilder()
    height, width, depth = shape
    per_channel = operator != "fully_connected"
    if operator == "conv2d":
        weight_shape, products, axis = (filters, *window["kernel"], depth // groups), np.prod(window["kernel"]) * depth // groups, 0
    elif operator == "depthwise_conv2d":
        filters = depth * multiplier
        weight_shape, products, axis = (1, *window["kernel"], filters), np.prod(window["kernel"]), 3
    else:
        weight_shape, products, axis = (filters, height * width * depth), height * width * depth, 0
    # After a ReLU, a tensor's zero point is the least integer.
    input_scale, input_zero_point = scale(0.01, 0.1), -128 if activation == "relu" else zero_point(60)
    # The outputs' standard deviation is about 5, of a range from 0 to 6 after ReLU6.
    spread = 5 / (np.sqrt(products) * 74 * 90 * input_scale)
    weight_scales = [scale(0.7 * spread, 1.4 * spread) for _ in range(filters if per_channel else 1)]
    output_scale = scale(0.08, 0.12) if activation == "none" else scale(0.028, 0.04)
    output_zero_point = zero_point(20) if activation == "none" else -120
    inputs, weights = values((1, *shape)), values(weight_shape, -127)
    biases = RANDOM.integers(-10_000, 10_000, filters).astype(np.int32)
    if small_sums:
        weights, biases = (weights // 64).astype(np.int8), biases // 100
        output_scale = scale(3.6, 4.4) * input_scale * weight_scales[0]
        output_scale = float(np.float32(output_scale))
    x = builder.tensor((1, *shape), tfl.TensorType.INT8, [input_scale], [input_zero_point])
    w = builder.tensor(
        weight_shape, tfl.TensorType.INT8, weight_scales, [0] * len(weight_scales), weights, axis
    )
    bias_scales = [input_scale * s for s in weight_scales]
    b = builder.tensor((filters,), tfl.TensorType.INT32, bias_scales, [0] * len(bias_scales), biases)
    if operator == "fully_connected":
        output_shape = (1, filters)
        code, kind, options, version = (
            tfl.BuiltinOperator.FULLY_CONNECTED,
            tfl.BuiltinOptions.FullyConnectedOptions,
            tfl.FullyConnectedOptionsT(),
            4,
        )
    else:
        output_shape = (1, 1, 1, filters)  # TensorFlow Lite finds the right one.
        depthwise = operator == "depthwise_conv2d"
        options = tfl.DepthwiseConv2DOptionsT() if depthwise else tfl.Conv2DOptionsT()
        options.padding = PADDINGS[window["padding"]]
        options.strideH, options.strideW = window["stride"]
        options.dilationHFactor, options.dilationWFactor = window["dilation"]
        if depthwise:
            options.depthMultiplier = multiplier
        code = tfl.BuiltinOperator.DEPTHWISE_CONV_2D if depthwise else tfl.BuiltinOperator.CONV_2D
        kind = tfl.BuiltinOptions.DepthwiseConv2DOptions if depthwise else tfl.BuiltinOptions.Conv2DOptions
        version = 3
    options.fusedActivationFunction = ACTIVATIONS[activation]
    y = builder.tensor(output_shape, tfl.TensorType.INT8, [output_scale], [output_zero_point])
    result = builder.run(code, kind, options, [x, w, b], y, [inputs], version)
    result_shape = result.shape[1:] if result.ndim == 4 else (1, 1, filters)
    return {
        "name": name,
        "operator": operator,
        "window": window,
        "groups": groups,
        "activation": activation,
        "input": tensor_case(shape, input_scale, input_zero_point),
        "output": tensor_case(result_shape, output_scale, output_zero_point),
        "weight_scales": weight_scales,
        "weights": flat(weights),
        "biases": flat(biases),
        "input_values": flat(inputs),
        "output_values": flat(result),
    }


def pool(name, operator, shape, window, activation="none"):
    builder = ModelBuilder()
    tensor_scale, tensor_zero_point = scale(0.05, 0.1), zero_point(60)
    inputs = values((1, *shape))
    x = builder.tensor((1, *shape), tfl.TensorType.INT8, [tensor_scale], [tensor_zero_point])
    y = builder.tensor((1, 1, 1, shape[2]), tfl.TensorType.INT8, [tensor_scale], [tensor_zero_point])
    options = tfl.Pool2DOptionsT()
    options.padding = PADDINGS[window["padding"]]
    options.filterHeight, options.filterWidth = window["kernel"]
    options.strideH, options.strideW = window["stride"]
    options.fusedActivationFunction = ACTIVATIONS[activation]
    maximum = operator == "max_pool2d"
    code = tfl.BuiltinOperator.MAX_POOL_2D if maximum else tfl.BuiltinOperator.AVERAGE_POOL_2D
    result = builder.run(code, tfl.BuiltinOptions.Pool2DOptions, options, [x], y, [inputs], 2)
    return {
        "name": name,
        "operator": operator,
        "window": window,
        "activation": activation,
        "input": tensor_case(shape, tensor_scale, tensor_zero_point),
        "output": tensor_case(result.shape[1:], tensor_scale, tensor_zero_point),
        "input_values": flat(inputs),
        "output_values": flat(result),
    }


def run_mean(shape, scales, zero_points, inputs):
    """The tensors of a mean over height and width, and its result."""
    builder = ModelBuilder()
    x = builder.tensor((1, *shape), tfl.TensorType.INT8, [scales[0]], [zero_points[0]])
    axes = builder.tensor((2,), tfl.TensorType.INT32, None, None, np.array([1, 2], np.int32))
    y = builder.tensor((1, shape[2]), tfl.TensorType.INT8, [scales[1]], [zero_points[1]])
    options = tfl.ReducerOptionsT()
    options.keepDims = False
    result = builder.run(
        tfl.BuiltinOperator.MEAN, tfl.BuiltinOptions.ReducerOptions, options, [x, axes], y, [inputs], 2
    )
    return {
        "input": tensor_case(shape, scales[0], zero_points[0]),
        "output": tensor_case((1, 1, shape[2]), scales[1], zero_points[1]),
        "output_values": flat(result),
    }


def mean(name, shape):
    scales = scale(0.02, 0.1), scale(0.01, 0.02)
    zero_points = zero_point(20), zero_point(20)
    inputs = values((1, *shape))
    case = run_mean(shape, scales, zero_points, inputs)
    return {"name": name, "operator": "mean", "activation": "none", "input_values": flat(inputs), **case}


def channel_values(seed, shape):
    """Values around one of its own for every channel, drawn so that tests/operators/global_average_pool.rs can draw them again."""
    state = seed

    def byte():
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state >> 24

    height, width, channels = shape
    centres = [byte() - 128 for _ in range(channels)]
    pixels = [[centre + byte() % 64 - 32 for centre in centres] for _ in range(height * width)]
    return np.clip(pixels, -128, 127).astype(np.int8).reshape(1, *shape)


def means(size):
    """A mean each with equal scales, where many quotients lie in the middle, and with scales apart in either direction."""
    for output_scale in (0.05, scale(0.01, 0.03), scale(0.06, 0.2)):
        shape = (*size, 150 if size[0] * size[1] < 300 else 40)
        scales = [float(np.float32(s)) for s in (0.05, output_scale)]
        seed = int(RANDOM.integers(2**32))
        case = run_mean(shape, scales, (zero_point(), zero_point(20)), channel_values(seed, shape))
        yield {"seed": seed, **case}


def add(name, shape, activation="none"):
    builder = ModelBuilder()
    scales = [scale(0.01, 0.1) for _ in range(2)]
    zero_points = [zero_point() for _ in range(2)]
    output_scale, output_zero_point = float(np.float32(max(scales) * 1.4)), -20
    inputs = [values((1, *shape)) for _ in range(2)]
    tensors = [
        builder.tensor((1, *shape), tfl.TensorType.INT8, [s], [z]) for s, z in zip(scales, zero_points)
    ]
    y = builder.tensor((1, *shape), tfl.TensorType.INT8, [output_scale], [output_zero_point])
    options = tfl.AddOptionsT()
    options.fusedActivationFunction = ACTIVATIONS[activation]
    options.potScaleInt16 = False
    result = builder.run(tfl.BuiltinOperator.ADD, tfl.BuiltinOptions.AddOptions, options, tensors, y, inputs, 2)
    return {
        "name": name,
        "operator": "add",
        "activation": activation,
        "input": tensor_case(shape, scales[0], zero_points[0]),
        "second_input": tensor_case(shape, scales[1], zero_points[1]),
        "output": tensor_case(shape, output_scale, output_zero_point),
        "input_values": flat(inputs[0]),
        "second_values": flat(inputs[1]),
        "output_values": flat(result),
    }


def mul(name, shape, second_shape, activation="none"):
    """With a second shape of 1x1xC, a factor for every channel."""
    builder = ModelBuilder()
    # Products of a few units, of which ReLU6 cuts off some.
    scales = [scale(0.01, 0.03) for _ in range(2)]
    zero_points = [zero_point(60) for _ in range(2)]
    shapes = [shape, second_shape]
    # The products' standard deviation is about 50 steps.
    output_scale, output_zero_point = float(np.float32(scales[0] * scales[1] * scale(150, 250))), -20
    inputs = [values((1, *s)) for s in shapes]
    tensors = [
        builder.tensor((1, *s), tfl.TensorType.INT8, [x], [z]) for s, x, z in zip(shapes, scales, zero_points)
    ]
    y = builder.tensor((1, *shape), tfl.TensorType.INT8, [output_scale], [output_zero_point])
    options = tfl.MulOptionsT()
    options.fusedActivationFunction = ACTIVATIONS[activation]
    result = builder.run(tfl.BuiltinOperator.MUL, tfl.BuiltinOptions.MulOptions, options, tensors, y, inputs, 2)
    return {
        "name": name,
        "operator": "mul",
        "activation": activation,
        "input": tensor_case(shape, scales[0], zero_points[0]),
        "second_input": tensor_case(second_shape, scales[1], zero_points[1]),
        "output": tensor_case(shape, output_scale, output_zero_point),
        "input_values": flat(inputs[0]),
        "second_values": flat(inputs[1]),
        "output_values": flat(result),
    }


def logistic(name, input_scale, input_zero_point):
    """Every integer there is."""
    builder = ModelBuilder()
    shape, output_scale, output_zero_point = (16, 16, 1), 1 / 256, -128
    input_scale = float(np.float32(input_scale))
    inputs = np.arange(-128, 128).astype(np.int8).reshape(1, *shape)
    x = builder.tensor((1, *shape), tfl.TensorType.INT8, [input_scale], [input_zero_point])
    y = builder.tensor((1, *shape), tfl.TensorType.INT8, [output_scale], [output_zero_point])
    result = builder.run(tfl.BuiltinOperator.LOGISTIC, tfl.BuiltinOptions.NONE, None, [x], y, [inputs], 2)
    return {
        "name": name,
        "operator": "logistic",
        "activation": "none",
        "input": tensor_case(shape, input_scale, input_zero_point),
        "output": tensor_case(shape, output_scale, output_zero_point),
        "input_values": flat(inputs),
        "output_values": flat(result),
    }


def window(kernel, stride, padding, dilation=(1, 1)):
    return {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}


CASES = [
    weighted("conv 3x3 same", "conv2d", (7, 5, 3), 6, window((3, 3), (1, 1), "same")),
    weighted("conv 5x3 valid, stride 2x1, ReLU", "conv2d", (9, 7, 2), 5, window((5, 3), (2, 1), "valid"), "relu"),
    weighted("conv 3x3 same, stride 2, even size", "conv2d", (8, 10, 4), 4, window((3, 3), (2, 2), "same")),
    weighted("conv 4x2 same, stride 3, ReLU6", "conv2d", (8, 7, 3), 3, window((4, 2), (3, 3), "same"), "relu6"),
    weighted("conv 7x7 same over a small input", "conv2d", (5, 4, 2), 3, window((7, 7), (1, 1), "same")),
    weighted("conv 1x1", "conv2d", (6, 5, 9), 7, window((1, 1), (1, 1), "same")),
    weighted("conv 1x1, stride 2", "conv2d", (6, 5, 8), 4, window((1, 1), (2, 2), "valid")),
    weighted("conv 1x1, small sums", "conv2d", (8, 8, 3), 8, window((1, 1), (1, 1), "same"), small_sums=True),
    weighted("depthwise 3x3 same", "depthwise_conv2d", (6, 7, 11), 0, window((3, 3), (1, 1), "same")),
    weighted(
        "depthwise 5x3 valid, stride 2, ReLU", "depthwise_conv2d", (9, 8, 5), 0, window((5, 3), (2, 2), "valid"), "relu"
    ),
    weighted("depthwise 3x3 same, stride 2", "depthwise_conv2d", (8, 8, 8), 0, window((3, 3), (2, 2), "same")),
    weighted("fully connected", "fully_connected", (1, 1, 37), 10),
    weighted("fully connected, ReLU", "fully_connected", (1, 1, 120), 7, None, "relu"),
    pool("max-pool 2x2 valid, stride 2", "max_pool2d", (7, 8, 5), window((2, 2), (2, 2), "valid")),
    pool("max-pool 3x3 same, stride 2, ReLU", "max_pool2d", (8, 8, 4), window((3, 3), (2, 2), "same"), "relu"),
    pool("average-pool 2x2 valid, stride 2", "average_pool2d", (8, 9, 5), window((2, 2), (2, 2), "valid")),
    pool("average-pool 3x3 same", "average_pool2d", (6, 7, 4), window((3, 3), (1, 1), "same")),
    pool("average-pool 4x2 same, stride 3, ReLU6", "average_pool2d", (9, 7, 3), window((4, 2), (3, 3), "same"), "relu6"),
    mean("mean over 5x7", (5, 7, 16)),
    mean("mean over 6x6", (6, 6, 20)),
    mean("mean over 8x8", (8, 8, 8)),
    add("addition", (6, 5, 8)),
    add("addition, ReLU", (7, 6, 5), "relu"),
]

# After the others and in the order in which they were added, so that what is drawn for those stays as it is.
def later_cases():
    """Groups, dilation, depth multipliers, products, the logistic function."""
    return [
        weighted("conv 3x3, 2 groups", "conv2d", (6, 7, 8), 6, window((3, 3), (1, 1), "same"), groups=2),
        weighted("conv 2x3 valid, 3 groups, stride 2", "conv2d", (9, 8, 6), 9, window((2, 3), (2, 2), "valid"), groups=3),
        weighted("conv 1x1, 4 groups, ReLU", "conv2d", (5, 5, 8), 8, window((1, 1), (1, 1), "same"), "relu", groups=4),
        weighted("conv 3x3, dilation 2", "conv2d", (9, 8, 3), 5, window((3, 3), (1, 1), "same", (2, 2))),
        weighted("conv 3x2 valid, dilation 3x2, ReLU6", "conv2d", (9, 8, 4), 4, window((3, 2), (1, 1), "valid", (3, 2)), "relu6"),
        weighted("conv 3x3, dilation 4 beyond a small input", "conv2d", (5, 4, 2), 3, window((3, 3), (1, 1), "same", (4, 4))),
        weighted("depthwise 3x3, multiplier 2", "depthwise_conv2d", (6, 7, 5), 0, window((3, 3), (1, 1), "same"), multiplier=2),
        weighted(
            "depthwise 3x2 valid, multiplier 3, stride 2, ReLU", "depthwise_conv2d", (9, 8, 4), 0,
            window((3, 2), (2, 2), "valid"), "relu", multiplier=3,
        ),
        weighted("depthwise 3x3, dilation 2", "depthwise_conv2d", (9, 8, 9), 0, window((3, 3), (1, 1), "same", (2, 2))),
        weighted(
            "depthwise 2x3, dilation 2x3, multiplier 2", "depthwise_conv2d", (10, 9, 3), 0,
            window((2, 3), (1, 1), "same", (2, 3)), multiplier=2,
        ),
        mul("product", (6, 5, 8), (6, 5, 8)),
        mul("product, ReLU", (7, 6, 5), (7, 6, 5), "relu"),
        mul("product with a factor a channel", (9, 8, 12), (1, 1, 12)),
        mul("product with a factor a channel, ReLU6", (12, 11, 7), (1, 1, 7), "relu6"),
        logistic("logistic, -4 to 4", 8 / 255, 0),
        logistic("logistic, -8 to 8", 16 / 255, 3),
        logistic("logistic, fine steps", 0.004, -70),
        logistic("logistic, coarse steps", 0.3, 11),
        logistic("logistic, all positive", 0.05, -128),
    ]

MEAN_SIZES = [
    (1, 1), (1, 2), (2, 2), (3, 1), (3, 3), (4, 5), (5, 7), (6, 6), (7, 7), (8, 8), (9, 11), (3, 17), (12, 12), (13, 21),
    (24, 24), (31, 31), (48, 48),
]  # fmt: skip
MEANS = [case for size in MEAN_SIZES for case in means(size)]
CASES += later_cases()
CASES += [
    weighted("fully connected, many small sums", "fully_connected", (1, 1, 9), 600, small_sums=True),
    weighted("fully connected, many units, ReLU6", "fully_connected", (1, 1, 16), 500, None, "relu6"),
    weighted("conv 1x1, many small sums", "conv2d", (20, 20, 3), 6, window((1, 1), (1, 1), "same"), small_sums=True),
]


def write(name, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    pathlib.Path(__file__).with_name(name).write_text(f"[\n{lines}\n]\n")


write("tflite.json", CASES)
write("tflite_means.json", MEANS)
for case in CASES:
    outputs = np.array(case["output_values"])
    edge = np.mean((outputs == outputs.min()) | (outputs == outputs.max()))
    print(f"{case['name']:<40} {case['output']['shape']} {outputs.min()}..{outputs.max()}, {100 * edge:.0f} % at the ends")
