// A device beside the page, over a WebSocket and over a Web Serial port that the test puts in place.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { FOREIGN, open, serve } from './browser.mjs';
import { PICTURE, drop, waitFor } from './files.mjs';
import { textOf } from './live.mjs';
import { putPort } from './serial_port.mjs';

const folder = fileURLToPath(new URL('../../docs/page', import.meta.url));

// Faces that both must answer alike.
const COMPARED = 5;

// Of so many writes, one is lost.
const LOST = 120;

const compared = (page) =>
  page.evaluate(() => window.told.compared.map(({ same, page: logits }) => ({ same, logits })));

// Waits for so many more comparisons; all must be alike.
async function alike(page, count) {
  const before = (await compared(page)).length;
  await page.waitForFunction((enough) => window.told.compared.length >= enough, before + count, { timeout: 60_000 });
  const all = await compared(page);
  assert.ok(
    all.every(({ same }) => same),
    `the device's logits differ: ${JSON.stringify(all.filter(({ same }) => !same))}`,
  );
  return all.slice(before);
}

async function choose(page, name) {
  // What is told of a model follows its name, without a space: `pi` is not `pico`.
  await page.getByRole('radio', { name: new RegExp(`^${name}(?![a-z])`) }).check();
  await waitFor(page, 'model-words', new RegExp(`^${name} answers now`));
}

// Puts the page's model on the device; stops in the middle and goes on.
async function upload(page, name) {
  await page.evaluate(() => {
    const [words, button] = ['upload-bytes', 'upload'].map((id) => document.getElementById(id));
    window.stopped = null;
    new MutationObserver((_, observer) => {
      const [, bytes, all] = words.textContent.match(/^(\d+) of (\d+) bytes/) ?? [];
      if (!(Number(bytes) > 20_000 && Number(bytes) < Number(all))) return;
      window.stopped = Number(bytes);
      observer.disconnect();
      button.click();
    }).observe(words, { childList: true });
    button.click();
  });
  await waitFor(page, 'upload-words', /^Stopped\. The device keeps what it has/);
  await page.evaluate(() => {
    const words = document.getElementById('upload-bytes');
    window.first = null;
    new MutationObserver((_, observer) => {
      const [, bytes] = words.textContent.match(/^(\d+) of (\d+) bytes/) ?? [];
      if (bytes === undefined) return;
      window.first = Number(bytes);
      observer.disconnect();
    }).observe(words, { childList: true });
  });
  await page.click('#upload');
  await waitFor(page, 'upload-words', new RegExp(`^${name} runs on the device now`));
  const [stopped, first] = await page.evaluate(() => [window.stopped, window.first]);
  assert.ok(first >= stopped, `it began again at ${first} and had ${stopped} bytes`);
  await waitFor(page, 'device-model', new RegExp(`^${name} `));
}

async function talk(page) {
  await waitFor(page, 'device-model', /^pi [0-9a-f]{8}$/);
  assert.match(await textOf(page, 'device-words'), /^Connected by /);
  assert.equal(await page.locator('#socket').isDisabled(), true);
  await choose(page, 'pi');
  await page.click('#drawn');
  const first = await alike(page, COMPARED);
  assert.ok(new Set(first.map(({ logits }) => logits.join())).size > 1, 'all faces are the same');
  for (const id of ['page-answer', 'device-answer']) assert.match(await textOf(page, id), /^[a-z]+ \d\.\d\d/, id);
  assert.match(await textOf(page, 'verdict'), /^The logits are the same bytes/);
  // A photograph, of which the device gets a smaller picture.
  await drop(page, 'faces.png', readFileSync(PICTURE), 'image/png');
  await alike(page, 1);
  assert.match(await textOf(page, 'device-face'), /^-?\d+,-?\d+ \d+x\d+$/);
  // Another model on the page: nothing to compare, until the device has it.
  await choose(page, 'levorse');
  await waitFor(page, 'verdict', /^The device runs model [0-9a-f]{8} and the page /);
  await upload(page, 'levorse');
  await page.click('#drawn');
  await alike(page, COMPARED);
  await choose(page, 'edge');
  await upload(page, 'edge');
  await alike(page, COMPARED);
  return { compared: (await compared(page)).length };
}

async function websocket({ without, url, out, options }) {
  if (!options.websocket) return { left_out: 'no --websocket' };
  const { page, context, faults } = await open(without, url);
  await page.fill('#address', `ws://${options.websocket}`);
  await page.click('#socket');
  const result = await talk(page);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: join(out, `device-${width}.png`), fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `the page is ${wide} pixels wide in a window of ${width}`);
  }
  await page.click('#disconnect');
  await waitFor(page, 'device-words', /^Disconnected\.$/);
  assert.ok(await page.locator('#connected').isHidden());
  // And again, by the keyboard.
  await page.focus('#address');
  await page.keyboard.press('Enter');
  await page.locator('#connected').waitFor();
  // The newest host is served: this page is told that it lost the device.
  const other = await open(without, url);
  await other.page.fill('#address', `ws://${options.websocket}`);
  await other.page.click('#socket');
  await waitFor(other.page, 'device-model', /^edge /);
  await waitFor(page, 'device-words', /Connect again\.$/);
  assert.ok(await page.locator('#socket').isEnabled());
  assert.deepEqual([...faults, ...other.faults], []);
  await other.context.close();
  await context.close();
  return result;
}

async function serial({ without, url, options }) {
  if (!options.serial) return { left_out: 'no --serial' };
  let port;
  const { page, context, faults } = await open(without, url, {
    prepare: async (fresh) => (port = await putPort(fresh, options.serial)),
  });
  await page.click('#serial');
  const result = await talk(page);
  await page.click('#disconnect');
  await waitFor(page, 'device-words', /^Disconnected\.$/);
  await page.click('#serial');
  // The name of the model may be that of before.
  await page.locator('#connected').waitFor();
  port.unplug();
  await waitFor(page, 'device-words', /Connect again\.$/);
  assert.ok(await page.locator('#connected').isHidden());
  assert.deepEqual(faults, []);
  await context.close();
  return result;
}

// A line that loses bytes both ways, and a device that is restarted: the page sends again and greets again, and no answer is another's.
async function faults({ without, url, options }) {
  if (!options.serial) return { left_out: 'no --serial' };
  let port;
  const prepare = async (fresh) => (port = await putPort(fresh, options.serial, LOST));
  const opened = await open(without, url, { prepare });
  const { page, context } = opened;
  await page.click('#serial');
  await waitFor(page, 'device-model', /^edge [0-9a-f]{8}$/);
  await page.click('#drawn');
  await alike(page, 3);
  await port.say(page, '\r\nfer firmware 0.1.0  model edge\r\n');
  await waitFor(page, 'lines', /fer firmware 0\.1\.0/);
  await alike(page, 3);
  assert.match(await textOf(page, 'device-words'), /^Connected by /);
  assert.deepEqual(opened.faults, []);
  await context.close();
  return { compared: 6 };
}

// A page from elsewhere: the device refuses it, and the page names the option that lets it in.
async function stranger({ without, options }) {
  if (!options.websocket) return { left_out: 'no --websocket' };
  const server = await serve(folder);
  const url = `http://${FOREIGN}:${server.port}/`;
  const opened = await open(without, url, { expects: ['WebSocket connection to', 'Unexpected response code: 403'] });
  await opened.page.fill('#address', `ws://${options.websocket}`);
  await opened.page.click('#socket');
  await waitFor(opened.page, 'device-words', new RegExp(`--allow-origin http://${FOREIGN}:${server.port}\\.`));
  assert.deepEqual(
    opened.faults.filter((fault) => !fault.startsWith('request: ws:')),
    [],
  );
  await opened.context.close();
  server.close();
  return {};
}

// Addresses at which there is no device.
async function noDevice({ without, url }) {
  const { page, context, faults } = await open(without, url, { expects: ['WebSocket connection to'] });
  const words = {};
  for (const [address, pattern] of [
    ['ws://127.0.0.1:1', /^Nothing answers at ws:\/\/127\.0\.0\.1:1\. .*--allow-origin http:\/\//],
    ['http://127.0.0.1:1', /^The address must begin with ws:/],
    ['a device', /^An address is written ws:/],
  ]) {
    await page.fill('#address', address);
    await page.click('#socket');
    await waitFor(page, 'device-words', pattern);
    words[address] = await textOf(page, 'device-words');
    assert.ok(await page.locator('#socket').isEnabled());
  }
  assert.deepEqual(faults, []);
  await context.close();
  return { words };
}

export const devices = { websocket, serial, lossy: faults, stranger, no_device: noDevice };
