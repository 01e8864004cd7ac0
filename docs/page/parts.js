// The page's elements, by the names that the other files use for them.

export const element = (id) => document.getElementById(id);

/** The same object with elements in place of their ids. */
const elements = (ids) =>
  Object.fromEntries(
    Object.entries(ids).map(([name, id]) => [name, typeof id === 'string' ? element(id) : elements(id)]),
  );

/** What waits for the core. */
export const buttons = elements({
  camera: 'camera',
  photograph: 'photograph',
  drawn: 'drawn',
  model: 'own-model',
  pico: 'uf2-pico',
  pico2: 'uf2-pico2',
});

export const parts = elements({
  answer: {
    label: 'label',
    sure: 'sure',
    line: 'line',
    bars: 'bars',
    crop: 'crop',
    normalized: 'normalized',
    spoken: 'spoken',
    times: {
      shrink: 'time-shrink',
      find: 'time-find',
      align: 'time-align',
      classify: 'time-classify',
      whole: 'time-whole',
      rate: 'rate',
    },
  },
  strip: { canvas: 'strip', names: 'strip-names', summary: 'strip-summary' },
  photographs: { canvas: 'picture', section: 'faces-section', list: 'faces' },
  models: {
    choices: 'models',
    words: 'model-words',
    facts: {
      name: 'model-name',
      crc: 'model-crc',
      accuracy: 'model-accuracy',
      bytes: 'model-bytes',
      macs: 'model-macs',
      arena: 'model-arena',
    },
  },
  device: {
    serial: 'serial',
    serialWords: 'serial-words',
    address: 'address',
    socket: 'socket',
    disconnect: 'disconnect',
    words: 'device-words',
    connected: 'connected',
    send: 'send',
    upload: 'upload',
    uploadWords: 'upload-words',
    uploadBytes: 'upload-bytes',
    progress: 'progress',
    bootLoader: 'boot-loader',
    lines: 'lines',
    facts: {
      board: 'device-board',
      firmware: 'device-firmware',
      model: 'device-model',
      finder: 'device-finder',
      camera: 'device-camera',
    },
    comparison: {
      verdict: 'verdict',
      page: { answer: 'page-answer', face: 'page-face', time: 'page-time', logits: 'page-logits' },
      device: { answer: 'device-answer', face: 'device-face', time: 'device-time', logits: 'device-logits' },
    },
  },
});
