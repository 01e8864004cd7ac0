// A Web Serial port that is put in place before the page loads. Its bytes go over TCP to a device, such as fer-linux --tcp.

import { connect } from 'node:net';

// Gives the port to a context; `address` is HOST:PORT. Of `lose` writes to the device, and of as many pieces from it, one is lost; 0 loses
// none. `unplug()` takes the port away; `say(page, text)` has the device print something.
export async function putPort(context, address, lose = 0) {
  const [host, port] = address.split(':');
  let socket = null;
  const lost = { writes: 0, pieces: 0 };
  const isLost = (kind) => (lost[kind] += 1) % lose === 0;
  const toPage = (page, bytes) => page.evaluate((text) => window.portGives(text), bytes).catch(() => {});
  await context.exposeBinding('portOpens', ({ page }, options) => {
    if (options.baudRate !== 115_200) throw new Error(`the port was opened with ${options.baudRate} baud`);
    return new Promise((resolve, reject) => {
      socket = connect(Number(port), host, resolve);
      socket.setNoDelay(true);
      socket.on('error', reject);
      socket.on('data', (bytes) => isLost('pieces') || toPage(page, bytes.toString('base64')));
      socket.on('close', () => toPage(page, null));
    });
  });
  await context.exposeBinding('portTakes', (_, text) => {
    if (isLost('writes')) return null;
    return new Promise((resolve) => socket.write(Buffer.from(text, 'base64'), resolve));
  });
  await context.exposeBinding('portCloses', () => socket?.destroy());
  // A page that is closed closes no port, and an open socket keeps this program from ending.
  context.on('close', () => socket?.destroy());
  await context.addInitScript(inPage);
  return {
    unplug: () => socket.destroy(),
    say: (page, text) => toPage(page, Buffer.from(text).toString('base64')),
  };
}

// Runs in the page: what Chromium's SerialPort does, as far as the specification describes it.
function inPage() {
  const encoded = (bytes) => btoa(String.fromCharCode(...bytes));
  const decoded = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  class Port {
    readable = null;
    writable = null;
    connected = true;

    async open(options) {
      if (this.readable) throw new DOMException('The port is already open.', 'InvalidStateError');
      await window.portOpens(options);
      let feed;
      this.readable = new ReadableStream({ start: (controller) => (feed = controller), cancel: () => (feed = null) });
      this.writable = new WritableStream({ write: (bytes) => window.portTakes(encoded(bytes)) });
      window.portGives = (text) => {
        if (text !== null) return feed?.enqueue(decoded(text));
        // The device is lost.
        this.connected = false;
        this.readable = null;
        return feed?.error(new DOMException('The device has been lost.', 'NetworkError'));
      };
    }

    async close() {
      if (this.readable?.locked || this.writable?.locked) throw new TypeError('Cannot close while a stream is locked.');
      this.readable = this.writable = null;
      await window.portCloses();
    }
  }
  const port = new Port();
  Object.defineProperty(navigator, 'serial', {
    value: { requestPort: async () => port, getPorts: async () => [port] },
  });
}
