// The core as WebAssembly: its calls, with JavaScript's values in place of pointers. The page and its worker have one each.

// A module with one instruction of simd128: (func (result v128) i32.const 0 i8x16.splat i8x16.popcnt).
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Columns and rows of a face. */
export const FACE_SIDE = 48;

/** Order of the probabilities in every answer. */
export const EMOTIONS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral', 'contempt'];

/** What the core says about wrong input, in words for a person. */
export class CoreError extends Error {}

/** Compiles the build that this browser runs fastest. Throws an Error with words for a person. */
export async function compileCore() {
  if (typeof WebAssembly !== 'object') {
    throw new CoreError(
      'This browser does not run WebAssembly, or it is switched off. The page needs it; any current browser has it.',
    );
  }
  const file = WebAssembly.validate(SIMD_PROBE) ? 'core-simd.wasm' : 'core.wasm';
  return WebAssembly.compile(await fetchBytes(file));
}

/** The bytes of a file that lies beside the page. Throws a CoreError with words for a person. */
export async function fetchBytes(file) {
  let response;
  try {
    response = await fetch(new URL(file, import.meta.url));
  } catch {
    throw new CoreError(`${file} could not be loaded. Check the connection and load the page again.`);
  }
  if (!response.ok) {
    throw new CoreError(
      `${file} could not be loaded: the server answers ${response.status}. The page is not complete there.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

const text = new TextDecoder();

export class Core {
  #exports;

  /** Starts a compiled core. */
  static async start(module) {
    const core = new Core();
    const instance = await WebAssembly.instantiate(module, { env: { now: () => performance.now() } });
    core.#exports = instance.exports;
    return core;
  }

  /** Copies `input` in, calls, and gives a view of the output, which holds until the next call. */
  #call(name, input, ...numbers) {
    const exports = this.#exports;
    if (input) {
      const pointer = exports.input(input.length);
      new Uint8Array(exports.memory.buffer, pointer, input.length).set(input);
    }
    const done = exports[name](...numbers);
    const output = new Uint8Array(exports.memory.buffer, exports.output(), exports.output_bytes());
    if (done) return output;
    let words = text.decode(output);
    try {
      words = JSON.parse(words).error;
    } catch {
      words = `${name} failed`;
    }
    throw new CoreError(words);
  }

  #object(name, input, ...numbers) {
    return JSON.parse(text.decode(this.#call(name, input, ...numbers)));
  }

  #bytes(name, input, ...numbers) {
    return this.#call(name, input, ...numbers).slice();
  }

  /** As #bytes, and null where there is nothing. */
  #face(name, ...numbers) {
    try {
      return this.#bytes(name, null, ...numbers);
    } catch (error) {
      if (error instanceof CoreError) return null;
      throw error;
    }
  }

  get simd() {
    return this.#exports.simd() === 1;
  }

  takeFinder(file) {
    return this.#object('finder_take', file);
  }

  takeModel(file) {
    return this.#object('model_take', file);
  }

  look(grey, columns, rows, stride, video) {
    return this.#object('look', grey, columns, rows, stride, video ? 1 : 0);
  }

  searched() {
    return this.#bytes('searched', null);
  }

  /** The face of the last look or classify; null if there was none. */
  crop() {
    return this.#face('crop');
  }

  normalized() {
    return this.#face('normalized');
  }

  classify(face) {
    return this.#object('classify', face);
  }

  /** All faces of a photograph, the largest first. */
  faces(grey, columns, rows) {
    return this.#object('faces', grey, columns, rows).faces;
  }

  cropOf(index) {
    return this.#face('crop_of', index);
  }

  /** The picture, made smaller so that it has at most so many columns and rows. */
  fit({ grey, columns, rows }, mostColumns, mostRows) {
    const small = this.#bytes('fit', grey, columns, rows, mostColumns, mostRows);
    const size = new DataView(small.buffer);
    return { grey: small.subarray(4), columns: size.getUint16(0, true), rows: size.getUint16(2, true) };
  }

  /** Forgets the video so far. */
  reset() {
    this.#exports.reset();
  }

  /** A UF2 file for a board, 0 for a Pico, 1 for a Pico 2: of its firmware and a model, or, with the beginning of its firmware, of the
   * model `alone`. */
  uf2(board, firmware, model, alone) {
    const input = new Uint8Array(firmware.length + model.length);
    input.set(firmware);
    input.set(model, firmware.length);
    return this.#bytes('uf2', input, board, firmware.length, alone ? 1 : 0);
  }

  /** A built-in drawn face; null behind the last. */
  drawnFace(index) {
    return this.#face('drawn_face', index);
  }

  // The link to a device. Each of these gives the bytes to send.

  get partBytes() {
    return this.#exports.part_bytes();
  }

  linkHello(sequence) {
    return this.#bytes('link_hello', null, sequence);
  }

  linkOptions(sequence, { smoothing, threshold, mirror, text }) {
    return this.#bytes('link_options', null, sequence, smoothing, threshold, mirror ? 1 : 0, text ? 1 : 0);
  }

  linkClassify(sequence, face) {
    return this.#bytes('link_classify', face, sequence);
  }

  linkPictureBegin(sequence, columns, rows, video) {
    return this.#bytes('link_picture_begin', null, sequence, columns, rows, video ? 1 : 0);
  }

  linkPicturePart(sequence, offset, pixels) {
    return this.#bytes('link_picture_part', pixels, sequence, offset);
  }

  linkPictureEnd(sequence, pixels) {
    return this.#bytes('link_picture_end', pixels, sequence);
  }

  linkUploadBegin(sequence, model) {
    return this.#bytes('link_upload_begin', model, sequence);
  }

  linkUploadPart(sequence, offset, part) {
    return this.#bytes('link_upload_part', part, sequence, offset);
  }

  linkUploadCommit(sequence, model) {
    return this.#bytes('link_upload_commit', model, sequence);
  }

  linkBootLoader(sequence) {
    return this.#bytes('link_boot_loader', null, sequence);
  }

  /** Bytes of an upload's contents: the model file, filled up with zeros. */
  uploadBytes(modelBytes) {
    return this.#exports.upload_bytes(modelBytes);
  }

  /** What arrived in bytes that a device sent. */
  linkReceived(bytes) {
    return this.#object('link_received', bytes);
  }

  linkReset() {
    this.#exports.link_reset();
  }
}
