// The flash chip of a Pico at its serial interface, as far as a program asks for the chip's number (Winbond W25Q16JV, 8.2.21). It does so
// with the select line in its own hand; the second boot stage, which leaves that to the interface, is not heard here.

const [SSI, QSPI_PINS] = [0x18000, 0x40018];
const DATA = 0x60;
const SELECT = 0x0c;
const LOW = 2;
const COMMAND = 0x4b;
const SKIPPED = 5;

// Has the chip answer. `serial` tells whether the interface is in the mode in which single bytes pass.
export function answerNumber(rp2040, number, serial) {
  const [ssi, pins] = [SSI, QSPI_PINS].map((base) => rp2040.peripherals[base]);
  let select = 0;
  let sent = [];
  let answers = [];
  pins.readUint32 = (offset) => (offset === SELECT ? select : 0);
  pins.writeUint32 = (offset, value) => {
    if (offset === SELECT) {
      select = value;
      [sent, answers] = [[], []];
    }
  };
  const { readUint32, writeUint32 } = ssi;
  const listens = (offset) => offset === DATA && serial() && ((select >> 8) & 3) === LOW;
  ssi.writeUint32 = (offset, value) => {
    if (!listens(offset)) {
      writeUint32.call(ssi, offset, value);
      return;
    }
    answers.push(sent[0] === COMMAND && sent.length >= SKIPPED ? number[sent.length - SKIPPED] ?? 0 : 0);
    sent.push(value & 0xff);
  };
  ssi.readUint32 = (offset) => {
    if (!listens(offset)) {
      return readUint32.call(ssi, offset);
    }
    if (answers.length === 0) {
      throw new Error('a byte is read that the flash chip has not sent');
    }
    return answers.shift();
  };
}
