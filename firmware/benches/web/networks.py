#!/usr/bin/env python3
"""The layers of `edge` with random weights, for the engines of browsers; measure.mjs calls it.

Usage: networks.py FOLDER

Needs onnx, onnxruntime and numpy. Writes to FOLDER:

float.onnx              f32
int8.onnx, uint8.onnx   QDQ with a scale for each output channel and such activations: from quantized face to quantized logits
weights.bin             f32: weights as TensorFlow.js takes them ([height, width, inputs, outputs]) and biases of each layer
face.bin                i8, [48, 48, 2]: a normalized face
network.json            the layers; the logits of the face in f32, and scale and zero point of those in int8 and uint8
"""

import json
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "peers"))

import numpy as np
import onnx
import onnxruntime

import network
import qdq

# host-trainer/architectures/edge.toml, with the batch normalization folded.
EDGE = [
    network.conv(2, 24, 3, 1, 48),
    network.conv(24, 24, 3, 1, 48),
    network.max_pool(),
    network.conv(24, 40, 3, 1, 24),
    network.conv(40, 40, 3, 1, 24),
    network.max_pool(),
    network.conv(40, 64, 3, 1, 12),
    network.conv(64, 64, 3, 1, 12),
    network.max_pool(),
    network.conv(64, 104, 3, 1, 6),
    network.conv(104, 104, 3, 1, 6),
    network.Layer("mean"),
    network.dense(104, 7, relu=False),
]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    model = network.float_onnx(EDGE)
    onnx.save(model, folder / "float.onnx")
    faces = network.faces(64, channels=2)
    images = faces.astype(np.float32) * np.float32(network.INPUT_SCALE)
    outputs = {}
    for kind, name in [("QInt8", "int8"), ("QUInt8", "uint8")]:
        quantized, scale, zero_point = qdq.quantize(folder, images, kind)
        onnx.save(quantized, folder / f"{name}.onnx")
        outputs[name] = {"scale": float(scale), "zero_point": int(zero_point)}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    logits = session.run(None, {"image": images[:1]})[0].ravel()
    weighted = [layer for layer in EDGE if layer.weights is not None]
    with open(folder / "weights.bin", "wb") as file:
        for layer in weighted:
            order = (2, 3, 1, 0) if layer.kind == "conv" else (1, 0)
            file.write(np.ascontiguousarray(layer.weights.transpose(order), np.float32).tobytes())
            file.write(layer.bias.astype(np.float32).tobytes())
    (folder / "face.bin").write_bytes(np.ascontiguousarray(faces[0].transpose(1, 2, 0)).tobytes())
    description = {
        "layers": [
            {
                "kind": layer.kind,
                "shape": [] if layer.weights is None else layer.weights.shape,
                "stride": layer.stride[0],
                "relu": layer.relu,
            }
            for layer in EDGE
        ],
        "input_scale": network.INPUT_SCALE,
        "logits": logits.tolist(),
        "outputs": outputs,
    }
    (folder / "network.json").write_text(json.dumps(description))


if __name__ == "__main__":
    main()
