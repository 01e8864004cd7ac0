// A USB host with a driver for serial ports (CDC-ACM), for the controller of an emulated RP2040. It asks packet by packet, as USB
// 2.0 (chapter 8) has it: what the device does not have ready is answered with NAK and asked for again, toggles are
// checked, and every transaction takes the time that it takes on a wire at full speed, at most 19 packets of 64 bytes a millisecond.
//
// rp2040js fetches what the device has to send at once, whether a host asks or not; that part of its controller is replaced.

const USBCTRL_EXCEPTION = 16 + 5;

// The controller's memory and registers (RP2040 datasheet, 4.1.2.5 and 4.1.4).
const ENDPOINT_CONTROL = 0x08;
const BUFFER_CONTROL = 0x80;
const ENDPOINT_0_BUFFER = 0x100;
const [ENABLE, FULL, DATA1, STALL, AVAILABLE, LENGTH] = [1 << 31, 1 << 15, 1 << 13, 1 << 11, 1 << 10, 0x3ff];
const SIE_STATUS = 0x50;
const PULLED_UP = 1 << 16;
const [BUS_RESET, SETUP_RECEIVED, SUSPENDED, LINE_J, LINE] = [1 << 19, 1 << 17, 1 << 4, 1 << 2, 3 << 2];

// Bits of a transaction beside its data: three packets with their gaps. One that is refused, or asks in vain, has no data or no answer.
const NANOSECONDS_A_BIT = 1000 / 12;
const TRANSACTION_BITS = 8 * 13;
const REFUSED_BITS = 70;
const FRAME_NANOSECONDS = 1e6;
const START_OF_FRAME_BITS = 35;
// A host that nobody has anything for asks again after so long.
const PAUSE_NANOSECONDS = 20e3;
// A device starts in so long.
const STARTUP_NANOSECONDS = 5e9;
const RESET_NANOSECONDS = 10e6;
const RECOVERY_NANOSECONDS = 10e6;
// Without a frame for so long a device is asleep.
const ASLEEP_NANOSECONDS = 3e6;
// A control transfer that takes longer has failed.
const PATIENCE_NANOSECONDS = 500e6;

const [DEVICE, CONFIGURATION, STRING] = [1, 2, 3];
const ENGLISH = 0x0409;

export class UsbHost {
  // onData is given what the device sends through the port.
  constructor(rp2040, onData) {
    Object.assign(this, { rp2040, onData });
    this.usb = rp2040.usbCtrl;
    this.address = 0;
    this.port = null;
    // What is to be sent through the port; whether it is sent now, and whether what the device has is fetched.
    this.queue = [];
    this.sending = this.reading = true;
    this.unplugAfter = Infinity;
    this.commands = [];
    this.counts = { outBytes: 0, outPackets: 0, outRefused: 0, inBytes: 0, inPackets: 0, inRefused: 0 };
    // Nanoseconds: within the interrupt's handler; since startup until sending began last, and until the last packet came in.
    Object.assign(this.counts, { handler: 0, sendingSince: 0, lastIn: 0 });
    // The program has asked for the boot loader.
    this.counts.bootLoader = false;
    this.nanosecondsABit = NANOSECONDS_A_BIT;
    this.replaceController();
    this.watchHandler();
    this.program = this.run();
    this.alarm = rp2040.clock.createAlarm(() => this.alarm.schedule(this.program.next().value));
    this.alarm.schedule(1);
  }

  // Executes a command of the host's, a word and perhaps a number; its promise says what came of it.
  command(line) {
    return new Promise((resolve, reject) => this.commands.push({ words: line.split(' '), resolve, reject }));
  }

  send(bytes) {
    for (const byte of bytes) {
      this.queue.push(byte);
    }
  }

  // A device makes a buffer available by a bit in the controller's memory, where the host looks when it asks.
  replaceController() {
    const { usb } = this;
    usb.DPRAMUpdated = () => {};
    const write = usb.writeUint32;
    usb.writeUint32 = (offset, value) => {
      if (offset === SIE_STATUS) {
        usb.sieStatus &= ~(usb.rawWriteValue & SUSPENDED);
      }
      write.call(usb, offset, value);
    };
  }

  // Counts how long the interrupt's handler runs.
  watchHandler() {
    const { core, clock } = this.rp2040;
    const { exceptionEntry, exceptionReturn } = core;
    let begin;
    core.exceptionEntry = (number) => {
      if (number === USBCTRL_EXCEPTION) {
        begin = clock.nanos;
      }
      exceptionEntry.call(core, number);
      // rp2040js leaves the bit that tells Thumb code in the place of the instruction, where a table of jumps adds to it.
      core.PC &= ~1;
    };
    core.exceptionReturn = (value) => {
      if (core.IPSR === USBCTRL_EXCEPTION) {
        this.counts.handler += clock.nanos - begin;
      }
      exceptionReturn.call(core, value);
    };
  }

  // What the host does, for ever; each value that it yields is a time that passes, in nanoseconds.
  *run() {
    while (true) {
      const command = this.commands.shift();
      if (command) {
        const { words, resolve, reject } = command;
        try {
          resolve(yield* this.execute(words));
        } catch (error) {
          reject(error);
        }
      } else if (this.port) {
        yield* this.exchange();
      } else {
        yield PAUSE_NANOSECONDS;
      }
    }
  }

  *execute([name, value]) {
    switch (name) {
      case 'plug':
        return yield* this.plug();
      case 'open':
        yield* this.setLine(Number(value ?? 115200));
        yield* this.setControlLines(3);
        return;
      case 'close':
        yield* this.setControlLines(0);
        return;
      case 'unplug':
        if (value === undefined) {
          yield* this.unplug();
        } else {
          this.unplugAfter = this.counts.outBytes + Number(value);
        }
        return;
      case 'read':
        this.reading = value === 'on';
        return;
      case 'send':
        this.sending = value === 'on';
        this.counts.sendingSince = this.now();
        return;
      case 'wire':
        this.nanosecondsABit = value === 'on' ? NANOSECONDS_A_BIT : 0;
        return;
      case 'counts':
        return { ...this.counts, queued: this.queue.length };
      default:
        throw new Error(`no command ${name}`);
    }
  }

  // One packet each way through the port, if there is one.
  *exchange() {
    const { counts } = this;
    let passed = false;
    if (this.sending && this.queue.length > 0) {
      const room = Math.min(this.port.out.size, this.unplugAfter - counts.outBytes);
      const bytes = this.queue.slice(0, room);
      if ((yield* this.out(this.port.out, bytes)) === 'ack') {
        this.queue.splice(0, bytes.length);
        counts.outBytes += bytes.length;
        counts.outPackets += 1;
        passed = true;
        if (counts.outBytes === this.unplugAfter) {
          yield* this.unplug();
          return;
        }
      } else {
        counts.outRefused += 1;
      }
    }
    if (this.reading) {
      const bytes = yield* this.in(this.port.in);
      if (bytes instanceof Uint8Array) {
        counts.inBytes += bytes.length;
        counts.inPackets += 1;
        counts.lastIn = this.now();
        passed = true;
        this.onData(bytes);
      } else {
        counts.inRefused += 1;
      }
    }
    if (!passed) {
      yield PAUSE_NANOSECONDS;
    }
  }

  // Resets the bus and does what a host does with a device that it does not know; returns what the device tells about itself.
  *plug() {
    const { usb } = this;
    this.port = null;
    this.address = 0;
    this.unplugAfter = Infinity;
    this.control = { number: 0, size: 8 };
    // So a device shows that it is there.
    for (const end = this.now() + STARTUP_NANOSECONDS; !(usb.sieCtrl & PULLED_UP); ) {
      if (this.now() > end) {
        throw new Error('no device is there');
      }
      yield PAUSE_NANOSECONDS;
    }
    usb.sieStatus = (usb.sieStatus & ~LINE) | BUS_RESET;
    usb.sieStatusUpdated();
    yield RESET_NANOSECONDS;
    usb.sieStatus |= LINE_J;
    yield RECOVERY_NANOSECONDS;
    const start = yield* this.get(0x80, 6, DEVICE << 8, 0, 8);
    this.control.size = start[7];
    yield* this.set(0x00, 5, 7, 0);
    this.address = 7;
    // Devices have 2 ms to answer to it.
    yield 2e6;
    const device = yield* this.get(0x80, 6, DEVICE << 8, 0, 18);
    const head = yield* this.get(0x80, 6, CONFIGURATION << 8, 0, 9);
    const configuration = yield* this.get(0x80, 6, CONFIGURATION << 8, 0, head[2] | (head[3] << 8));
    const strings = [];
    for (const index of device.subarray(14, 17)) {
      strings.push(index === 0 ? null : yield* this.string(index));
    }
    yield* this.set(0x00, 9, configuration[5], 0);
    this.port = serialPort(configuration);
    this.queue = [];
    return { device: [...device], configuration: [...configuration], strings };
  }

  *string(index) {
    const bytes = yield* this.get(0x80, 6, (STRING << 8) | index, ENGLISH, 255);
    return Buffer.from(bytes.subarray(2)).toString('utf16le');
  }

  // Frames stop, which a device with power of its own takes for sleep.
  *unplug() {
    this.port = null;
    this.queue = [];
    this.unplugAfter = Infinity;
    yield ASLEEP_NANOSECONDS;
    this.usb.sieStatus |= SUSPENDED;
    this.usb.sieStatusUpdated();
  }

  *setLine(baud) {
    const coding = Buffer.alloc(7);
    coding.writeUInt32LE(baud, 0);
    coding[6] = 8;
    yield* this.set(0x21, 0x20, 0, this.port.interface, coding);
    const got = yield* this.get(0xa1, 0x21, 0, this.port.interface, 7);
    if (!coding.equals(got)) {
      throw new Error(`the line coding is ${[...got]}`);
    }
  }

  // DTR is bit 0, RTS is bit 1.
  *setControlLines(lines) {
    yield* this.set(0x21, 0x22, lines, this.port.interface);
  }

  // A control transfer to the device, 5.5 and 8.5.3.
  *set(type, request, value, index, bytes = []) {
    yield* this.setup(type, request, value, index, bytes.length);
    if (bytes.length > 0) {
      yield* this.again(() => this.out(this.control, bytes));
    }
    this.control.inToggle = 1;
    const status = yield* this.again(() => this.in(this.control));
    if (status.length !== 0) {
      throw new Error(`${status.length} bytes in place of an empty packet end the request ${request}`);
    }
  }

  // A control transfer from the device.
  *get(type, request, value, index, length) {
    yield* this.setup(type, request, value, index, length);
    const bytes = [];
    while (bytes.length < length) {
      const packet = yield* this.again(() => this.in(this.control));
      bytes.push(...packet);
      if (packet.length < this.control.size) {
        break;
      }
    }
    this.control.outToggle = 1;
    yield* this.again(() => this.out(this.control, []));
    return Uint8Array.from(bytes);
  }

  *setup(type, request, value, index, length) {
    yield* this.time(TRANSACTION_BITS + 64);
    this.checkAddress();
    this.rp2040.usbDPRAM.set([type, request, value & 255, value >> 8, index & 255, index >> 8, length & 255, length >> 8]);
    this.usb.sieStatus |= SETUP_RECEIVED;
    this.usb.sieStatusUpdated();
    this.control.inToggle = this.control.outToggle = 1;
  }

  // Until it is no longer refused.
  *again(transaction) {
    const end = this.now() + PATIENCE_NANOSECONDS;
    while (this.now() < end) {
      const answer = yield* transaction();
      if (answer === 'stall') {
        throw new Error('the device refuses the request');
      }
      if (answer !== 'nak') {
        return answer;
      }
    }
    throw new Error('the device does not answer');
  }

  // A packet to an endpoint.
  *out(endpoint, bytes) {
    yield* this.time(TRANSACTION_BITS + 8 * bytes.length);
    this.checkAddress();
    const control = BUFFER_CONTROL + 8 * endpoint.number + 4;
    const { usb, rp2040: { usbDPRAM, usbDPRAMView } } = this;
    const state = usbDPRAMView.getUint32(control, true);
    if (state & STALL) {
      return 'stall';
    }
    if (!(state & AVAILABLE)) {
      return 'nak';
    }
    const toggle = endpoint.outToggle ?? 0;
    endpoint.outToggle = 1 - toggle;
    if (Boolean(state & DATA1) !== Boolean(toggle)) {
      throw new Error(`endpoint ${endpoint.number} expects another packet than DATA${toggle}`);
    }
    if (bytes.length > (state & LENGTH)) {
      throw new Error(`${bytes.length} bytes for endpoint ${endpoint.number}, which takes ${state & LENGTH}`);
    }
    usbDPRAM.set(bytes, this.buffer(endpoint.number, 4));
    usbDPRAMView.setUint32(control, (state & ~(AVAILABLE | LENGTH)) | FULL | bytes.length, true);
    usb.indicateBufferReady(endpoint.number, true);
    return 'ack';
  }

  // A packet from an endpoint.
  *in(endpoint) {
    const control = BUFFER_CONTROL + 8 * endpoint.number;
    const { usb, rp2040: { usbDPRAM, usbDPRAMView } } = this;
    this.checkAddress();
    const state = usbDPRAMView.getUint32(control, true);
    if (state & STALL || (state & (AVAILABLE | FULL)) !== (AVAILABLE | FULL)) {
      yield* this.time(REFUSED_BITS);
      return state & STALL ? 'stall' : 'nak';
    }
    const length = state & LENGTH;
    if (length > endpoint.size) {
      throw new Error(`${length} bytes from endpoint ${endpoint.number}, whose packets have ${endpoint.size}`);
    }
    const toggle = endpoint.inToggle ?? 0;
    if (Boolean(state & DATA1) !== Boolean(toggle)) {
      throw new Error(`endpoint ${endpoint.number} sends another packet than DATA${toggle}`);
    }
    endpoint.inToggle = 1 - toggle;
    const buffer = this.buffer(endpoint.number, 0);
    const bytes = usbDPRAM.slice(buffer, buffer + length);
    yield* this.time(TRANSACTION_BITS + 8 * length);
    usbDPRAMView.setUint32(control, usbDPRAMView.getUint32(control, true) & ~(AVAILABLE | FULL), true);
    usb.indicateBufferReady(endpoint.number, false);
    return bytes;
  }

  // Where the bytes of an endpoint lie; out: 4 for those that a host sends, else 0.
  buffer(number, out) {
    if (number === 0) {
      return ENDPOINT_0_BUFFER;
    }
    const control = this.rp2040.usbDPRAMView.getUint32(ENDPOINT_CONTROL + 8 * (number - 1) + out, true);
    if (!(control & ENABLE)) {
      throw new Error(`endpoint ${number} is not enabled`);
    }
    return control & 0xffc0;
  }

  // A transaction's time on the wire. None reaches from one frame into the next.
  *time(bits) {
    const nanoseconds = bits * this.nanosecondsABit;
    const left = FRAME_NANOSECONDS - (this.now() % FRAME_NANOSECONDS);
    if (nanoseconds > left) {
      yield left + START_OF_FRAME_BITS * this.nanosecondsABit;
    }
    yield Math.max(nanoseconds, 1);
  }

  now() {
    return this.rp2040.clock.nanos;
  }

  checkAddress() {
    const address = this.usb.addrEndp & 0x7f;
    if (address !== this.address) {
      throw new Error(`the device answers to address ${address}, not to ${this.address}`);
    }
  }
}

// The serial port that a configuration describes: the number of its first interface, its endpoints for bytes.
function serialPort(configuration) {
  const port = {};
  let kind;
  for (let at = 0; at < configuration.length; at += configuration[at]) {
    const [, type, second, third, , fifth] = configuration.subarray(at);
    if (type === 4) {
      kind = fifth;
      if (kind === 2) {
        port.interface = second;
      }
    } else if (type === 5 && kind === 10 && third === 2) {
      const endpoint = { number: second & 15, size: configuration[at + 4] };
      port[second & 0x80 ? 'in' : 'out'] = endpoint;
    }
  }
  if (port.interface === undefined || !port.in || !port.out) {
    throw new Error('the configuration has no serial port');
  }
  return port;
}

// Connects a host's port and its commands to two connections to a socket, in this order. Commands come a line each and are
// answered with a line of JSON each: `ok` with what came of it, or `error`.
export function serve(host, connect, path) {
  const port = connect(path);
  port.on('data', (bytes) => host.send(bytes));
  host.onData = (bytes) => port.write(bytes);
  port.on('connect', () => {
    const commands = connect(path);
    let rest = '';
    commands.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) {
        host.command(line).then(
          (ok) => commands.write(`${JSON.stringify({ ok: ok ?? null })}\n`),
          (error) => commands.write(`${JSON.stringify({ error: error.message })}\n`),
        );
      }
    });
  });
}
