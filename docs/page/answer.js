// The answer: the label, the bars, the face as the model saw it, the time.

import { EMOTIONS, FACE_SIDE } from './core.js';
import { paintGrey } from './frames.js';

/** Milliseconds between two announcements to screen readers. */
const SPOKEN = 2000;

/** A list of bars; gives a function that shows probabilities. */
export function bars(list, labels) {
  const rows = labels.map((name) => {
    const row = document.createElement('li');
    const [word, track, number] = ['span', 'span', 'span'].map((tag) => document.createElement(tag));
    const bar = document.createElement('span');
    word.textContent = name;
    word.className = 'name';
    track.className = 'track';
    track.append(bar);
    number.className = 'number';
    row.append(word, track, number);
    return { row, bar, number, index: EMOTIONS.indexOf(name), name };
  });
  list.replaceChildren(...rows.map(({ row }) => row));
  const show = (face) => {
    for (const { row, bar, number, index, name } of rows) {
      const probability = face?.probabilities[index];
      bar.style.transform = `scaleX(${probability ?? 0})`;
      number.textContent = probability === undefined ? '–' : probability.toFixed(2);
      row.classList.toggle('first', name === face?.label);
    }
  };
  show(null);
  return show;
}

/** How sure an answer is, in words. */
export function sureness({ uncertain, margin, label, probabilities }) {
  const others = EMOTIONS.map((name, index) => [name, probabilities[index]]).filter(([name]) => name !== label);
  const [second] = others.sort((a, b) => b[1] - a[1])[0];
  return `${uncertain ? 'Uncertain: only' : 'It is'} ${margin.toFixed(2)} ahead of ${second}`;
}

export class Answer {
  #parts;
  #bars = () => {};
  #spoken = { words: '', time: 0, timer: 0 };

  /** `parts` are the elements label, sure, line, bars, crop, normalized, times, spoken. */
  constructor(parts) {
    this.#parts = parts;
    this.clear();
  }

  labels(labels) {
    this.#bars = bars(this.#parts.bars, labels);
  }

  /** Nothing was looked at yet. */
  clear() {
    this.#show(null, 'nothing yet', 'Start with one of the buttons.');
    this.#parts.line.textContent = '';
  }

  /** What is in a frame or a photograph; `face` is null without one. */
  show(face, line) {
    if (face) {
      this.#show(face, `${face.label} ${face.confidence.toFixed(2)}`, sureness(face));
      this.speak(`${face.label}${face.uncertain ? ', uncertain' : ''}`);
    } else {
      this.#show(null, 'no face', 'Faces of 24 pixels and more are found.');
      this.speak('no face');
    }
    this.#parts.line.textContent = line ?? '–';
  }

  #show(face, label, sure) {
    this.#parts.label.textContent = label;
    this.#parts.sure.textContent = sure;
    this.#parts.sure.classList.toggle('uncertain', Boolean(face?.uncertain));
    this.#bars(face);
    for (const name of ['crop', 'normalized']) {
      const canvas = this.#parts[name];
      if (face?.[name]) paintGrey(canvas, face[name], FACE_SIDE, FACE_SIDE);
      else canvas.getContext('2d').clearRect(0, 0, FACE_SIDE, FACE_SIDE);
    }
  }

  /** Milliseconds of each stage, and frames a second. */
  times(milliseconds, rate) {
    for (const [stage, element] of Object.entries(this.#parts.times)) {
      const value = stage === 'rate' ? rate : milliseconds?.[stage];
      element.textContent = value === undefined || value === null ? '–' : value.toFixed(stage === 'rate' ? 1 : 2);
    }
  }

  /** Tells screen readers what changed, at a rate that can be listened to. */
  speak(words) {
    const spoken = this.#spoken;
    spoken.next = words;
    if (spoken.timer || words === spoken.words) return;
    const wait = Math.max(spoken.time + SPOKEN - performance.now(), 0);
    spoken.timer = setTimeout(() => {
      spoken.timer = 0;
      if (spoken.next === spoken.words) return;
      Object.assign(spoken, { words: spoken.next, time: performance.now() });
      this.#parts.spoken.textContent = spoken.next;
    }, wait);
  }
}
