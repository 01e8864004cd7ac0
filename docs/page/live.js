// A source of frames, looked at one after the other. Frames that come while one is looked at are dropped.

/** Milliseconds over which frames are counted. */
const COUNTED = 2000;

export class Live {
  #engine;
  #seen;
  #failed;
  #source = null;
  #times = [];

  /** `seen` gets each frame and what is in it; `failed` gets an error that ended it. */
  constructor(engine, { seen, failed }) {
    this.#engine = engine;
    this.#seen = seen;
    this.#failed = failed;
  }

  get source() {
    return this.#source;
  }

  /** Looks at the frames of a source that has been started, until it is stopped or another one takes over. */
  async run(source) {
    this.stop();
    this.#source = source;
    this.#times = [];
    try {
      await this.#engine.ask('reset');
      for (;;) {
        await source.next();
        if (this.#source !== source) return;
        const frame = await source.read();
        if (!frame) continue;
        const { columns, rows, stride, from } = frame;
        const argument = { grey: frame.grey, columns, rows, stride, video: true };
        const sight = await this.#engine.ask('look', argument, [frame.grey.buffer]);
        if (this.#source !== source) return;
        this.#seen({ ...sight, columns, rows, stride, from, video: true, rate: this.#rate() });
      }
    } catch (error) {
      if (this.#source === source) {
        this.stop();
        this.#failed(error);
      }
    }
  }

  stop() {
    const source = this.#source;
    this.#source = null;
    source?.stop();
  }

  /** Frames a second, lately; null after the first. */
  #rate() {
    const now = performance.now();
    this.#times = [...this.#times.filter((time) => now - time <= COUNTED), now];
    const span = now - this.#times[0];
    return span > 0 ? (1000 * (this.#times.length - 1)) / span : null;
  }
}
