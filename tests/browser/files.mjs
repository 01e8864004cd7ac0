// Files that are dropped, pasted, opened and saved.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { open } from './browser.mjs';
import { lookedAtAll, textOf } from './live.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const PICTURE = join(root, 'docs/synthetic-faces.png');
const model = (name) => readFileSync(join(root, `firmware/models/${name}.fer`));

// Hands a file to the page as a drop or a paste does.
async function give(page, kind, name, bytes, type = '') {
  await page.evaluate(
    ({ kind, name, text, type }) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type }));
      const options = { bubbles: true, cancelable: true };
      const event =
        kind === 'paste'
          ? new ClipboardEvent('paste', { ...options, clipboardData: transfer })
          : new DragEvent('drop', { ...options, dataTransfer: transfer });
      document.body.dispatchEvent(event);
    },
    { kind, name, type, text: Buffer.from(bytes).toString('base64') },
  );
}

export const drop = (page, name, bytes, type) => give(page, 'drop', name, bytes, type);

export const waitFor = (page, id, pattern) =>
  page.waitForFunction(
    ([id, source]) => new RegExp(source).test(document.getElementById(id).textContent),
    [id, pattern.source],
    {
      timeout: 30_000,
    },
  );

async function photograph({ without, url, out }) {
  const { page, context, faults } = await open(without, url);
  await drop(page, basename(PICTURE), readFileSync(PICTURE), 'image/png');
  await waitFor(page, 'status', /faces in the photograph/);
  const [looked] = await lookedAtAll(page, 1);
  writeFileSync(join(out, 'photograph.json'), JSON.stringify(looked));
  const cards = page.locator('#faces > li');
  assert.equal(await cards.count(), looked.faces.length);
  assert.ok(looked.faces.length > 10, `${looked.faces.length} faces`);
  const sizes = looked.faces.map(({ box }) => box[2] - box[0]);
  assert.deepEqual(
    sizes,
    [...sizes].sort((a, b) => b - a),
    'the largest is not first',
  );
  // Another one of the list is shown in full.
  await cards.nth(2).locator('button').click();
  await page.waitForFunction(() => window.told.looked.at(-1).chosen === 2);
  const third = looked.faces[2];
  assert.equal(await textOf(page, 'label'), `${third.label} ${third.confidence.toFixed(2)}`);
  // A model that is chosen answers for the photograph that is open.
  await page.getByRole('radio', { name: 'pico' }).check();
  await waitFor(page, 'model-words', /^pico answers now/);
  await page.waitForFunction((crc) => window.told.looked.at(-1).crc !== crc, looked.crc);
  for (const kind of ['paste', 'button']) {
    const before = await page.evaluate(() => window.told.looked.length);
    if (kind === 'paste') await give(page, 'paste', 'image.png', readFileSync(PICTURE), 'image/png');
    else await page.setInputFiles('#photograph-file', PICTURE);
    await page.waitForFunction((count) => window.told.looked.length > count, before);
    assert.equal(await cards.count(), looked.faces.length, kind);
  }
  assert.deepEqual(faults, []);
  await context.close();
  return { faces: looked.faces.length };
}

// Other sizes: a photograph that is too large is made smaller; one without a face says so.
async function sizes({ without, url }) {
  const { page, context, faults } = await open(without, url);
  const pictures = { wide: [6000, 1500], tiny: [1, 1], tall: [300, 4500] };
  for (const [name, [columns, rows]] of Object.entries(pictures)) {
    const address = await page.evaluate(
      ([columns, rows]) => {
        const canvas = Object.assign(document.createElement('canvas'), { width: columns, height: rows });
        canvas.getContext('2d').fillRect(0, 0, columns, rows);
        return canvas.toDataURL();
      },
      [columns, rows],
    );
    const before = await page.evaluate(() => window.told.looked.length);
    await drop(page, `${name}.png`, Buffer.from(address.split(',')[1], 'base64'), 'image/png');
    await page.waitForFunction((count) => window.told.looked.length > count, before, { timeout: 60_000 });
    const side = await page.evaluate(() => Math.max(window.told.looked.at(-1).columns, window.told.looked.at(-1).rows));
    assert.equal(side, Math.min(Math.max(columns, rows), 4096), name);
    assert.equal(await textOf(page, 'status'), 'No face in the photograph.');
    assert.equal(await textOf(page, 'label'), 'no face');
  }
  assert.deepEqual(faults, []);
  await context.close();
}

async function brokenFiles({ without, url }) {
  const { page, context, faults } = await open(without, url);
  const crc = await textOf(page, 'model-crc');
  const whole = model('pico');
  const damaged = Buffer.from(whole);
  damaged[5000] ^= 1;
  const words = {};
  for (const [name, bytes] of Object.entries({
    'damaged.fer': damaged,
    'short.fer': whole.subarray(0, 4000),
    'empty.fer': Buffer.alloc(0),
  })) {
    await drop(page, name, bytes);
    await waitFor(page, 'model-words', new RegExp(`^${name}: .+ edge goes on\\.$`));
    words[name] = await textOf(page, 'model-words');
    assert.equal(await textOf(page, 'model-crc'), crc);
    assert.ok(await page.getByRole('radio', { name: 'edge' }).isChecked());
  }
  await drop(page, 'notes.txt', Buffer.from('no picture, no model'), 'text/plain');
  await waitFor(page, 'status', /^notes\.txt is no picture/);
  await drop(page, 'photo.png', readFileSync(PICTURE).subarray(0, 900), 'image/png');
  await waitFor(page, 'status', /^photo\.png is no picture/);
  assert.deepEqual(faults, []);
  await context.close();
  return { words };
}

async function ownModel({ without, url }) {
  const { page, context, faults } = await open(without, url);
  for (const [name, bytes, expected] of [
    ['mine.fer', model('levorse'), 'levorse'],
    ['mine.fer', model('pico'), 'pico'],
  ]) {
    await drop(page, name, bytes);
    await waitFor(page, 'model-words', new RegExp(`^${expected} answers now`));
    assert.equal(await textOf(page, 'model-name'), expected);
    assert.ok(await page.getByRole('radio', { name: 'mine.fer' }).isChecked());
  }
  // A file of the same name takes the place of the one before.
  assert.equal(await page.getByRole('radio').count(), 5);
  // The arrow keys choose among models, as among all radio buttons.
  await page.getByRole('radio', { name: 'edge' }).focus();
  for (const name of ['pi', 'pico', 'levorse']) {
    await page.keyboard.press('ArrowDown');
    await waitFor(page, 'model-words', new RegExp(`^${name} answers now`));
  }
  await page.setInputFiles('#model-file', join(root, 'firmware/models/edge.fer'));
  await waitFor(page, 'model-words', /^edge answers now/);
  assert.deepEqual(faults, []);
  await context.close();
}

async function uf2({ without, url, out }) {
  const { page, context, faults } = await open(without, url);
  const saved = [];
  for (const [board, name] of [
    ['pico', 'pico'],
    ['pico2', 'edge'],
  ]) {
    await page.getByRole('radio', { name }).check();
    await waitFor(page, 'model-words', new RegExp(`^${name} answers now`));
    const download = page.waitForEvent('download');
    await page.click(`#uf2-${board}`);
    const file = await download;
    assert.equal(file.suggestedFilename(), `${name}-${board}.uf2`);
    await file.saveAs(join(out, file.suggestedFilename()));
    const bytes = readFileSync(join(out, file.suggestedFilename()));
    assert.ok(bytes.length % 512 === 0 && bytes.readUInt32LE(0) === 0x0a324655, 'no UF2 file');
    await waitFor(page, 'uf2-words', /is saved: [\d,]+ bytes/);
    saved.push({ name: file.suggestedFilename(), bytes: bytes.length });
  }
  assert.deepEqual(faults, []);
  await context.close();
  return { saved };
}

export const files = { photograph, sizes, broken: brokenFiles, own: ownModel, uf2 };
