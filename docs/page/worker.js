// The worker: the core looks here, so that the page stays responsive.

import { Core, CoreError } from './core.js';

let core;

/** A face of the last call, with what the model saw of it. */
const withPictures = (face) => ({ ...face, crop: core.crop(), normalized: core.normalized() });

const operations = {
  async start({ module, finder }) {
    core = await Core.start(module);
    return { finder: core.takeFinder(finder), simd: core.simd };
  },
  model: (file) => core.takeModel(file),
  reset: () => core.reset(),
  look({ grey, columns, rows, stride, video }) {
    const answer = core.look(grey, columns, rows, stride, video);
    const face = answer.face ? withPictures(answer.face) : null;
    return { answer, face, searched: core.searched(), grey };
  },
  faces: ({ grey, columns, rows }) =>
    core.faces(grey, columns, rows).map((face, index) => ({ ...face, crop: core.cropOf(index) })),
  classify: (face) => withPictures(core.classify(face)),
  uf2: ({ board, firmware, model, alone }) => core.uf2(board, firmware, model, alone),
  drawnFaces() {
    const faces = [];
    for (let face = core.drawnFace(0); face; face = core.drawnFace(faces.length)) faces.push(face);
    return faces;
  },
};

/** What can go back without a copy. */
const buffers = (value) =>
  [value, value?.grey, value?.searched].filter(ArrayBuffer.isView).map((bytes) => bytes.buffer);

// In the order in which they came: a start takes a while.
let before = Promise.resolve();
self.addEventListener('message', ({ data: { id, operation, argument } }) => {
  before = before.then(async () => {
    try {
      const value = await operations[operation](argument);
      self.postMessage({ id, value }, buffers(value));
    } catch (error) {
      self.postMessage({ id, error: error.message, isCores: error instanceof CoreError });
    }
  });
});
