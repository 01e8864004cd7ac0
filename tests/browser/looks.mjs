// How the page looks and is used: widths, light and dark, keyboard, contrast, steadiness.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { open } from './browser.mjs';
import { PICTURE, drop, waitFor } from './files.mjs';
import { lookedAt } from './live.mjs';

const SIZES = [
  [360, 800],
  [768, 1024],
  [1280, 900],
];

async function screenshots({ withCamera, url, out }) {
  const files = [];
  for (const [width, height] of SIZES) {
    for (const colorScheme of ['light', 'dark']) {
      const { page, context, faults } = await open(withCamera, url, { viewport: { width, height }, colorScheme });
      const take = async (what, fullPage) => {
        const file = `${what}-${width}-${colorScheme}.png`;
        await page.screenshot({ path: join(out, file), fullPage });
        files.push(file);
      };
      await page.click('#camera');
      await lookedAt(page, 40);
      await take('page', false);
      await take('whole', true);
      await fitsIn(page, width);
      await drop(page, 'faces.png', readFileSync(PICTURE), 'image/png');
      await waitFor(page, 'status', /in the photograph/);
      await take('photograph', true);
      await fitsIn(page, width);
      await contrast(page);
      assert.deepEqual(faults, []);
      await context.close();
    }
  }
  return { files };
}

async function fitsIn(page, width) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `the page is ${wide} pixels wide in a window of ${width}`);
}

// Contrast of every text against its ground (WCAG 2.2, 1.4.3): at least 4.5, of large text 3.
async function contrast(page) {
  const weak = await page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const levels = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const luminance = (colour) => {
      const [r, g, b] = levels(colour).map((level) =>
        level / 255 <= 0.04045 ? level / 255 / 12.92 : ((level / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const groundOf = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (levels(backgroundColor)[3] === 255) return backgroundColor;
      }
      return 'white';
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const element = texts.currentNode.parentElement;
      if (!texts.currentNode.textContent.trim() || !element.checkVisibility() || element.closest(':disabled, noscript'))
        continue;
      const style = getComputedStyle(element);
      const [a, b] = [luminance(style.color), luminance(groundOf(element))].sort((x, y) => y - x);
      const large = parseFloat(style.fontSize) >= 24;
      const ratio = (a + 0.05) / (b + 0.05);
      if (ratio < (large ? 3 : 4.5))
        found.push(`${ratio.toFixed(2)}: ${texts.currentNode.textContent.trim().slice(0, 40)}`);
    }
    return found;
  });
  assert.deepEqual(weak, []);
}

// By Tab alone: everything that can be used is reached in the order of the page, is named, and shows that it is.
async function keyboard({ without, url }) {
  const { page, context, faults } = await open(without, url);
  const reached = [];
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const style = getComputedStyle(element);
      const visible =
        element.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
      return { id: element.id, name: element.tagName, visible, text: element.textContent.trim() };
    });
    if (!at || reached.some(({ id, text }) => id === at.id && text === at.text && at.name !== 'INPUT')) break;
    assert.ok(at.visible, `the focus on ${at.id || at.text} is not to be seen`);
    reached.push(at);
  }
  const ids = reached.map(({ id }) => id);
  for (const id of [
    'camera',
    'photograph',
    'drawn',
    'mirror',
    'own-model',
    'uf2-pico',
    'uf2-pico2',
    'serial',
    'address',
    'socket',
  ]) {
    assert.ok(ids.includes(id), `Tab does not reach #${id}: ${ids}`);
  }
  assert.ok(reached.some(({ name }) => name === 'SUMMARY'));
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll('button, input, select, canvas[role], video')]
      .filter((element) => !(element.textContent.trim() || element.ariaLabel || element.labels?.length))
      .map(({ id }) => id),
  );
  assert.deepEqual(nameless, []);
  // The first Tab skips to the picture.
  await page.reload();
  await page.waitForSelector('body[data-ready]');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'camera');
  await page.focus('#drawn');
  await page.keyboard.press('Space');
  await lookedAt(page, 3);
  await page.keyboard.press('Enter');
  await waitFor(page, 'status', /^Stopped\.$/);
  assert.deepEqual(faults, []);
  await context.close();
  return { reached: ids.filter(Boolean).length };
}

// Nothing moves when answers change, and screen readers hear of them at most every two seconds.
async function steady({ withCamera, url }) {
  const shifts = {};
  for (const width of [360, 1280]) {
    const { page, context, faults } = await open(withCamera, url, { viewport: { width, height: 900 } });
    await page.evaluate(() => {
      window.said = [];
      const spoken = document.getElementById('spoken');
      new MutationObserver(() => window.said.push([performance.now(), spoken.textContent])).observe(spoken, {
        childList: true,
      });
    });
    await page.click('#camera');
    await lookedAt(page, 5);
    const before = await page.evaluate(() => window.told.shifts);
    // The video has several faces, and a while without one.
    await page.waitForFunction(() => window.said.length >= 4, null, { timeout: 60_000 });
    shifts[width] = (await page.evaluate(() => window.told.shifts)) - before;
    assert.equal(shifts[width], 0, `the layout moves at a width of ${width}`);
    const said = await page.evaluate(() => window.said);
    for (let index = 1; index < said.length; index += 1) {
      assert.ok(said[index][0] - said[index - 1][0] >= 1990, 'it speaks too often');
      assert.notEqual(said[index][1], said[index - 1][1], 'it says the same again');
    }
    assert.deepEqual(faults, []);
    await context.close();
  }
  return { shifts };
}

export const looks = { screenshots, keyboard, steady };
