// Chromium, and the page in it.

import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
const { chromium } = createRequire(resolve(target, 'browser.mjs'))('playwright-core');

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// A name that leads to this machine and that browsers do not take for it.
export const FOREIGN = 'fer.test';

// Starts Chromium; with a video, it has a camera that plays it.
export async function start(video) {
  const camera = [
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-video-capture=${video}`,
  ];
  const args = [...FLAGS, `--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`, ...(video ? camera : [])];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

// Opens the page in a context of its own. What it must never do is kept in `faults`: errors on the console, requests to elsewhere.
export async function open(
  browser,
  url,
  { expects = [], before = [], prepare = async () => {}, ready = true, ...options } = {},
) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await prepare(context);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    const words = message.text();
    if (message.type() === 'error' && !expects.some((expected) => words.includes(expected)))
      faults.push(`console: ${words}`);
  });
  const home = new URL(url).origin;
  page.on('request', (request) => {
    const address = request.url();
    if (!address.startsWith(home) && !/^(blob|data):/.test(address)) faults.push(`request: ${address}`);
  });
  await page.addInitScript(collect);
  for (const script of before) await page.addInitScript(script);
  await page.goto(url);
  if (ready) {
    await page.waitForSelector('body[data-ready]', { timeout: 60_000 }).catch((error) => {
      throw new Error(['the page is not ready', ...faults].join('\n'), { cause: error });
    });
  }
  return { page, context, faults };
}

// Runs in the page: keeps what it tells tests.
function collect() {
  window.told = { looked: [], compared: [], greeted: [], shifts: 0 };
  for (const name of ['looked', 'compared', 'greeted']) {
    document.addEventListener(name, ({ detail }) => window.told[name].push(detail));
  }
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.told.shifts += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
}

const TYPES = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

// Serves a folder on a port of this machine that is free; for what no other server is at hand.
export async function serve(folder) {
  const server = createServer(({ url }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    return createReadStream(file).pipe(response);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { port: server.address().port, close: () => server.close() };
}
