// A Raspberry Pi Pico: runs a program for the RP2040 in rp2040js, its UART0 on standard input and output, until the input
// ends.
//
//   npm install --prefix target --no-save rp2040js@1.4.1
//   node tests/emulator/rp2040.mjs PROGRAM.elf [--usb -|SOCKET] [--camera PICTURES [--hangs N] [--unplugged N]] [--events FILE]
//     [--flash FILE] [--cut N [--torn PART]]
//
// With --usb - standard input and output are the USB port in place of UART0, plugged into a host of our own, usb.mjs, which has
// opened it. With --usb SOCKET the host is commanded through that socket, as usb.mjs tells.
// With --flash the flash holds what is in a file, if it exists, beside the program; at the end it is written there. --cut cuts the
// power in the erase or program with this number, counted from 0, of which a part from 0 to 1 is done by then; the exit status is
// then 3.
// With --camera an Arducam Mega is at SPI0 and serves the pictures of a file, as arducam_mega.mjs tells. --events writes when a
// picture's transfer began and when a line was printed, in nanoseconds since startup.
//
// rp2040js counts the cycles that the processor takes for each instruction and for RAM; flash is as fast as RAM in it. The
// second core is missing, and the boot ROM, which is not free to copy: the program starts where it would have led. What it offers
// to programs is in rom.mjs.

import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ArducamMega } from './arducam_mega.mjs';
import { answerNumber } from './flash_number.mjs';
import { PowerCut, Rom } from './rom.mjs';
import { UsbHost, serve } from './usb.mjs';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
const { RP2040 } = createRequire(resolve(target, 'rp2040.mjs'))('rp2040js');

const FLASH = 0x10000000;
// Behind the 256 bytes of the second boot stage.
const VECTOR_TABLE = FLASH + 0x100;
const NANOSECONDS_A_CYCLE = 8;
// Between two looks at the input, and between two chances for it to arrive.
const SLICE = 1000;
const SLICES = 200;

// Copies what an ELF file loads (System V ABI, chapter 5) to its physical addresses.
function load(rp2040, file) {
  const PT_LOAD = 1;
  const [table, entryBytes, entries] = [file.readUInt32LE(28), file.readUInt16LE(42), file.readUInt16LE(44)];
  for (let index = 0; index < entries; index += 1) {
    const header = table + index * entryBytes;
    const [type, offset, , address, bytes] = [0, 4, 8, 12, 16].map((field) => file.readUInt32LE(header + field));
    if (type === PT_LOAD && bytes > 0) {
      rp2040.flash.set(file.subarray(offset, offset + bytes), address - FLASH);
    }
  }
}

const { values: options, positionals: [program] } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    ['camera', 'hangs', 'unplugged', 'events', 'usb', 'flash', 'cut', 'torn'].map((name) => [name, { type: 'string' }]),
  ),
});

const rp2040 = new RP2040();
rp2040.logger = { debug() {}, info() {}, warn() {}, error: (name, text) => console.error(`${name}: ${text}`) };
rp2040.reset();
const rom = new Rom(rp2040, { file: options.flash, cut: Number(options.cut), torn: Number(options.torn ?? 0) });
answerNumber(rp2040, [0xe6, 0x60, 0x58, 0x38, 0x83, 0x2f, 0x1c, 0x27], () => rom.serial);
load(rp2040, readFileSync(program));
const { core, clock } = rp2040;
core.VTOR = VECTOR_TABLE;
core.SP = rp2040.readUint32(VECTOR_TABLE);
core.PC = rp2040.readUint32(VECTOR_TABLE + 4) & ~1;

const [uart] = rp2040.uart;
let input = [];
let output = [];
const event = (name) => options.events && appendFileSync(options.events, `${name} ${Math.round(clock.nanos)}\n`);
uart.onByte = (byte) => {
  output.push(byte);
  if (byte === 10) {
    event('line');
  }
};
if (options.camera) {
  const [hangs, unplugged] = [Number(options.hangs), Number(options.unplugged)];
  new ArducamMega(rp2040, readFileSync(options.camera), { hangs, unplugged, onTransfer: () => event('transfer') });
}
let take = (bytes) => input.push(...bytes);
if (options.usb) {
  const host = new UsbHost(rp2040, (bytes) => process.stdout.write(bytes));
  // The boot loader takes the program's place: the breakpoint that called it never ends.
  rom.options.onBootLoader = () => {
    host.counts.bootLoader = true;
    core.PC -= core.breakRewind;
  };
  if (options.usb === '-') {
    uart.onByte = () => {};
    take = (bytes) => host.send(bytes);
    host.command('plug').then(() => host.command('open'));
  } else {
    serve(host, connect, options.usb);
  }
}
process.stdin.on('data', (bytes) => take(bytes));
const end = (status) => {
  rom.save();
  process.exit(status);
};
process.stdin.on('end', () => end());
process.stdout.on('error', () => end());

function run() {
  try {
    runSlices();
  } catch (error) {
    if (!(error instanceof PowerCut)) {
      throw error;
    }
    process.stdout.write(Buffer.from(output), () => end(3));
    return;
  }
  if (output.length > 0) {
    process.stdout.write(Buffer.from(output));
    output = [];
  }
  setImmediate(run);
}

function runSlices() {
  for (let slice = 0; slice < SLICES; slice += 1) {
    let taken = 0;
    while (taken < input.length && !uart.rxFIFO.full) {
      uart.feedByte(input[taken]);
      taken += 1;
    }
    input.splice(0, taken);
    for (let instruction = 0; instruction < SLICE; instruction += 1) {
      clock.tick(core.executeInstruction() * NANOSECONDS_A_CYCLE);
    }
  }
}

run();
