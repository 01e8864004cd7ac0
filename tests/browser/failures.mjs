// What browsers refuse, in words.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { FOREIGN, open, serve } from './browser.mjs';
import { waitFor } from './files.mjs';
import { lookedAt, textOf } from './live.mjs';

const folder = fileURLToPath(new URL('../../docs/page', import.meta.url));

// A camera that cannot be had; the page goes on with what needs none.
async function refused(browser, url, pattern, options) {
  const { page, context, faults } = await open(browser, url, options);
  await page.click('#camera');
  await waitFor(page, 'status', pattern);
  const words = await textOf(page, 'status');
  assert.ok(await page.locator('#status').evaluate((status) => status.classList.contains('problem')));
  assert.equal(await textOf(page, 'camera'), 'Start camera');
  await page.click('#drawn');
  await lookedAt(page, 3);
  assert.deepEqual(faults, []);
  await context.close();
  return words;
}

const failing = (name) =>
  `navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', '${name}'); };`;

async function cameras({ without, withCamera, url }) {
  const words = {};
  words.none = await refused(without, url, /^There is no camera\./, { permissions: ['camera'] });
  words.refused = await refused(without, url, /^The camera was refused\./, { before: [failing('NotAllowedError')] });
  words.busy = await refused(without, url, /^The camera is busy or does not start\./, {
    before: [failing('NotReadableError')],
  });
  words.without = await refused(without, url, /^This browser has no cameras for pages\./, {
    before: ["Object.defineProperty(navigator, 'mediaDevices', { value: undefined })"],
  });
  // One that is unplugged.
  const { page, context } = await open(withCamera, url);
  await page.click('#camera');
  await lookedAt(page, 3);
  await page.evaluate(() => document.querySelector('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended')));
  await waitFor(page, 'status', /^The camera stopped:/);
  await context.close();
  return { words };
}

// Plain http from elsewhere.
async function insecure({ without }) {
  const server = await serve(folder);
  const url = `http://${FOREIGN}:${server.port}/`;
  const words = await refused(without, url, /^Browsers give a camera only to pages from https/);
  const { page, context } = await open(without, url);
  assert.match(await textOf(page, 'serial-words'), /^Web Serial is for pages from https/);
  assert.ok(await page.locator('#serial').isDisabled());
  await context.close();
  server.close();
  return { words };
}

async function noSerial({ without, url }) {
  const { page, context } = await open(without, url, { before: ['delete Navigator.prototype.serial'] });
  assert.match(await textOf(page, 'serial-words'), /^This browser has no Web Serial\./);
  assert.ok(await page.locator('#serial').isDisabled());
  assert.ok(await page.locator('#socket').isEnabled());
  await context.close();
}

// Browsers in which nothing of it runs.
async function noCore({ without, url }) {
  const { page, context } = await open(without, url, { before: ['delete window.WebAssembly'], ready: false });
  await waitFor(page, 'status', /^This browser does not run WebAssembly/);
  assert.ok(await page.locator('#camera').isDisabled());
  await context.close();
  const plain = await without.newContext({ javaScriptEnabled: false });
  const still = await plain.newPage();
  await still.goto(url);
  assert.match(await textOf(still, 'status'), /^The page needs JavaScript/);
  assert.ok(await still.locator('#status').isVisible());
  await plain.close();
}

// Files that cannot be loaded.
async function offline({ without, url }) {
  const { page, context } = await open(without, url, { expects: ['ERR_INTERNET_DISCONNECTED'] });
  await context.setOffline(true);
  await page.getByRole('radio', { name: 'levorse' }).click();
  await waitFor(
    page,
    'model-words',
    /^levorse: models\/levorse\.fer could not be loaded\. Check the connection .* edge goes on\.$/,
  );
  assert.ok(await page.getByRole('radio', { name: 'edge' }).isChecked());
  await page.click('#uf2-pico');
  await waitFor(page, 'uf2-words', /^pico\.bin could not be loaded\./);
  // What is there works without a network.
  await page.click('#drawn');
  await lookedAt(page, 3);
  await context.setOffline(false);
  await page.getByRole('radio', { name: 'levorse' }).click();
  await waitFor(page, 'model-words', /^levorse answers now/);
  await context.close();
  const missing = await without.newContext();
  const bare = await missing.newPage();
  await bare.route('**/finder.ferf', (route) => route.fulfill({ status: 404 }));
  await bare.goto(url);
  await waitFor(bare, 'status', /^models\/finder\.ferf could not be loaded: the server answers 404\./);
  await missing.close();
}

export const failures = { cameras, insecure, no_serial: noSerial, no_core: noCore, offline };
