// An Arducam Mega at a Pico's SPI0, chip select at GPIO 17. It serves pictures of a file, 320x240 pixels of YUYV each, one after
// the other and then again from the first. What the real module would misunderstand ends the program.

const CHIP_SELECT = 17;
const GONE = 0;

const FIFO = 0x04;
const CONTROL = 0x07;
const SENSOR_ADDRESS = 0x0a;
const FORMAT = 0x20;
const RESOLUTION = 0x21;
const BURST = 0x3c;
const SENSOR = 0x40;
const STATE = 0x44;
const LENGTH = 0x45;

const YUV = 3;
const QVGA = 1;
const PICTURE_BYTES = 2 * 320 * 240;

// The times are made up: what the module really takes is not documented.
const SET_UP_NS = 50e6;
const EXPOSURE_NS = 40e6;
const AWAY_NS = 1500e6;

export class ArducamMega {
  // `hangs` and `unplugged` are numbers of pictures, the first of which is 1: one that is never done, and one within which the
  // module is taken away for a while. `onTransfer` is told when a picture's transfer begins.
  constructor(rp2040, pictures, { hangs, unplugged, onTransfer }) {
    if (pictures.length === 0 || pictures.length % PICTURE_BYTES !== 0) {
      throw new Error(`the camera's pictures have ${pictures.length} bytes, which is no multiple of ${PICTURE_BYTES}`);
    }
    Object.assign(this, { rp2040, pictures, hangs, unplugged, onTransfer });
    this.taken = 0;
    this.awayUntil = 0;
    this.powerOn();
    this.spi = rp2040.spi[0];
    this.spi.onTransmit = (byte) => {
      // A clock more than the bits: the chip raises its own select line between bytes.
      const reply = this.transfer(byte);
      rp2040.clock.createAlarm(() => this.spi.completeTransmit(reply)).schedule(9e9 / this.spi.clockFrequency);
    };
    rp2040.gpio[CHIP_SELECT].addListener((state) => {
      this.selected = state === 0;
      this.position = 0;
    });
  }

  now() {
    return this.rp2040.clock.nanos;
  }

  powerOn() {
    this.format = null;
    this.resolution = null;
    this.idleAt = this.now() + SET_UP_NS;
    this.doneAt = Infinity;
    this.length = 0;
  }

  // A byte of the board, and the one that goes back at the same time.
  transfer(byte) {
    const { clockFrequency, spiMode, dataBits } = this.spi;
    if (clockFrequency > 8e6 || spiMode !== 0 || dataBits !== 8) {
      throw new Error(`the camera cannot follow SPI of mode ${spiMode}, ${dataBits} bits, ${clockFrequency} Hz`);
    }
    if (!this.selected || this.now() < this.awayUntil) {
      return GONE;
    }
    this.position += 1;
    if (this.position === 1) {
      this.command = byte;
      this.begin();
      return GONE;
    }
    if (this.command & 0x80) {
      if (this.position > 2) {
        throw new Error('the camera takes one byte for a register');
      }
      this.write(this.command & 0x7f, byte);
      return GONE;
    }
    if (this.command === BURST) {
      return this.next();
    }
    return this.position === 3 ? this.read(this.command) : 0x5a;
  }

  begin() {
    if (this.command !== BURST) {
      return;
    }
    if (this.now() < this.doneAt) {
      throw new Error('a picture is read before it is done');
    }
    if (this.at === -1) {
      this.onTransfer();
    }
  }

  // The next byte of the picture; a dummy before the first.
  next() {
    const at = this.at;
    this.at += 1;
    if (at === -1) {
      return 0x5a;
    }
    if (this.taken === this.unplugged && at === this.length / 2) {
      this.awayUntil = this.now() + AWAY_NS;
      this.powerOn();
      this.idleAt += AWAY_NS;
    }
    return this.pictures[((this.taken - 1) * PICTURE_BYTES + at) % this.pictures.length];
  }

  read(register) {
    switch (register) {
      case SENSOR:
        return 0x81;
      case STATE:
        return (this.now() < this.idleAt ? 1 : 2) | (this.now() < this.doneAt ? 0 : 4);
      case LENGTH:
      case LENGTH + 1:
      case LENGTH + 2:
        return (this.length >> (8 * (register - LENGTH))) & 0xff;
      default:
        throw new Error(`the camera's register ${register} is not known`);
    }
  }

  write(register, value) {
    if (register !== CONTROL && this.now() < this.idleAt) {
      throw new Error(`the camera's register ${register} is written while it is busy`);
    }
    if (register === CONTROL && value === 0x40) {
      this.powerOn();
    } else if (register === SENSOR_ADDRESS && value === 0x78) {
      // What its maker's library writes.
    } else if (register === FORMAT && value === YUV) {
      this.format = value;
      this.idleAt = this.now() + SET_UP_NS;
    } else if (register === RESOLUTION && value === QVGA && this.format === YUV) {
      this.resolution = value;
      this.idleAt = this.now() + SET_UP_NS;
    } else if (register === FIFO && value === 1) {
      this.doneAt = Infinity;
    } else if (register === FIFO && value === 2 && this.resolution === QVGA) {
      this.taken += 1;
      this.at = -1;
      this.length = PICTURE_BYTES;
      this.doneAt = this.taken === this.hangs ? Infinity : this.now() + EXPOSURE_NS;
    } else {
      throw new Error(`the camera does not know ${value} in register ${register}`);
    }
  }
}
