// The page in a real browser.
//
//   npm install --prefix target --no-save playwright-core@1.65.1
//   node tests/browser/page.mjs URL VIDEO.y4m OUT_FOLDER [--websocket HOST:PORT] [--serial HOST:PORT] [--only NAME,…]
//
// URL is where the page is served. VIDEO is what the camera shows: faces, and a while without one; `drawn` makes one. --websocket
// is the address of `fer-linux --websocket`, --serial that of `fer-linux --tcp`, both with --models and with the model `pi`; without
// them, the checks with a device are left out. Each check prints a line of JSON; the first that fails ends it with status 1.
//
// OUT_FOLDER gets what another program compares: frames.json (a camera of 320x240, from its first frame on), large.json (one of 640x480)
// and photograph.json, each with the grey bytes that were looked at, in base64, and the answers; the UF2 files that were saved; and
// screenshots, for a person to look at.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { start } from './browser.mjs';
import { devices } from './devices.mjs';
import { drawnVideo, withColour } from './drawn_video.mjs';
import { failures } from './failures.mjs';
import { files } from './files.mjs';
import { live } from './live.mjs';
import { looks } from './looks.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(['websocket', 'serial', 'only'].map((name) => [name, { type: 'string' }])),
});
const [url, video, folder] = positionals;
if (!folder) {
  console.error(
    'usage: page.mjs URL VIDEO.y4m|drawn OUT_FOLDER [--websocket HOST:PORT] [--serial HOST:PORT] [--only NAME,…]',
  );
  process.exit(2);
}
const out = resolve(folder);
mkdirSync(out, { recursive: true });
const camera = resolve(out, 'camera.y4m');
writeFileSync(camera, video === 'drawn' ? drawnVideo() : withColour(readFileSync(video)));

const checks = { ...live, ...files, ...devices, ...failures, ...looks };
const names = options.only ? options.only.split(',') : Object.keys(checks);
const browsers = { withCamera: await start(camera), without: await start(null) };
try {
  for (const name of names) {
    const began = Date.now();
    const result = await checks[name]({ ...browsers, url, out, options });
    console.log(JSON.stringify({ check: name, seconds: (Date.now() - began) / 1000, ...result }));
  }
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await Promise.all(Object.values(browsers).map((browser) => browser.close()));
}
