// A video without a camera: the core's drawn faces wander, tilt and change.

import { FACE_SIDE } from './core.js';
import { greyOfCanvas, paintGrey } from './frames.js';

const COLUMNS = 320;
const ROWS = 240;
/** Pixels of the video that one of a drawn face becomes. */
const SCALE = 2.3;
/** Milliseconds between two frames. */
const PACE = 50;
/** Milliseconds that a face stays. */
const STAYS = 2500;
/** Radians that a face tilts at most. */
const TILT = 0.3;

const still = matchMedia('(prefers-reduced-motion: reduce)');

export class DrawnFaces {
  #canvas;
  #faces;
  #started;

  /** `faces` are 48x48 grey bytes each. */
  constructor(canvas, faces) {
    this.#canvas = canvas;
    this.#faces = faces.map(faceCanvas);
  }

  start() {
    Object.assign(this.#canvas, { width: COLUMNS, height: ROWS });
    this.#started = performance.now();
    this.#draw();
  }

  stop() {}

  async next() {
    await new Promise((resolve) => setTimeout(resolve, PACE));
    // A page in the background rests.
    if (document.hidden)
      await new Promise((resolve) => document.addEventListener('visibilitychange', resolve, { once: true }));
    this.#draw();
  }

  read() {
    return greyOfCanvas(this.#canvas);
  }

  #draw() {
    const time = performance.now() - this.#started;
    const context = this.#canvas.getContext('2d', { willReadFrequently: true });
    const ground = context.createLinearGradient(0, 0, COLUMNS, 0);
    ground.addColorStop(0, 'rgb(90 90 90)');
    ground.addColorStop(1, 'rgb(150 150 150)');
    context.fillStyle = ground;
    context.fillRect(0, 0, COLUMNS, ROWS);
    const side = FACE_SIDE * SCALE;
    const moves = still.matches ? 0 : 1;
    const x = COLUMNS / 2 + moves * (COLUMNS / 2 - 0.75 * side) * Math.sin(time / 3100);
    const y = ROWS / 2 + moves * (ROWS / 2 - 0.75 * side) * Math.sin(time / 4300);
    context.translate(x, y);
    context.rotate(moves * TILT * Math.sin(time / 1700));
    context.drawImage(this.#faces[Math.floor(time / STAYS) % this.#faces.length], -side / 2, -side / 2, side, side);
    context.resetTransform();
  }
}

/** Grey bytes as a canvas. */
function faceCanvas(grey) {
  const canvas = document.createElement('canvas');
  paintGrey(canvas, grey, FACE_SIDE, FACE_SIDE);
  return canvas;
}
