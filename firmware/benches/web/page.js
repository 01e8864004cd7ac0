// The engines, all in one page and on one thread. measure.mjs calls `prepare` once and then `turn`, again and again.

import * as ort from '/modules/onnxruntime-web/dist/ort.wasm.min.mjs';

const tf = window.tf;
const bytes = async path => new Uint8Array(await (await fetch(path)).arrayBuffer());

// The core: WebAssembly's exports `scan(frame)` and `infer()`.
const core = async path => (await WebAssembly.instantiate(await bytes(path), {})).instance.exports;

// Logits of a network must be those of the float network, but for what eight bits cost.
const check = (name, logits, expected, allowed) => {
    const range = Math.max(...expected) - Math.min(...expected);
    const furthest = Math.max(...expected.map((value, at) => Math.abs(value - logits[at])));
    if (!(furthest <= allowed * range)) {
        throw new Error(`${name} computes another function: ${logits} in place of ${expected}`);
    }
};

// ONNX Runtime, from normalized face to logits: its tensors are made once, the output's by itself in every call.
const onnxRuntime = async (path, image, { logits, outputs }) => {
    const session = await ort.InferenceSession.create(await bytes(path), {
        executionProviders: ['wasm'], graphOptimizationLevel: 'all', intraOpNumThreads: 1, interOpNumThreads: 1,
    });
    const run = async () => (await session.run({ image }))[session.outputNames[0]].data;
    const { scale, zero_point: zeroPoint } = outputs[image.type] ?? { scale: 1, zero_point: 0 };
    check(path, Array.from(await run(), value => (value - zeroPoint) * scale), logits, image.type in outputs ? 0.15 : 1e-3);
    return run;
};

// TensorFlow.js, f32: the layers as its fused operators, from normalized face to logits.
const tensorFlow = async (backend, { layers, logits }, weights, face) => {
    await tf.setBackend(backend);
    let place = 0;
    const next = shape => {
        const length = shape.reduce((product, size) => product * size);
        place += length;
        return tf.tensor(weights.subarray(place - length, place), shape);
    };
    const steps = layers.map(({ kind, shape: [outputs, inputs, height, width], stride, relu }) => {
        if (kind === 'mean') {
            return x => x.mean([1, 2]);
        }
        if (kind === 'max_pool') {
            return x => tf.maxPool(x, stride, stride, 'valid');
        }
        const activation = relu ? 'relu' : 'linear';
        const filter = next(kind === 'conv' ? [height, width, inputs, outputs] : [inputs, outputs]);
        const bias = next([outputs]);
        return kind === 'conv'
            ? x => tf.fused.conv2d({ x, filter, strides: stride, pad: 'same', bias, activation })
            : x => tf.fused.matMul({ a: x, b: filter, bias, activation });
    });
    const image = tf.tensor(face, [1, 48, 48, 2]);
    const network = () => steps.reduce((x, step) => step(x), image);
    const run = () => {
        const output = tf.tidy(network);
        const values = output.dataSync();
        output.dispose();
        return values;
    };
    check(`tfjs ${backend}`, run(), logits, 1e-3);
    return () => {
        tf.setBackend(backend);
        return run();
    };
};

const calls = new Map();

// Loads everything; the names of the engines.
window.prepare = async () => {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = '/modules/onnxruntime-web/dist/';
    tf.wasm.setWasmPaths('/modules/@tensorflow/tfjs-backend-wasm/dist/');
    tf.wasm.setThreadsCount(1);
    const description = await (await fetch('/networks/network.json')).json();
    const face = new Int8Array((await bytes('/networks/face.bin')).buffer);
    const weights = new Float32Array((await bytes('/networks/weights.bin')).buffer);
    const floats = Float32Array.from(face, value => value * description.input_scale);
    // [48, 48, 2] to [2, 48, 48].
    const planes = values => values.map((_, at) => values[(at % 2304) * 2 + Math.floor(at / 2304)]);
    const [simd, scalar] = [await core('/core-simd.wasm'), await core('/core-scalar.wasm')];
    calls.set('core simd128, full scan', index => simd.scan(index));
    calls.set('core scalar, full scan', index => scalar.scan(index));
    calls.set('core simd128, network', () => simd.infer());
    calls.set('core scalar, network', () => scalar.infer());
    const images = { int8: face, uint8: Uint8Array.from(face, value => value + 128), float32: floats };
    for (const [type, file, name] of [['int8', 'int8', 'int8'], ['uint8', 'uint8', 'uint8'], ['float32', 'float', 'f32']]) {
        const image = new ort.Tensor(type, planes(images[type]), [1, 2, 48, 48]);
        calls.set(`onnxruntime-web ${name}, network`, await onnxRuntime(`/networks/${file}.onnx`, image, description));
    }
    for (const backend of ['wasm', 'cpu']) {
        calls.set(`tfjs ${backend} f32, network`, await tensorFlow(backend, description, weights, floats));
    }
    return [...calls.keys()];
};

// The digests of what the core sees in each frame, and of an inference.
window.digests = async (path, frames) => {
    const { scan, infer } = await core(path);
    return [...Array(frames).keys()].map(index => scan(index) >>> 0).concat(infer() >>> 0);
};

// Milliseconds of each of so many calls. The first ones, with caches still full of the others, do not count.
window.turn = async (name, warmUp, count) => {
    const [call, times] = [calls.get(name), []];
    for (let index = 0; index < warmUp; index++) {
        await call(index);
    }
    for (let index = 0; index < count; index++) {
        const start = performance.now();
        const result = call(index);
        if (result instanceof Promise) {
            await result;
        }
        times.push(performance.now() - start);
    }
    return times;
};
