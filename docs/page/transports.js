// Ways to a device. Both carry the bytes of the serial link as they are: `send(bytes)` and `close()`; what arrives goes to
// `received`, and `closed` is called with words when the way ends by itself.

const BAUD = 115_200;
/** Bytes that the browser keeps for a port. */
const BUFFER = 16_384;
/** Milliseconds until a WebSocket must be open. */
const PATIENCE = 8000;

/** Why this page cannot use Web Serial; null if it can. */
export function serialRefusal() {
  if (navigator.serial) return null;
  if (!window.isSecureContext)
    return 'Web Serial is for pages from https or from this computer (localhost) alone. This one came by plain http.';
  return 'This browser has no Web Serial. Chrome, Edge and Opera on a computer have it; Firefox and Safari do not. Use a WebSocket.';
}

const isLoopback = (host) => /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(host);

export async function openSerial({ received, closed }) {
  let port;
  try {
    port = await navigator.serial.requestPort();
  } catch (error) {
    throw new Error(error.name === 'NotFoundError' ? 'No port was chosen.' : `The port was refused: ${error.message}`);
  }
  try {
    await port.open({ baudRate: BAUD, bufferSize: BUFFER });
  } catch (error) {
    throw new Error(
      `The port does not open (${error.message}). Close other programs that hold it. On Linux, your user must be in the group dialout: sudo usermod -aG dialout $USER, then log in anew.`,
    );
  }
  // Some boards send only to a terminal that says it is ready; other ports have no such line.
  await port.setSignals?.({ dataTerminalReady: true }).catch(() => {});
  const writer = port.writable.getWriter();
  let open = true;
  let reader;
  const reading = (async () => {
    let words = 'The device is gone: it was unplugged or restarted. Connect again.';
    // After an error of the line, such as a break, the port has a new stream.
    while (open && port.readable) {
      reader = port.readable.getReader();
      try {
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          received(value);
        }
        if (open && !port.connected) break;
      } catch (error) {
        words = `The port stopped: ${error.message}. Connect again.`;
      } finally {
        reader.releaseLock();
      }
    }
    if (open) {
      open = false;
      await writer.abort().catch(() => {});
      writer.releaseLock();
      await port.close().catch(() => {});
      closed(words);
    }
  })();
  return {
    name: 'Web Serial',
    send: (bytes) => writer.write(bytes),
    async close() {
      if (!open) return;
      open = false;
      await reader?.cancel().catch(() => {});
      await reading;
      await writer.abort().catch(() => {});
      writer.releaseLock();
      await port.close().catch(() => {});
    },
  };
}

export async function openSocket(address, { received, closed }) {
  let url;
  try {
    url = new URL(address);
  } catch {
    throw new Error('An address is written ws://127.0.0.1:7001');
  }
  if (!/^wss?:$/.test(url.protocol))
    throw new Error('The address must begin with ws:// or wss://, such as ws://127.0.0.1:7001');
  if (location.protocol === 'https:' && url.protocol === 'ws:' && !isLoopback(url.hostname)) {
    throw new Error(
      `This page came by https, so browsers let it open ws:// addresses on this computer alone. Serve the page from your own computer (host-trainer page --serve 127.0.0.1:8000), and connect to ${url.host} from there.`,
    );
  }
  let socket;
  try {
    socket = new WebSocket(url);
  } catch (error) {
    throw new Error(`This browser does not let the page connect to ${address}: ${error.message}`);
  }
  socket.binaryType = 'arraybuffer';
  const silent = `Nothing answers at ${address}. Is fer-linux --websocket ${url.host} running there, and does it know this page? A page from elsewhere than this computer needs: --allow-origin ${location.origin}. Safari lets no page from https open ws://, and Chrome may ask first whether the page may reach your network.`;
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(), PATIENCE);
    const fail = () => {
      clearTimeout(timer);
      socket.onclose = null;
      socket.close();
      reject(new Error(silent));
    };
    socket.onopen = () => {
      clearTimeout(timer);
      resolve();
    };
    socket.onclose = fail;
  });
  socket.onmessage = ({ data }) => received(new Uint8Array(data));
  socket.onclose = ({ reason }) =>
    closed(
      `The device closed the connection: ${reason || 'another host connected, or its program ended'}. Connect again.`,
    );
  return {
    name: address,
    send: async (bytes) => socket.send(bytes),
    async close() {
      socket.onclose = null;
      socket.close();
    },
  };
}
