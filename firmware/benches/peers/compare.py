#!/usr/bin/env python3
"""An inference of this core beside those of its peers, on one thread of this machine, turn by turn.

Usage: compare.py [--rounds N] [--cpu N]

The peers are ONNX Runtime (int8 with a scale for each output channel, activations signed and unsigned; and f32), TensorFlow
Lite with XNNPACK (int8) and tract (f32). All compute the same two networks on random weights; that they do is checked. They
get a normalized face in the type that they compute with: normalization is no part of the comparison.

Needs Rust, and from PyPI: onnx onnxruntime ai-edge-litert flatbuffers numpy tract. Writes peers.csv beside this file.
"""

import argparse
import csv
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = "onnx onnxruntime ai-edge-litert flatbuffers numpy tract"
# Of the inferences of a turn the first ones, with caches still full of the others, do not count.
WARM_UP, COUNT = 5, 25

try:
    import numpy as np
    import onnx
    import onnxruntime
    import tract
    from ai_edge_litert.interpreter import Interpreter

    import network
    import qdq
    import tflite
except ImportError as error:
    raise SystemExit(f"{error}; the peers are on PyPI: python3 -m pip install {PACKAGES}") from error


def options():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def session(model):
    content = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(content, options(), providers=["CPUExecutionProvider"])


class OnnxRuntime:
    """A session with its input and output bound, so that nothing is copied or allocated in a call."""

    def __init__(self, model, input_name="image"):
        self.session = session(model)
        self.binding = self.session.io_binding()
        self.input_name = input_name
        self.binding.bind_output(self.session.get_outputs()[0].name)

    def set_input(self, image):
        self.binding.bind_cpu_input(self.input_name, image)

    def call(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.binding.copy_outputs_to_cpu()[0].ravel()

    def measure(self):
        return timed(self.call)


class TensorFlowLite:
    """An interpreter with its delegate XNNPACK, which it takes by itself."""

    def __init__(self, model):
        self.interpreter = Interpreter(model_content=model, num_threads=1)
        self.interpreter.allocate_tensors()

    def set_input(self, image):
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"], image)

    def output(self):
        return self.interpreter.get_tensor(self.interpreter.get_output_details()[0]["index"]).ravel()

    def measure(self):
        return timed(self.interpreter.invoke)


class Tract:
    """tract's default runtime, which optimizes the model for this processor."""

    def __init__(self, path, image):
        self.model = tract.runtime_for_name("default").prepare(tract.onnx().load(path).into_model())
        self.image = tract.Tensor.from_numpy(image)

    def measure(self):
        return timed(lambda: self.model.run([self.image]))


class Core:
    """The core in a process of its own (time_network.rs), which measures when it is asked to."""

    def __init__(self, program, path):
        self.process = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self.process.stdout.readline()

    def measure(self):
        return float(self.ask("time", WARM_UP, COUNT))


def timed(call):
    """Microseconds of a call, the median of a turn."""
    for _ in range(WARM_UP):
        call()
    times = []
    for _ in range(COUNT):
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1000


def programs(name, layers, program, folder):
    """What runs a network: name and version of each, and the one that measures."""
    model = network.float_onnx(layers)
    onnx.save(model, folder / "float.onnx")
    faces = network.faces(64)
    images = faces.astype(np.float32) * np.float32(network.INPUT_SCALE)
    # Layers end where the next begins: Flatten and the operator before a Relu are not theirs.
    relus = {node.input[0] for node in model.graph.node if node.op_type == "Relu"}
    ends = [node.output[0] for node in model.graph.node if node.op_type != "Flatten" and node.output[0] not in relus]
    with_all_outputs = onnx.ModelProto.FromString(model.SerializeToString())
    del with_all_outputs.graph.output[:]
    for end in ends:
        with_all_outputs.graph.output.append(onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, None))
    reference = session(with_all_outputs)
    outputs = [reference.run(ends, {"image": image[np.newaxis]}) for image in images]
    ranges = [(min(o[i].min() for o in outputs), max(o[i].max() for o in outputs)) for i in range(len(ends))]
    logits = outputs[0][-1].ravel()
    # Eight bits cost something, but the network has to be the same one.
    allowed = 0.1 * (max(ranges[-1]) - min(ranges[-1]))

    def check(peer, values, scale, zero_point):
        difference = np.abs((values.astype(np.float32) - np.float32(zero_point)) * scale - logits).max()
        if difference > allowed:
            raise SystemExit(f"{name}: {peer} computes another function, {difference:.3f} away from the float network")

    content, description, scale, zero_point = tflite.convert(layers, ranges)
    lite = TensorFlowLite(content)
    lite.set_input(faces[:1].transpose(0, 2, 3, 1))
    lite.interpreter.invoke()
    check("TensorFlow Lite", lite.output(), scale, zero_point)
    (folder / "description").write_text(description)
    core = Core(program, folder / "description")
    own = np.array(core.ask("logits", *faces[0].ravel()).split(), np.int8)
    check("this core", own, scale, zero_point)
    print(f"{name}: logits {own}, TensorFlow Lite with XNNPACK {lite.output()}", file=sys.stderr)
    found = [("this core", "", core)]
    if name == "the paper's":
        shipped = HERE.parent.parent / "models" / "levorse.fer"
        found.append(("this core, folded (levorse.fer)", "", Core(program, shipped)))
    found.append(("TensorFlow Lite XNNPACK int8", version("ai-edge-litert"), lite))
    for activations in ("QInt8", "QUInt8"):
        quantized, scale, zero_point = qdq.quantize(folder, images, activations)
        runtime = OnnxRuntime(quantized)
        runtime.set_input(faces[:1] if activations == "QInt8" else (faces[:1].astype(np.int16) + 128).astype(np.uint8))
        runtime.call()
        # Unsigned activations may saturate in instructions of processors without VNNI; ONNX Runtime documents that.
        if activations == "QInt8":
            check("ONNX Runtime", runtime.output(), scale, zero_point)
        found.append((f"ONNX Runtime int8 ({activations})", version("onnxruntime"), runtime))
    runtime = OnnxRuntime(model)
    runtime.set_input(images[:1])
    found.append(("ONNX Runtime f32", version("onnxruntime"), runtime))
    found.append(("tract f32", version("tract"), Tract(folder / "float.onnx", images[:1])))
    return found


def cpu_model():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--cpu", type=int, default=0, help="the core that all run on")
    arguments = parser.parse_args()
    build = ["cargo", "build", "--release", "--manifest-path", str(HERE / "Cargo.toml")]
    subprocess.run(build, check=True)
    program = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target")) / "release" / "peers"
    # Programs that are started from here inherit it.
    os.sched_setaffinity(0, {arguments.cpu})
    cpu, rows = cpu_model(), []
    for title, layers in network.NETWORKS.items():
        with tempfile.TemporaryDirectory() as folder:
            found = programs(title, layers, program, pathlib.Path(folder))
            for turn in range(1, arguments.rounds + 1):
                for name, release, runner in found:
                    microseconds = f"{runner.measure():.1f}"
                    row = [title, name, release, turn, microseconds, cpu]
                    rows.append(dict(zip(["network", "program", "version", "round", "microseconds", "cpu"], row)))
                print(f"{title}: round {turn} of {arguments.rounds}", end="\r", file=sys.stderr)
        print(file=sys.stderr)
    with open(HERE / "peers.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    report(rows)


def report(rows):
    for network_name in dict.fromkeys(row["network"] for row in rows):
        rounds = {}
        for row in rows:
            if row["network"] == network_name:
                rounds.setdefault(row["program"], []).append(float(row["microseconds"]))
        ours = rounds["this core"]
        print(f"{network_name:<32}{'median us':>10}{'best us':>10}{'this core is faster by':>24}")
        for program, times in rounds.items():
            ratio = statistics.median(other / own for other, own in zip(times, ours))
            print(f"{program:<32}{statistics.median(times):10.1f}{min(times):10.1f}{ratio:24.2f}")


if __name__ == "__main__":
    main()
