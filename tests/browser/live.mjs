// Cameras and drawn faces.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { open, start } from './browser.mjs';
import { drawnVideo } from './drawn_video.mjs';

// Frames that are compared, at least and at most.
const FRAMES = 60;
const MOST = 300;

export const textOf = (page, id) => page.locator(`#${id}`).textContent();

// Waits until the page has looked so many times, more than before.
export async function lookedAt(page, count, timeout = 60_000) {
  const before = await page.evaluate(() => window.told.looked.length);
  await page.waitForFunction((enough) => window.told.looked.length >= enough, before + count, { timeout });
}

// What the page looked at, bytes in base64. The page sends pieces of 16 KiB to btoa, which takes a string.
export const lookedAtAll = (page, most) =>
  page.evaluate((count) => {
    const encoded = (bytes) => {
      let text = '';
      for (let at = 0; at < bytes.length; at += 16_384) text += String.fromCharCode(...bytes.subarray(at, at + 16_384));
      return btoa(text);
    };
    const plain = (value) => {
      if (ArrayBuffer.isView(value)) return encoded(value);
      if (Array.isArray(value)) return value.map(plain);
      if (value === null || typeof value !== 'object') return value;
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
    };
    // Where the frame was searched as it came, its bytes are told once.
    const told = ({ grey, ...frame }) =>
      frame.searched &&
      frame.stride === frame.size[0] &&
      frame.columns === frame.size[0] &&
      frame.rows === frame.size[1]
        ? frame
        : { ...frame, grey };
    return window.told.looked.slice(0, count).map((frame) => plain(told(frame)));
  }, most);

async function follow({ withCamera, url, out }) {
  const { page, context, faults } = await open(withCamera, url);
  await page.click('#camera');
  await lookedAt(page, FRAMES);
  // The video has a while without a face.
  await page.waitForFunction(() => window.told.looked.some(({ face }) => !face), null, { timeout: 60_000 });
  // The strip and the times are drawn at their own pace.
  await page.waitForFunction(() => / with a face: /.test(document.querySelector('#strip-summary').textContent));
  const frames = await lookedAtAll(page, MOST);
  const faces = frames.filter(({ face }) => face);
  assert.ok(faces.length >= FRAMES / 2, `${faces.length} of ${frames.length} frames have a face`);
  assert.ok(
    frames.every(({ from }) => from === 'luma plane'),
    'frames did not come from the luma plane',
  );
  for (const name of ['time-find', 'time-align', 'time-classify', 'time-whole', 'rate']) {
    assert.match(await textOf(page, name), /^\d+\.\d+$/, `#${name}`);
  }
  assert.match(await textOf(page, 'kernels'), /^SIMD/);
  assert.equal(await page.locator('#bars li').count(), 7);
  const shown = await page.evaluate(() => {
    const { face } = window.told.looked.at(-1);
    return [
      document.querySelector('#label').textContent,
      face ? `${face.label} ${face.confidence.toFixed(2)}` : 'no face',
    ];
  });
  assert.equal(shown[0], shown[1], 'the label is not the answer');
  writeFileSync(join(out, 'frames.json'), JSON.stringify(frames.map((frame) => ({ grey: frame.searched, ...frame }))));
  // The mirrored picture has the coordinates of its bytes: the box is drawn on the other side.
  assert.ok(await page.locator('#video').evaluate((video) => video.classList.contains('mirrored')));
  await page.click('#mirror');
  assert.ok(!(await page.locator('#video').evaluate((video) => video.classList.contains('mirrored'))));
  await page.click('#camera');
  assert.equal(await textOf(page, 'status'), 'Stopped.');
  const stopped = await page.evaluate(() => window.told.looked.length);
  await page.waitForTimeout(300);
  assert.equal(await page.evaluate(() => window.told.looked.length), stopped, 'it went on after Stop');
  assert.equal(await page.locator('#video').evaluate((video) => video.srcObject), null);
  assert.deepEqual(faults, []);
  await context.close();
  return { frames: frames.length, faces: faces.length, labels: [...new Set(faces.map(({ face }) => face.label))] };
}

// A camera of 640x480, whose frames are made smaller.
async function large({ url, out }) {
  const video = join(out, 'large.y4m');
  writeFileSync(video, drawnVideo(2));
  const browser = await start(video);
  const { page, faults } = await open(browser, url);
  await page.click('#camera');
  await lookedAt(page, 15);
  const frames = await lookedAtAll(page, 15);
  for (const { columns, rows, size, grey, face, answer } of frames) {
    assert.deepEqual([columns, rows, ...size], [640, 480, 320, 240]);
    assert.ok(grey, 'the frame as it came is missing');
    if (face) assert.deepEqual(face.box, answer.face.box);
  }
  const found = frames.filter(({ face }) => face);
  assert.ok(found.length >= 10, `${found.length} of 15 frames have a face`);
  // Boxes are in the frame's own pixels: a face of 48 pixels, drawn four times as large, is about that wide.
  for (const { face } of found) assert.ok(face.box[2] - face.box[0] > 100, `a box of ${face.box}`);
  writeFileSync(join(out, 'large.json'), JSON.stringify(frames));
  assert.deepEqual(faults, []);
  await browser.close();
  return { found: found.length };
}

async function fromCanvas({ withCamera, url }) {
  const { page, context, faults } = await open(withCamera, url, { before: [() => delete window.VideoFrame] });
  await page.click('#camera');
  await lookedAt(page, 10);
  const from = await page.evaluate(() => [...new Set(window.told.looked.map((frame) => frame.from))]);
  assert.deepEqual(from, ['canvas']);
  assert.deepEqual(faults, []);
  await context.close();
}

// The faces that the page draws; every answer must be made by both builds of the core alike.
async function drawnFaces({ without, url }) {
  const seen = {};
  for (const kind of ['SIMD', 'without SIMD']) {
    const before = kind === 'SIMD' ? [] : [() => (WebAssembly.validate = () => false)];
    const { page, context, faults } = await open(without, url, { before, reducedMotion: 'reduce' });
    await page.click('#drawn');
    await lookedAt(page, 20);
    assert.ok((await textOf(page, 'kernels')).startsWith(kind), kind);
    const frames = await lookedAtAll(page, 20);
    assert.ok(
      frames.every(({ face }) => face),
      'a drawn face was not found',
    );
    // Without motion the first face stands still.
    assert.equal(new Set(frames.map(({ searched }) => searched)).size, 1);
    seen[kind] = frames.map(({ searched, face }) => ({
      searched,
      logits: face.logits,
      crop: face.crop,
      box: face.box,
    }));
    assert.deepEqual(faults, []);
    await context.close();
  }
  assert.deepEqual(seen.SIMD, seen['without SIMD']);
  return { label: 'the same with and without SIMD' };
}

async function movingFaces({ without, url }) {
  const { page, context, faults } = await open(without, url);
  await page.click('#drawn');
  await lookedAt(page, 60);
  const frames = await lookedAtAll(page, 60);
  const found = frames.filter(({ face }) => face);
  assert.ok(found.length >= 50, `${found.length} of 60 drawn faces were found`);
  assert.ok(new Set(found.map(({ face }) => face.box.join())).size > 20, 'they do not move');
  await page.click('#drawn');
  assert.deepEqual(faults, []);
  await context.close();
  return { found: found.length };
}

export const live = { camera: follow, large, canvas: fromCanvas, drawn: drawnFaces, moving: movingFaces };
