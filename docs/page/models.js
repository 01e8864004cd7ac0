// Which model answers: those that lie beside the page, and one's own.

import { fetchBytes } from './core.js';

const LIST = 'models/models.json';
const FINDER = 'models/finder.ferf';

/** What a model file begins with. */
const MAGIC = 'FERM';

/** Boards that a UF2 file can be made for: their numbers in the core, and their firmware. Of a Pico 2's there is the beginning here, which
 * tells where models lie, and its file holds the model `alone`. */
const BOARDS = {
  pico: { board: 0, file: 'pico.bin', alone: false },
  pico2: { board: 1, file: 'pico2.head', alone: true },
};

export const finderFile = () => fetchBytes(FINDER);

/** Whether a file is a model, by its first bytes or its name. */
export async function isModel(file) {
  const first = await file.slice(0, MAGIC.length).text();
  return first === MAGIC || /\.fer$/i.test(file.name ?? '');
}

const groups = (bytes) => bytes.toLocaleString('en');

/** What a model says of its accuracy. */
const accuracyWords = ({ data, images, accuracy }) =>
  images ? `${accuracy.toFixed(3)} of ${groups(images)} images, ${data}` : 'not measured';

export class Models {
  #engine;
  #parts;
  #taken;
  #options = [];
  #current = null;
  #turn = 0;

  /** `parts` are `choices`, `facts` and `words`; `taken` gets what the core says of a model that took over. */
  constructor(engine, parts, taken) {
    this.#engine = engine;
    this.#parts = parts;
    this.#taken = taken;
  }

  /** The model that answers: `info` as the core says it, and `file`, its bytes. */
  get current() {
    return this.#current;
  }

  /** Lists what lies beside the page, and takes the first. Throws an Error with words for a person. */
  async start() {
    const list = JSON.parse(new TextDecoder().decode(await fetchBytes(LIST)));
    for (const { name, file, bytes, about } of list)
      this.#add({ name, about: `${about} ${groups(bytes)} bytes.`, read: () => fetchBytes(file) });
    await this.#take(this.#options[0]);
  }

  /** Takes one's own model file. A broken one leaves the model before in place. */
  async open(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const name = file.name || 'your file';
    await this.#take({ name, about: `Your file. ${groups(bytes.length)} bytes.`, read: () => bytes });
  }

  #add(option) {
    const label = document.createElement('label');
    const [input, name, about] = ['input', 'strong', 'span'].map((tag) => document.createElement(tag));
    Object.assign(input, { type: 'radio', name: 'model' });
    input.addEventListener('change', () => this.#take(option));
    name.textContent = option.name;
    about.textContent = option.about;
    label.append(input, name, about);
    this.#parts.choices.append(label);
    Object.assign(option, { label, input });
    this.#options.push(option);
  }

  /** One's own files replace each other by their names. */
  #drop(option) {
    option?.label.remove();
    this.#options = this.#options.filter((other) => other !== option);
  }

  async #take(option) {
    const { words } = this.#parts;
    const turn = ++this.#turn;
    words.textContent = `Loading ${option.name}…`;
    try {
      const file = await option.read();
      // Somebody chose another one meanwhile.
      if (turn !== this.#turn) return;
      const info = await this.#engine.ask('model', file);
      if (!option.label) {
        this.#drop(this.#options.find(({ name }) => name === option.name));
        this.#add(option);
      }
      this.#current = { option, info, file };
      words.textContent = `${info.name} answers now.`;
      this.#showFacts(info);
      this.#taken(info);
    } catch (error) {
      const problem = `${option.name}: ${error.message.replace(/\.$/, '')}.`;
      words.textContent = this.#current ? `${problem} ${this.#current.info.name} goes on.` : problem;
      if (!this.#current) throw error;
    } finally {
      if (this.#current) this.#current.option.input.checked = true;
    }
  }

  #showFacts(info) {
    const { facts } = this.#parts;
    facts.name.textContent = info.name;
    facts.crc.textContent = info.crc;
    facts.accuracy.textContent = accuracyWords(info.measured);
    facts.bytes.textContent = groups(info.bytes);
    facts.macs.textContent = groups(info.macs);
    facts.arena.textContent = `${groups(info.arena_bytes)} bytes`;
  }

  /** A UF2 file of the model that answers, for a board, its name, and what it holds. Throws an Error with words for a person. */
  async uf2(board) {
    const { file, ...target } = BOARDS[board];
    const { info, file: model } = this.#current;
    const firmware = await fetchBytes(file);
    return {
      bytes: await this.#engine.ask('uf2', { ...target, firmware, model }),
      name: `${info.name}-${board}.uf2`,
      holds: target.alone ? 'the model alone' : 'firmware and model together',
    };
  }
}
