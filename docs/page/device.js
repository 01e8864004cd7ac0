// The device panel: connects, has the device look at what the page looks at, and puts models on it.

import { Comparison } from './comparison.js';
import { Link } from './link.js';
import { openSerial, openSocket, serialRefusal } from './transports.js';

/** Lines of the device that are shown. */
const LINES = 6;

/** Boards whose boot loader takes UF2 files. */
const WITH_BOOT_LOADER = ['pico', 'pico2'];

const hex = (crc) => crc.toString(16).padStart(8, '0');
const pixels = ({ columns, rows }) => `${columns}x${rows}`;

export class Device {
  #parts;
  #core;
  #models;
  #comparison;
  #link = null;
  #transport = null;
  #identity = null;
  /** The newest offer, and the same until the device got it. */
  #seen = null;
  #offered = null;
  #wake = () => {};
  /** Stops the upload that is under way. */
  #stop = null;
  #lines = [];

  /** `parts` are the panel's elements; `core` is one that only this conversation uses. */
  constructor(parts, core, models) {
    this.#parts = parts;
    this.#core = core;
    this.#models = models;
    this.#comparison = new Comparison(parts.comparison);
    const refused = serialRefusal();
    parts.serialWords.textContent = refused ?? 'For a Pico, or any board at a serial port of this computer.';
    const socket = () => this.#connect((calls) => openSocket(parts.address.value.trim(), calls));
    parts.serial.addEventListener('click', () => this.#connect(openSerial));
    parts.socket.addEventListener('click', socket);
    parts.address.addEventListener('keydown', ({ key }) => key === 'Enter' && socket());
    parts.disconnect.addEventListener('click', () => this.#disconnect());
    parts.upload.addEventListener('click', () => (this.#stop ? this.#stop.abort() : this.#upload()));
    parts.bootLoader.addEventListener('click', () => this.#bootLoader());
    parts.send.addEventListener('change', () => this.#wake());
    this.#show();
  }

  /** Offers what the page saw: `picture` as it was searched, whether it is of a `video`, `face` with its crop, or null, the `crc` of
   * the model that answered, and the `milliseconds` that it took. Of several, the device gets the newest. Null if the page sees nothing
   * any more. */
  offer(seen) {
    this.#seen = this.#offered = seen;
    this.#wake();
  }

  async #connect(open) {
    if (this.#link) return;
    const link = new Link(this.#core, (news) => this.#told(news));
    this.#link = link;
    this.#show();
    this.#parts.words.textContent = 'Connecting…';
    try {
      this.#transport = await open({
        received: (bytes) => link.received(bytes),
        closed: (words) => this.#close(link, words),
      });
      link.over(this.#transport);
      this.#greeted(await link.hello());
      this.#parts.words.textContent = `Connected by ${this.#transport.name}.`;
      this.#parts.disconnect.focus();
      this.#converse(link);
    } catch (error) {
      await this.#close(link, error.message);
    }
  }

  #greeted(identity) {
    this.#identity = identity;
    this.#offered = this.#seen;
    this.#comparison.clear();
    this.#show();
  }

  async #disconnect() {
    const link = this.#link;
    const options = this.#identity?.options;
    this.#stop?.abort();
    this.#identity = null;
    this.#parts.words.textContent = 'Disconnecting…';
    // A device prints no lines for people while it talks to a host.
    if (options) await link.text(options).catch(() => {});
    await this.#close(link, 'Disconnected.');
  }

  async #close(link, words) {
    if (this.#link !== link) return;
    const transport = this.#transport;
    this.#link = this.#transport = this.#identity = null;
    link.end(words);
    this.#wake();
    this.#parts.words.textContent = words;
    this.#show();
    await transport?.close();
  }

  /** Shows the device one offer after the other, until the conversation ends. */
  async #converse(link) {
    try {
      while (this.#link === link && this.#identity) {
        const offer = await this.#nextOffer();
        if (offer) await this.#ask(link, offer);
      }
    } catch (error) {
      await this.#close(link, error.message);
    }
  }

  /** The newest offer; null if something else happened. */
  #nextOffer() {
    const offer = this.#offered;
    if (offer && this.#parts.send.checked && !this.#stop) {
      this.#offered = null;
      return offer;
    }
    return new Promise((resolve) => (this.#wake = () => resolve(null)));
  }

  async #ask(link, offer) {
    const { finder } = this.#identity;
    const sees = finder ? await this.#look(link, offer, finder.largest) : null;
    // The very bytes that the page's model saw: the same model must give the same logits for them.
    const isSame = () => parseInt(offer.crc, 16) === this.#identity?.model_crc;
    const result = offer.face?.crop && (isSame() || !finder) ? await link.classify(offer.face.crop) : null;
    if (this.#link !== link || !this.#identity) return;
    this.#comparison.show({ offer, sees, result, isSame: isSame(), model: hex(this.#identity.model_crc) });
  }

  async #look(link, { picture, video }, largest) {
    const small = this.#core.fit(picture, largest.columns, largest.rows);
    const { face, microseconds } = await link.look(small, video);
    return { face, microseconds, scale: picture.columns / small.columns };
  }

  /** Puts the page's model on the device. */
  async #upload() {
    const { file, info } = this.#models.current;
    const { upload, progress, uploadBytes, uploadWords } = this.#parts;
    const link = this.#link;
    this.#stop = new AbortController();
    upload.textContent = 'Stop the upload';
    const words = (text) => (uploadWords.textContent = text);
    words(`${info.name} is on its way.`);
    try {
      const identity = await link.upload(file, {
        crc: parseInt(info.crc, 16),
        signal: this.#stop.signal,
        progress(bytes, all) {
          Object.assign(progress, { value: bytes, max: all });
          uploadBytes.textContent = `${bytes} of ${all} bytes`;
        },
      });
      words(`${info.name} runs on the device now.`);
      if (this.#link === link) this.#greeted(identity);
    } catch (error) {
      words(error.message);
    } finally {
      this.#stop = null;
      upload.textContent = 'Put the page’s model on it';
      this.#wake();
    }
  }

  async #bootLoader() {
    const link = this.#link;
    try {
      await link.bootLoader();
      await this.#close(link, 'The board is in its boot loader. A drive appears: copy a UF2 file onto it.');
    } catch (error) {
      if (this.#link === link) this.#parts.words.textContent = error.message;
    }
  }

  /** What the device says by itself. */
  #told({ line, camera }) {
    const face = camera?.seen.face;
    const words = camera
      ? `its camera: ${face ? `${face.emotion.label.toLowerCase()} ${Math.max(...face.emotion.probabilities).toFixed(2)}` : 'no face'}`
      : line;
    this.#lines = [...this.#lines, words].slice(-LINES);
    this.#parts.lines.textContent = this.#lines.join('\n');
  }

  #show() {
    const { serial, socket, disconnect, connected, facts, upload, progress, bootLoader } = this.#parts;
    const identity = this.#identity;
    serial.disabled = this.#link !== null || serialRefusal() !== null;
    socket.disabled = this.#link !== null;
    disconnect.disabled = this.#link === null;
    connected.hidden = !identity;
    if (!identity) return;
    const { firmware, model, model_crc: crc, finder, store, camera, protocol } = identity;
    facts.board.textContent = store?.board ?? '–';
    facts.firmware.textContent = `${firmware}, protocol ${protocol}`;
    facts.model.textContent = `${model} ${hex(crc)}`;
    facts.finder.textContent = finder
      ? `${hex(finder.crc)}, pictures up to ${pixels(finder.largest)}`
      : 'none: it takes faces of 48x48';
    facts.camera.textContent = camera ? 'yes' : 'no';
    upload.disabled = !store;
    progress.hidden = !store;
    if (!store) this.#parts.uploadWords.textContent = 'It keeps no models.';
    bootLoader.hidden = !WITH_BOOT_LOADER.includes(store?.board);
    document.dispatchEvent(new CustomEvent('greeted', { detail: identity }));
  }
}
