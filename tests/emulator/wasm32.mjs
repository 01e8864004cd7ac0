// Runs a program that was compiled to WebAssembly, the program `agreement` of the boards' programs: what it prints comes on standard
// output, and what its `main` returns is the exit status.
//
//   node tests/emulator/wasm32.mjs PROGRAM.wasm

import { readFileSync, writeSync } from 'node:fs';

const [file] = process.argv.slice(2);
if (file === undefined) {
    console.error('usage: wasm32.mjs PROGRAM.wasm');
    process.exit(2);
}
const print = (pointer, length) => {
    writeSync(1, new Uint8Array(exports.memory.buffer, pointer, length));
};
const { instance: { exports } } = await WebAssembly.instantiate(readFileSync(file), { env: { print } });
process.exitCode = exports.main(0, 0);
