// The page's end of the worker.

import { CoreError } from './core.js';

export class Engine {
  #worker;
  #waiting = new Map();
  #next = 1;

  constructor() {
    this.#worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    this.#worker.addEventListener('message', ({ data }) => this.#answer(data));
    this.#worker.addEventListener('error', () => this.#fail("The core's worker could not start. Load the page again."));
  }

  /** Has the worker do something, and gives its answer. What is in `transfer` is gone here. */
  ask(operation, argument, transfer = []) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, operation, argument }, transfer);
    });
  }

  #answer({ id, value, error, isCores }) {
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) resolve(value);
    else reject(isCores ? new CoreError(error) : new Error(`The core stopped: ${error}. Load the page again.`));
  }

  #fail(words) {
    for (const { reject } of this.#waiting.values()) reject(new Error(words));
    this.#waiting.clear();
  }
}
