"""ONNX Runtime's own quantizer, with a scale for each output channel."""

import numpy as np
import onnx
from onnxruntime import quantization


class Calibration(quantization.CalibrationDataReader):
    """Faces for ONNX Runtime's quantizer."""

    def __init__(self, images):
        self.images = iter(images)

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"image": image[np.newaxis]}


def quantize(folder, images, activations):
    """The network in QDQ form, from quantized face to quantized logits: `float.onnx` of the folder, calibrated with `images`. The model,
    and scale and zero point of its output."""
    path = folder / f"qdq_{activations}.onnx"
    kind = getattr(quantization.QuantType, activations)
    quantization.quantize_static(
        folder / "float.onnx",
        path,
        Calibration(images),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=kind,
        weight_type=quantization.QuantType.QInt8,
    )
    model = onnx.load(path)
    nodes = model.graph.node
    first = next(n for n in nodes if n.op_type == "QuantizeLinear" and n.input[0] == "image")
    last = next(n for n in nodes if n.output[0] == model.graph.output[0].name)
    assert last.op_type == "DequantizeLinear"
    integer = onnx.TensorProto.UINT8 if activations == "QUInt8" else onnx.TensorProto.INT8
    for node in nodes:
        node.input[:] = ["image" if name == first.output[0] else name for name in node.input]
    nodes.remove(first)
    nodes.remove(last)
    model.graph.input[0].type.tensor_type.elem_type = integer
    model.graph.output[0].type.tensor_type.elem_type = integer
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    scale, zero_point = (values[name] for name in last.input[1:])
    model.graph.output[0].name = last.input[0]
    return model, scale, zero_point
