// Photographs: all faces of one, and a list of them.

import { bars } from './answer.js';
import { FACE_SIDE } from './core.js';
import { greyOfCanvas, paintGrey } from './frames.js';

/** Longest side of a photograph that is searched. */
const LONGEST = 4096;

/** Decodes a picture, upright as its metadata say. Throws an Error with words for a person. */
export async function decode(file) {
  try {
    // The colours stay the file's bytes.
    return await createImageBitmap(file, { imageOrientation: 'from-image', colorSpaceConversion: 'none' });
  } catch {
    throw new Error(
      `${file.name || 'This'} is no picture that this browser can read. PNG, JPEG and WebP are read everywhere.`,
    );
  }
}

export class Photographs {
  #engine;
  #parts;
  #labels = [];
  #frame = null;
  #faces = [];
  #chosen = 0;
  #changed;
  #milliseconds = 0;

  /** `parts` are `canvas`, `section` and `list`; `changed` gets the photograph, its faces and the one that is chosen. */
  constructor(engine, parts, changed) {
    this.#engine = engine;
    this.#parts = parts;
    this.#changed = changed;
  }

  labels(labels) {
    this.#labels = labels;
  }

  get open() {
    return this.#frame !== null;
  }

  /** Shows a photograph and looks for its faces. Throws an Error with words for a person. */
  async show(bitmap) {
    const scale = Math.min(LONGEST / Math.max(bitmap.width, bitmap.height), 1);
    const [columns, rows] = [bitmap.width, bitmap.height].map((side) => Math.max(Math.round(scale * side), 1));
    const { canvas } = this.#parts;
    Object.assign(canvas, { width: columns, height: rows });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.imageSmoothingQuality = 'high';
    context.drawImage(bitmap, 0, 0, columns, rows);
    bitmap.close();
    this.#frame = greyOfCanvas(canvas);
    await this.search();
  }

  /** Looks for the faces of the photograph that is open, with the model that there is now. */
  async search() {
    const frame = this.#frame;
    const { grey, columns, rows } = frame;
    const started = performance.now();
    const faces = await this.#engine.ask('faces', { grey, columns, rows });
    if (this.#frame !== frame) return;
    this.#faces = faces;
    this.#milliseconds = performance.now() - started;
    const cards = faces.map((face, index) => this.#card(face, index));
    this.#parts.list.replaceChildren(...cards);
    this.#parts.section.hidden = faces.length === 0;
    await this.choose(0);
  }

  /** Shows one of the faces in full. */
  async choose(index) {
    this.#chosen = index;
    [...this.#parts.list.querySelectorAll('button')].forEach((button, place) =>
      button.setAttribute('aria-pressed', place === index),
    );
    const frame = this.#frame;
    const face = this.#faces[index];
    const seen = face?.crop ? { ...face, ...(await this.#engine.ask('classify', face.crop)) } : null;
    if (this.#frame === frame && this.#chosen === index) {
      this.#changed({ frame, faces: this.#faces, chosen: index, face: seen, milliseconds: this.#milliseconds });
    }
  }

  close() {
    this.#frame = null;
    this.#faces = [];
    this.#parts.list.replaceChildren();
    this.#parts.section.hidden = true;
  }

  #card(face, index) {
    const item = document.createElement('li');
    const [button, canvas, title, list] = ['button', 'canvas', 'strong', 'ul'].map((tag) =>
      document.createElement(tag),
    );
    paintGrey(canvas, face.crop, FACE_SIDE, FACE_SIDE);
    canvas.className = 'face';
    button.type = 'button';
    title.textContent = `${face.label} ${face.confidence.toFixed(2)}${face.uncertain ? ', uncertain' : ''}`;
    button.append(canvas, title);
    button.addEventListener('click', () => this.choose(index));
    list.className = 'bars small';
    bars(list, this.#labels)(face);
    item.append(button, list);
    return item;
  }
}
