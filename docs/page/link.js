// A conversation with a device: one request at a time, sent again with its number until the reply comes. The core makes and reads
// the bytes (shared/src/wire specifies them).

/** How often a request is sent. */
const ATTEMPTS = 4;
/** Milliseconds that each try waits; longer than any device takes for a picture. */
const TIMEOUT = 2000;
/** How often a picture or an upload is begun. */
const BEGINNINGS = 8;

/** Parts of lines that a device prints. Among frames they mean that it was restarted. */
const BANNER = 'fer firmware ';
const TEXTS = [BANNER, '  margin ', 'no face  ', 'the camera stopped: ', 'host-trainer monitor'];

/** Errors after which an upload, or a picture, is begun again. */
const UPLOAD_AGAIN = ['NoUpload', 'UploadOrder', 'UploadChecksum', 'Store'];
const PICTURE_AGAIN = ['NoPicture', 'PictureOrder', 'PictureChecksum'];

/** Why there is no answer, in words. `code` names what the device refused. */
export class LinkError extends Error {
  constructor(words, code) {
    super(words);
    this.code = code;
  }
}

const MISMATCH = "The device's answer does not fit the question. Update the older of its firmware and this page.";

/** Name and contents of a value that serde wrote: "Name" or { Name: contents }. */
const variant = (value) => (typeof value === 'string' ? [value, null] : Object.entries(value)[0]);

export class Link {
  #core;
  #transport;
  #told;
  #sequence = 0;
  #waiting = null;
  #before = Promise.resolve();
  #closed = null;
  /** Whether a whole frame came that is no reply of this version. */
  #foreign = false;

  /** `core` is one for this conversation; `told` gets each line and each readout of the device's own camera. */
  constructor(core, told) {
    this.#core = core;
    this.#told = told;
    core.linkReset();
  }

  /** The way over which to send. */
  over(transport) {
    this.#transport = transport;
  }

  /** Takes bytes that arrived. */
  received(bytes) {
    for (const event of this.#core.linkReceived(bytes)) {
      if (event.text !== undefined) this.#heard(event.text);
      else if (event.kind !== undefined) this.#replied(event);
      else if (event.foreign) this.#foreign = true;
    }
  }

  /** Ends the conversation; what waits for an answer gets the words. */
  end(words) {
    this.#closed = words;
    this.#waiting?.resolve({ closed: true });
  }

  #heard(line) {
    // Bytes of frames may look like a line.
    if (!TEXTS.some((text) => line.includes(text))) return;
    this.#told({ line });
    const texts = this.#waiting?.isHello ? [BANNER] : TEXTS;
    if (texts.some((text) => line.includes(text))) this.#waiting?.resolve({ restarted: true });
  }

  #replied({ sequence, kind, error }) {
    const [name, contents] = variant(kind);
    if (name === 'Camera') return this.#told({ camera: contents });
    const code = name === 'Error' ? variant(contents)[0] : null;
    if (code && sequence === 0) {
      if (code === 'Camera') this.#told({ line: error });
      else if (code === 'Unknown') this.#waiting?.resolve({ refused: error, code });
      else this.#waiting?.resolve({ damaged: true });
    } else if (sequence === this.#waiting?.sequence) {
      this.#waiting.resolve(code ? { refused: error, code } : { name, contents });
    }
  }

  /** One operation after the other. */
  #alone(work) {
    const result = this.#before.then(work);
    this.#before = result.catch(() => {});
    return result;
  }

  #number() {
    this.#sequence = (this.#sequence + 1) % 2 ** 31 || 1;
    return this.#sequence;
  }

  async #try(sequence, request, isHello) {
    if (this.#closed) return { closed: true };
    const outcome = new Promise((resolve) => {
      this.#waiting = { sequence, resolve, isHello };
    });
    let timer;
    try {
      await this.#transport.send(request);
      return await Promise.race([
        outcome,
        new Promise((resolve) => (timer = setTimeout(() => resolve({ late: true }), TIMEOUT))),
      ]);
    } catch (error) {
      throw new LinkError(this.#closed ?? `The line to the device broke: ${error.message}`);
    } finally {
      clearTimeout(timer);
      this.#waiting = null;
    }
  }

  /** Sends what `make` makes of a number, until a reply of this name comes; gives its contents. */
  async #ask(expected, make) {
    const isHello = expected === 'Hello';
    this.#foreign = false;
    let sequence = this.#number();
    let request = make(sequence);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const outcome = await this.#try(sequence, request, isHello);
      if (outcome.closed) throw new LinkError(this.#closed);
      if (outcome.refused) throw new LinkError(`The device says: ${outcome.refused}`, outcome.code);
      if (outcome.name === expected) return outcome.contents;
      if (outcome.name) throw new LinkError(MISMATCH);
      if (outcome.restarted && !isHello) {
        // It knows of nothing before.
        const greeting = this.#number();
        await this.#try(greeting, this.#core.linkHello(greeting), true);
        sequence = this.#number();
        request = make(sequence);
      }
    }
    if (this.#foreign) throw new LinkError(MISMATCH);
    throw new LinkError(
      `The device is silent: no answer to ${ATTEMPTS} tries. Check that its firmware runs and that no other program talks to it.`,
    );
  }

  /** Greets the device, and gives its identity. */
  hello() {
    return this.#alone(() => this.#hello());
  }

  #hello() {
    return this.#ask('Hello', (sequence) => this.#core.linkHello(sequence));
  }

  /** The device's answer for a face of 48x48. */
  classify(face) {
    return this.#alone(() => this.#ask('Result', (sequence) => this.#core.linkClassify(sequence, face)));
  }

  /** What the device sees in a picture; one of a video follows the one before. */
  look({ grey, columns, rows }, video) {
    return this.#alone(() => this.#again(PICTURE_AGAIN, () => this.#picture(grey, columns, rows, video)));
  }

  async #picture(grey, columns, rows, video) {
    await this.#ask('Arrived', (sequence) => this.#core.linkPictureBegin(sequence, columns, rows, video));
    const most = this.#core.partBytes;
    for (let offset = 0; offset < grey.length; offset += most) {
      const part = grey.subarray(offset, offset + most);
      const { pixels } = await this.#ask('Arrived', (sequence) => this.#core.linkPicturePart(sequence, offset, part));
      if (pixels !== offset + part.length) throw new LinkError(MISMATCH);
    }
    return this.#ask('Seen', (sequence) => this.#core.linkPictureEnd(sequence, grey));
  }

  /** Does it from the beginning where the device lost what came before. */
  async #again(codes, work, between = async () => false) {
    for (let beginning = 1; ; beginning++) {
      try {
        return await work();
      } catch (error) {
        if (!codes.includes(error.code) || beginning === BEGINNINGS) throw error;
        if (await between()) return null;
      }
    }
  }

  /** Has the device print lines for people again. */
  text(options) {
    return this.#alone(() =>
      this.#ask('Options', (sequence) => this.#core.linkOptions(sequence, { ...options, text: true })),
    );
  }

  /** Puts a model on the device and gives the device's identity afterwards. An upload that was broken off goes on where it was.
   * `crc` is the model's; `progress` gets the bytes that the device has, and all; `signal` stops it. */
  upload(file, { crc, progress, signal }) {
    return this.#alone(async () => {
      // If the reply to a commit is lost, the device runs the model, and knows of no upload.
      const runs = async () => (await this.#hello()).model_crc === crc;
      await this.#again(UPLOAD_AGAIN, () => this.#model(file, progress, signal), runs);
      const identity = await this.#hello();
      if (identity.model_crc !== crc)
        throw new LinkError(
          'The device kept the model but runs another one. Upload it again; if that does not help, update its firmware.',
        );
      return identity;
    });
  }

  async #model(file, progress, signal) {
    const all = this.#core.uploadBytes(file.length);
    const contents = new Uint8Array(all);
    contents.set(file);
    let { bytes } = await this.#ask('Stored', (sequence) => this.#core.linkUploadBegin(sequence, file));
    progress(bytes, all);
    while (bytes < all) {
      if (signal.aborted)
        throw new LinkError('Stopped. The device keeps what it has: press the button again to go on.');
      const offset = bytes;
      const part = contents.subarray(offset, offset + this.#core.partBytes);
      ({ bytes } = await this.#ask('Stored', (sequence) => this.#core.linkUploadPart(sequence, offset, part)));
      if (bytes !== offset + part.length) throw new LinkError(MISMATCH);
      progress(bytes, all);
    }
    await this.#ask('Committed', (sequence) => this.#core.linkUploadCommit(sequence, file));
  }

  /** Has the device start its boot loader; it is gone then. */
  bootLoader() {
    return this.#alone(() => this.#ask('BootLoader', (sequence) => this.#core.linkBootLoader(sequence)));
  }
}
