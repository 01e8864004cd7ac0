"""Layers quantized to eight bits, a scale for each output channel, as a model of TensorFlow Lite."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl

from network import INPUT_SCALE, SIDE

PADDING = {tfl.Padding.SAME: "same", tfl.Padding.VALID: "valid"}


def quantization(low, high):
    """Scale and zero point of a tensor with values from `low` to `high`."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-6) / 255
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


class Builder:
    """A model of one operator after another."""

    def __init__(self):
        self.tensors, self.buffers, self.operators, self.codes = [], [tfl.BufferT()], [], []

    def tensor(self, shape, kind, scales=(), zero_points=(), data=None, axis=0):
        tensor = tfl.TensorT()
        tensor.shape, tensor.type, tensor.name, tensor.buffer = list(shape), kind, f"t{len(self.tensors)}", 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.buffers.append(buffer)
            tensor.buffer = len(self.buffers) - 1
        if len(scales):
            tensor.quantization = tfl.QuantizationParametersT()
            tensor.quantization.scale = [float(s) for s in scales]
            tensor.quantization.zeroPoint = [int(z) for z in zero_points]
            tensor.quantization.quantizedDimension = axis
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operator(self, code, version, kind, options, inputs, output):
        opcode = tfl.OperatorCodeT()
        opcode.builtinCode, opcode.deprecatedBuiltinCode, opcode.version = code, code, version
        self.codes.append(opcode)
        operator = tfl.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = len(self.codes) - 1, inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self.operators.append(operator)

    def finish(self, first, last):
        graph = tfl.SubGraphT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = self.tensors, self.operators, [first], [last]
        model = tfl.ModelT()
        model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, self.codes, [graph], self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def padding(layer, height, width):
    """TensorFlow's name for the padding, and the output's size."""
    name = tfl.Padding.SAME if any(layer.padding) else tfl.Padding.VALID
    size = []
    for length, kernel, stride, before, after in zip(
        (height, width), layer.kernel, layer.stride, layer.padding[:2], layer.padding[2:]
    ):
        size.append((length + before + after - kernel) // stride + 1)
        if name == tfl.Padding.SAME:
            total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            assert (before, after) == (total // 2, total - total // 2), "padding is not TensorFlow's `same`"
    return name, *size


def weighted(builder, layer, x, input_scale, weights):
    """The operands of a convolution or a fully connected operator, and its weights, scales and biases as numbers."""
    outputs = len(weights)
    largest = np.abs(weights.reshape(outputs, -1)).max(axis=1)
    scales = np.maximum(largest, 1e-9) / 127
    quantized = np.clip(np.round(weights / scales.reshape(-1, *[1] * (weights.ndim - 1))), -127, 127).astype(np.int8)
    bias_scales = scales * input_scale
    w = builder.tensor(weights.shape, tfl.TensorType.INT8, scales, [0] * outputs, quantized)
    biases = np.round(layer.bias / bias_scales).astype(np.int32)
    b = builder.tensor((outputs,), tfl.TensorType.INT32, bias_scales, [0] * outputs, biases)
    return [x, w, b], [*quantized.ravel(), *(np.float32(s) for s in scales), *biases]


def convert(layers, ranges):
    """The model, the same as a description for time_network.rs, and scale and zero point of its output.

    `ranges` are the least and the largest output of each layer.
    """
    builder = Builder()
    words = ["input", INPUT_SCALE]
    scale, zero_point = INPUT_SCALE, 0
    height, width, depth = SIDE, SIDE, 1
    first = x = builder.tensor((1, height, width, depth), tfl.TensorType.INT8, [scale], [zero_point])
    for layer, limits in zip(layers, ranges):
        activation = tfl.ActivationFunctionType.RELU if layer.relu else tfl.ActivationFunctionType.NONE
        input_scale = scale
        if layer.kind != "max_pool":
            scale, zero_point = quantization(*limits)
        if layer.kind in ("conv", "max_pool"):
            before = (height, width)
            name, height, width = padding(layer, height, width)
            depth = len(layer.bias) if layer.kind == "conv" else depth
            y = builder.tensor((1, height, width, depth), tfl.TensorType.INT8, [scale], [zero_point])
        if layer.kind == "conv":
            options = tfl.Conv2DOptionsT()
            options.padding, options.fusedActivationFunction = name, activation
            options.strideH, options.strideW = layer.stride
            options.dilationHFactor = options.dilationWFactor = 1
            code, kind = tfl.BuiltinOperator.CONV_2D, tfl.BuiltinOptions.Conv2DOptions
            weights = layer.weights.transpose(0, 2, 3, 1)
            operands, numbers = weighted(builder, layer, x, input_scale, weights)
            builder.operator(code, 3, kind, options, operands, y)
            words += ["conv", layer.kernel[0], layer.stride[0], PADDING[name], depth, int(layer.relu)]
            words += [np.float32(scale), zero_point, *numbers]
        elif layer.kind == "max_pool":
            options = tfl.Pool2DOptionsT()
            options.padding, options.fusedActivationFunction = name, activation
            options.filterHeight, options.filterWidth = layer.kernel
            options.strideH, options.strideW = layer.stride
            builder.operator(tfl.BuiltinOperator.MAX_POOL_2D, 2, tfl.BuiltinOptions.Pool2DOptions, options, [x], y)
            words += ["max_pool", layer.kernel[0], layer.stride[0], PADDING[name]]
        elif layer.kind == "mean":
            axes = builder.tensor((2,), tfl.TensorType.INT32, data=np.array([1, 2], np.int32))
            y = builder.tensor((1, 1, 1, depth), tfl.TensorType.INT8, [scale], [zero_point])
            options = tfl.ReducerOptionsT()
            options.keepDims = True
            builder.operator(tfl.BuiltinOperator.MEAN, 2, tfl.BuiltinOptions.ReducerOptions, options, [x, axes], y)
            height = width = 1
            words += ["mean", np.float32(scale), zero_point]
        else:
            # Weights are for channels first; here channels come last.
            inputs = layer.weights.reshape(-1, depth, height, width).transpose(0, 2, 3, 1)
            weights = inputs.reshape(len(layer.bias), -1)
            y = builder.tensor((1, len(layer.bias)), tfl.TensorType.INT8, [scale], [zero_point])
            options = tfl.FullyConnectedOptionsT()
            options.fusedActivationFunction = activation
            code, kind = tfl.BuiltinOperator.FULLY_CONNECTED, tfl.BuiltinOptions.FullyConnectedOptions
            operands, numbers = weighted(builder, layer, x, input_scale, weights)
            builder.operator(code, 5, kind, options, operands, y)
            words += ["dense", len(layer.bias), int(layer.relu), np.float32(scale), zero_point, *numbers]
            height, width, depth = 1, 1, len(layer.bias)
        x = y
    return builder.finish(first, x), " ".join(map(str, words)), scale, zero_point
