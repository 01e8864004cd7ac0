// A Raspberry Pi Pico: runs a program for the RP2040 in rp2040js, its UART0 on standard input and output, until the input
// ends.
//
//   npm install --prefix target --no-save rp2040js@1.4.1
//   node tests/emulator/rp2040.mjs PROGRAM.elf [--camera PICTURES [--hangs N] [--unplugged N]] [--events FILE]
//
// With --camera an Arducam Mega is at SPI0 and serves the pictures of a file, as arducam_mega.mjs tells. --events writes when a
// picture's transfer began and when a line was printed, in nanoseconds since startup.
//
// rp2040js counts the cycles that the processor takes for each instruction and for RAM; flash is as fast as RAM in it. The
// second core, and the boot ROM, which is not free to copy, are missing: the program starts where they would have led.

import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { ArducamMega } from './arducam_mega.mjs';

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
  options: Object.fromEntries(['camera', 'hangs', 'unplugged', 'events'].map((name) => [name, { type: 'string' }])),
});

const rp2040 = new RP2040();
rp2040.logger = { debug() {}, info() {}, warn() {}, error: (name, text) => console.error(`${name}: ${text}`) };
rp2040.reset();
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
process.stdin.on('data', (bytes) => input.push(...bytes));
process.stdin.on('end', () => process.exit());
process.stdout.on('error', () => process.exit());

function run() {
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
  if (output.length > 0) {
    process.stdout.write(Buffer.from(output));
    output = [];
  }
  setImmediate(run);
}

run();
