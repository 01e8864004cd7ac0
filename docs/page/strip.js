// The last minute: a lane for each emotion, named in words, as high as its probability.

import { EMOTIONS } from './core.js';

const REMEMBERED = 60_000;
/** Milliseconds that an answer stands for until the next one. */
const STANDS = 2000;
/** Emotions that the words name, the most frequent ones. */
const NAMED = 4;
/** Milliseconds between two drawings. */
const PACE = 200;

export class Strip {
  #canvas;
  #names;
  #summary;
  #labels = [];
  #answers = [];
  #drawn = 0;

  /** `names` is a list beside `canvas`; `summary` says it all in words. */
  constructor({ canvas, names, summary }) {
    this.#canvas = canvas;
    this.#names = names;
    this.#summary = summary;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
  }

  /** The emotions that the model knows. */
  labels(labels) {
    this.#labels = labels.map((name) => ({ name, index: EMOTIONS.indexOf(name) }));
    this.#names.replaceChildren(
      ...labels.map((name) => Object.assign(document.createElement('li'), { textContent: name })),
    );
    this.clear();
  }

  clear() {
    this.#answers = [];
    this.#draw();
  }

  add(face) {
    const now = performance.now();
    this.#answers.push({ time: now, face });
    while (now - this.#answers[0].time > REMEMBERED) this.#answers.shift();
    if (now - this.#drawn >= PACE) this.#draw();
  }

  #draw() {
    const now = performance.now();
    this.#drawn = now;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const dots = window.devicePixelRatio || 1;
    Object.assign(this.#canvas, { width: Math.round(width * dots), height: Math.round(height * dots) });
    const context = this.#canvas.getContext('2d');
    context.scale(dots, dots);
    const { color, borderTopColor } = getComputedStyle(this.#canvas);
    const lane = height / Math.max(this.#labels.length, 1);
    context.fillStyle = borderTopColor;
    this.#labels.forEach((_, index) => context.fillRect(0, Math.round((index + 1) * lane) - 1, width, 1));
    context.fillStyle = color;
    // At whole dots, so that neighbours neither overlap nor leave a gap.
    const across = (when) => Math.round(width * (1 - (now - when) / REMEMBERED) * dots) / dots;
    this.#answers.forEach(({ time, face }, index) => {
      if (!face) return;
      const left = across(time);
      const wide = across(Math.min(this.#answers[index + 1]?.time ?? now, time + STANDS)) - left;
      this.#labels.forEach(({ name, index: place }, row) => {
        const high = (lane - 3) * face.probabilities[place];
        context.globalAlpha = name === face.label ? 1 : 0.35;
        context.fillRect(left, (row + 1) * lane - 1 - high, wide, high);
      });
    });
    this.#say();
  }

  /** As `120 frames, 110 with a face: happy 60 %, neutral 40 %`. */
  #say() {
    const counts = new Map();
    let faces = 0;
    for (const { face } of this.#answers) {
      if (!face) continue;
      faces++;
      counts.set(face.label, (counts.get(face.label) ?? 0) + 1);
    }
    const shares = [...counts]
      .sort((a, b) => b[1] - a[1])
      .slice(0, NAMED)
      .map(([label, count]) => `${label} ${Math.round((100 * count) / faces)} %`);
    const frames = this.#answers.length;
    const words = frames
      ? `${frames} frames, ${faces} with a face${shares.length ? `: ${shares.join(', ')}` : ''}`
      : 'Nothing yet.';
    this.#summary.textContent = words;
    this.#canvas.setAttribute('aria-label', `The last minute: ${words}`);
  }
}
