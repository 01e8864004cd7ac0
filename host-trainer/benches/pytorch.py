"""How fast the same network trains in PyTorch, channels last, on two threads.

Usage: pytorch.py NETWORK.toml BATCH STEPS [bf16]

Reads an architecture file of host-trainer and prints the line that the bench `training_speed` prints. With bf16 it trains under
automatic mixed precision.
"""

import resource
import sys
import time
import tomllib

import torch
from torch import nn

WARM_UP = 5
SIDE = 48


def pair(value):
    return tuple(value) if isinstance(value, list) else (value, value)


def out_side(size, kernel, stride, padding):
    return -(-size // stride) if padding == "same" else (size - kernel) // stride + 1


class Network(nn.Module):
    """The layers of an architecture file, each with the names of the layers that it reads."""

    def __init__(self, description):
        super().__init__()
        self.layers = nn.ModuleList()
        self.inputs = []
        self.names = []
        shapes = {"input": (1, SIDE, SIDE)}
        previous = "input"
        for index, layer in enumerate(description["layer"]):
            kind = layer["kind"]
            name = layer.get("name", f"{kind}_{index + 1}")
            inputs = layer.get("inputs", [previous])
            following = description["layer"][index + 1]["kind"] if index + 1 < len(description["layer"]) else ""
            module, shape = self.build(layer, shapes[inputs[0]], following != "batch_norm")
            self.layers.append(module)
            self.inputs.append(inputs)
            self.names.append(name)
            shapes[name] = shape
            previous = name

    @staticmethod
    def build(layer, shape, bias):
        channels, height, width = shape
        kind = layer["kind"]
        if kind in ("conv2d", "depthwise_conv2d", "max_pool2d", "average_pool2d"):
            pool = kind.endswith("pool2d")
            kernel = pair(layer["kernel"])
            stride = pair(layer.get("stride", layer["kernel"] if pool else 1))
            same = layer.get("padding", "valid" if pool else "same")
            sides = [out_side(s, k, t, same) for s, k, t in zip((height, width), kernel, stride)]
            padding = tuple(k // 2 if same == "same" else 0 for k in kernel)
            if kind == "max_pool2d":
                return nn.MaxPool2d(kernel, stride, padding), (channels, *sides)
            if kind == "average_pool2d":
                return nn.AvgPool2d(kernel, stride, padding, count_include_pad=False), (channels, *sides)
            outputs = channels if kind == "depthwise_conv2d" else layer["filters"]
            groups = channels if kind == "depthwise_conv2d" else 1
            module = nn.Conv2d(channels, outputs, kernel, stride, padding, groups=groups, bias=bias)
            return module, (outputs, *sides)
        if kind == "batch_norm":
            return nn.BatchNorm2d(channels), shape
        if kind == "relu":
            return nn.ReLU(), shape
        if kind == "relu6":
            return nn.ReLU6(), shape
        if kind == "global_average_pool":
            return nn.AdaptiveAvgPool2d(1), (channels, 1, 1)
        if kind == "flatten":
            return nn.Flatten(), (channels * height * width, 1, 1)
        if kind == "dropout":
            return nn.Dropout(layer["rate"]), shape
        if kind == "dense":
            return nn.Linear(channels, layer["units"]), (layer["units"], 1, 1)
        if kind == "add":
            return nn.Identity(), shape
        raise SystemExit(f"pytorch.py knows no layer `{kind}`")

    def forward(self, x):
        outputs = {"input": x}
        for name, module, inputs in zip(self.names, self.layers, self.inputs):
            x = module(sum(outputs[i] for i in inputs) if len(inputs) > 1 else outputs[inputs[0]])
            outputs[name] = x
        return x


def make_optimizer(recipe, parameters):
    optimizer = recipe["optimizer"]
    if optimizer["kind"] == "rmsprop":
        epsilon = optimizer.get("epsilon", 1e-7)
        return torch.optim.RMSprop(parameters, 1e-4, alpha=optimizer.get("rho", 0.9), eps=epsilon)
    return torch.optim.SGD(parameters, 1e-4)


def main():
    file, batch, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    precision = sys.argv[4] if len(sys.argv) > 4 else "f32"
    torch.set_num_threads(2)
    torch.manual_seed(1)
    with open(file, "rb") as text:
        description = tomllib.load(text)
    network = Network(description).to(memory_format=torch.channels_last).train()
    optimizer = make_optimizer(description["recipe"], network.parameters())
    faces = torch.randint(-100, 101, (batch, 1, SIDE, SIDE), dtype=torch.int8)
    labels = torch.randint(0, 7, (batch,))
    seconds = []
    for step in range(WARM_UP + steps):
        start = time.perf_counter()
        images = (faces.float() / 37).to(memory_format=torch.channels_last)
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        if step >= WARM_UP:
            seconds.append(time.perf_counter() - start)
    seconds.sort()
    rates = [batch / seconds[len(seconds) // 2], batch / seconds[0]]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{description['name']},{precision},pytorch,{torch.__version__},{rates[0]:.1f},{rates[1]:.1f},{peak:.0f}")


if __name__ == "__main__":
    main()
