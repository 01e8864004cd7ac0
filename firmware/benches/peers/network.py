"""The float network of a run as a chain of layers, with batch normalization folded into the layer before it."""

import dataclasses

import numpy as np
import onnx
from onnx import helper, numpy_helper

SIDE = 48
# A step of the input's integers: the normalization of 48x48 faces gives i8 values of this scale, with zero point 0.
INPUT_SCALE = 1 / 37


@dataclasses.dataclass
class Layer:
    """One of `conv`, `max_pool`, `mean` and `dense`; weights are `[outputs, inputs / group, height, width]`."""

    kind: str
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    group: int = 1
    kernel: tuple = (1, 1)
    stride: tuple = (1, 1)
    padding: tuple = (0, 0, 0, 0)
    relu: bool = False


def read(path):
    """The layers of an ONNX file that host-trainer wrote."""
    model = onnx.load(path)
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    layers = []
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        operands = [values.get(name) for name in node.input]
        window = {
            "kernel": tuple(attributes.get("kernel_shape", (1, 1))),
            "stride": tuple(attributes.get("strides", (1, 1))),
            "padding": tuple(attributes.get("pads", (0, 0, 0, 0))),
        }
        if node.op_type == "Conv":
            weights = operands[1]
            bias = operands[2] if len(operands) > 2 else np.zeros(len(weights), np.float32)
            layers.append(Layer("conv", weights, bias, attributes.get("group", 1), **window))
        elif node.op_type == "BatchNormalization":
            scale, shift, mean, variance = operands[1:]
            factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
            last = layers[-1]
            last.weights = last.weights * factor.reshape(-1, 1, 1, 1)
            last.bias = (last.bias - mean) * factor + shift
        elif node.op_type == "Relu":
            layers[-1].relu = True
        elif node.op_type == "MaxPool":
            layers.append(Layer("max_pool", **window))
        elif node.op_type == "GlobalAveragePool":
            layers.append(Layer("mean"))
        elif node.op_type == "Gemm":
            layers.append(Layer("dense", operands[1], operands[2]))
        elif node.op_type not in ("Flatten", "Reshape"):
            raise SystemExit(f"{path}: no layer {node.op_type} is known here")
    return layers


def float_onnx(layers):
    """The layers as ONNX, from `image` (`[1, 1, 48, 48]`) to `logits`."""
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
            name = node("Conv", operands, group=layer.group, **window)
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
    image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 1, SIDE, SIDE])
    logits = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, len(layers[-1].bias)])
    graph = helper.make_graph(nodes, "network", [image], [logits], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def faces(count, seed=2013):
    """Normalized faces without any structure: `[count, 1, 48, 48]`, i8."""
    return np.random.default_rng(seed).integers(-126, 127, (count, 1, SIDE, SIDE)).astype(np.int8)
