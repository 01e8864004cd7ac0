// The answers of the expression network of npm's @vladmandic/human to faces of 48x48 bytes.
//
// Usage: node peers_human.mjs FACES, from a folder where peers.py has installed the packages. Prints a line of JSON.
//
// A face goes the way of `predict` in the package's src/gear/emotion.ts: three channels from 0 to 1, TensorFlow's bilinear
// resizing, the weighted sum of the channels, then from -1 to 1.

import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
const { loadGraphModel } = require('@tensorflow/tfjs-converter');
const wasm = require('@tensorflow/tfjs-backend-wasm');

const SIDE = 48;
const BATCH = 32;
const RGB = [0.2989, 0.5870, 0.1140];

function readModel(folder) {
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'emotion.json')));
  const bytes = readFileSync(join(folder, 'emotion.bin'));
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  return { modelTopology, weightSpecs, weightData };
}

// Weights, and multiply-accumulates from the shapes of what the convolutions give.
function cost(model, { modelTopology, weightSpecs }, size) {
  const shapes = new Map(weightSpecs.map(({ name, shape }) => [name, shape]));
  const product = (shape) => shape.reduce((all, length) => all * length, 1);
  let macs = 0;
  for (const { name, op, input } of modelTopology.node) {
    if (!op.includes('Conv2D') && !op.includes('Conv2d')) continue;
    const [, height, width] = tf.tidy(() => model.execute(tf.zeros([1, size, size, 1]), name).shape);
    // A depthwise kernel is [height, width, channels, 1], so that the formula is one.
    macs += height * width * product(shapes.get(input[1]));
  }
  const weights = weightSpecs.filter(({ dtype }) => dtype === 'float32');
  return { weights: weights.reduce((sum, { shape }) => sum + product(shape), 0), macs };
}

function ask(model, faces, size) {
  return tf.tidy(() => {
    const grey = tf.tensor4d(Float32Array.from(faces), [faces.length / SIDE ** 2, SIDE, SIDE, 1]);
    const image = tf.div(tf.tile(grey, [1, 1, 1, 3]), 255);
    const resized = tf.image.resizeBilinear(image, [size, size], false);
    const weighted = tf.sum(tf.mul(resized, tf.tensor1d(RGB)), 3, true);
    return Array.from(tf.argMax(model.execute(tf.mul(tf.sub(weighted, 0.5), 2)), 1).dataSync());
  });
}

async function main() {
  const here = dirname(fileURLToPath(import.meta.url));
  const folder = join(here, 'node_modules', '@vladmandic', 'human');
  wasm.setWasmPaths(join(here, 'node_modules', '@tensorflow', 'tfjs-backend-wasm', 'dist') + '/');
  await tf.setBackend('wasm');
  const models = join(folder, 'models');
  const artifacts = readModel(models);
  const model = await loadGraphModel(tf.io.fromMemory(artifacts));
  const size = model.inputs[0].shape[2];
  const faces = readFileSync(process.argv[2]);
  const answers = [];
  for (let start = 0; start < faces.length; start += BATCH * SIDE ** 2) {
    answers.push(...ask(model, faces.subarray(start, start + BATCH * SIDE ** 2), size));
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json')));
  const bytes = ['emotion.json', 'emotion.bin'].reduce((sum, file) => sum + statSync(join(models, file)).size, 0);
  const figures = { network: 'emotion, f32', package: 'npm @vladmandic/human', version };
  console.log(JSON.stringify({ ...figures, ...cost(model, artifacts, size), bytes, answers }));
}

await main();
