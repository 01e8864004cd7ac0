"""The networks of the comparison as chains of layers, and as ONNX files."""

import dataclasses

import numpy as np
import onnx
from onnx import helper, numpy_helper

SIDE = 48
# A step of the input's integers: the normalization of 48x48 faces gives i8 values of this scale, with zero point 0.
INPUT_SCALE = 1 / 37


@dataclasses.dataclass
class Layer:
    """One of `conv`, `max_pool`, `mean` and `dense`; weights are `[outputs, inputs, height, width]`."""

    kind: str
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    padding: tuple = (0, 0, 0, 0)
    relu: bool = False


RANDOM = np.random.default_rng(1)


def conv(inputs, filters, kernel, stride, size, relu=True):
    """A convolution of `size` x `size` pixels with TensorFlow's padding `same` and random weights."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    before, after = total // 2, total - total // 2
    shape = (filters, inputs, kernel, kernel)
    weights = RANDOM.normal(0, 1 / np.sqrt(inputs * kernel * kernel), shape).astype(np.float32)
    bias = RANDOM.normal(0, 0.1, filters).astype(np.float32)
    padding = (before, before, after, after)
    return Layer("conv", weights, bias, (kernel, kernel), (stride, stride), padding, relu)


def dense(inputs, units, relu):
    weights = RANDOM.normal(0, 1 / np.sqrt(inputs), (units, inputs)).astype(np.float32)
    return Layer("dense", weights, RANDOM.normal(0, 0.1, units).astype(np.float32), relu=relu)


def max_pool():
    return Layer("max_pool", kernel=(2, 2), stride=(2, 2))


# The paper's network (host-trainer/architectures/levorse.toml), and one of 3x3 convolutions
# (host-trainer/benches/networks/plain.toml, batch normalization folded); what the weights are does not matter for the time.
NETWORKS = {
    "the paper's": [
        conv(1, 14, 5, 1, 48, relu=False),
        conv(14, 14, 5, 1, 48),
        max_pool(),
        conv(14, 8, 7, 1, 24, relu=False),
        conv(8, 8, 7, 1, 24),
        max_pool(),
        dense(1152, 144, relu=True),
        dense(144, 7, relu=False),
    ],
    "3x3": [
        conv(1, 16, 3, 1, 48),
        conv(16, 32, 3, 2, 48),
        conv(32, 32, 3, 1, 24),
        conv(32, 64, 3, 2, 24),
        conv(64, 64, 3, 1, 12),
        conv(64, 96, 3, 2, 12),
        conv(96, 96, 3, 1, 6),
        Layer("mean"),
        dense(96, 7, relu=False),
    ],
}


def float_onnx(layers):
    """The layers as ONNX, from `image` (`[1, C, 48, 48]`) to `logits`."""
    nodes, initializers, name = [], [], "image"

    def node(kind, inputs, **attributes):
        output = f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(values, suffix):
        label = f"{suffix}_{len(initializers)}"
        initializers.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), label))
        return label

    flat = False
    for layer in layers:
        window = {"kernel_shape": layer.kernel, "strides": layer.stride, "pads": layer.padding}
        if layer.kind == "conv":
            operands = [name, constant(layer.weights, "weights"), constant(layer.bias, "bias")]
            name = node("Conv", operands, **window)
        elif layer.kind == "max_pool":
            name = node("MaxPool", [name], **window)
        elif layer.kind == "mean":
            name = node("GlobalAveragePool", [name])
        else:
            if not flat:
                name, flat = node("Flatten", [name], axis=1), True
            name = node("Gemm", [name, constant(layer.weights, "weights"), constant(layer.bias, "bias")], transB=1)
        if layer.relu:
            name = node("Relu", [name])
    channels = layers[0].weights.shape[1]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, channels, SIDE, SIDE])
    logits = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, len(layers[-1].bias)])
    graph = helper.make_graph(nodes, "network", [image], [logits], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def faces(count, channels=1, seed=2013):
    """Normalized faces without any structure: `[count, channels, 48, 48]`, i8."""
    return np.random.default_rng(seed).integers(-126, 127, (count, channels, SIDE, SIDE)).astype(np.int8)
