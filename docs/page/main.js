// The page: ties sources, core, answers and device together.
//
//   main.js         this file
//   core.js         the core's calls; engine.js and worker.js run one in a worker
//   camera.js, drawn.js, photographs.js   what is looked at; frames.js makes grey bytes of it, live.js looks at frame after frame
//   answer.js, overlay.js, strip.js       what is shown
//   models.js, intake.js                  models and files
//   device.js, comparison.js, link.js, transports.js   a device beside the page
//
// For tests, the document gets an event for everything that was looked at: `looked`, whose detail holds the grey bytes and the answer.

import { Answer } from './answer.js';
import { Camera, cameras } from './camera.js';
import { compileCore, Core } from './core.js';
import { Device } from './device.js';
import { DrawnFaces } from './drawn.js';
import { Engine } from './engine.js';
import { fileButton, save, takeFiles } from './intake.js';
import { Live } from './live.js';
import { finderFile, Models } from './models.js';
import { Overlay } from './overlay.js';
import { buttons, element, parts } from './parts.js';
import { decode, Photographs } from './photographs.js';
import { Strip } from './strip.js';

const [video, picture, status] = ['video', 'picture', 'status'].map(element);

const engine = new Engine();
const overlay = new Overlay(element('overlay'));
const answer = new Answer(parts.answer);
const strip = new Strip(parts.strip);
const camera = new Camera(video);
const live = new Live(engine, { seen, failed: ({ message }) => end(message) });
const photographs = new Photographs(engine, parts.photographs, photographSeen);
const models = new Models(engine, parts.models, modelTaken);
let device;
let drawn;

/** What the page does: nothing, or `camera`, `drawn` or `photograph`. */
let mode = null;

/** Words about what happens; `problem` if something failed. */
function say(words, problem = false) {
  status.textContent = words;
  status.classList.toggle('problem', problem);
}

function enter(next) {
  mode = next;
  document.body.dataset.mode = next ?? '';
  video.hidden = next !== 'camera';
  picture.hidden = next !== 'drawn' && next !== 'photograph';
  element('empty').hidden = next !== null;
  buttons.camera.textContent = next === 'camera' ? 'Stop camera' : 'Start camera';
  buttons.drawn.textContent = next === 'drawn' ? 'Stop drawn faces' : 'Drawn faces';
  if (next !== 'photograph') photographs.close();
  mirror();
}

/** Ends what runs. With words, they say why. */
function end(words) {
  live.stop();
  enter(null);
  device.offer(null);
  overlay.clear();
  answer.clear();
  answer.times(null, null);
  say(words ?? 'Stopped.', words !== undefined);
}

/** Only a camera's picture is shown mirrored; its coordinates stay those of its bytes. */
const isMirrored = () => mode === 'camera' && element('mirror').checked;
const mirror = () => video.classList.toggle('mirrored', isMirrored());

function seen({
  answer: { face: found, line, milliseconds, size, ...rest },
  face,
  searched,
  grey,
  columns,
  rows,
  stride,
  from,
  rate,
}) {
  overlay.show({ columns, rows, faces: found ? [found] : [], mirrored: isMirrored() });
  answer.show(face, line);
  answer.times(milliseconds, rate);
  strip.add(face);
  element('frame-from').textContent = `${columns}x${rows}, from its ${from}`;
  const small = { grey: searched, columns: size[0], rows: size[1], scale: columns / size[0] };
  const { crc } = models.current.info;
  device.offer({ picture: small, video: true, face, crc, milliseconds: milliseconds.whole });
  const detail = {
    grey,
    columns,
    rows,
    stride,
    from,
    searched,
    size,
    crc,
    answer: { face: found, line, milliseconds, size, ...rest },
    face,
  };
  document.dispatchEvent(new CustomEvent('looked', { detail }));
}

function photographSeen({ frame, faces, chosen, face, milliseconds }) {
  overlay.show({ columns: frame.columns, rows: frame.rows, faces, chosen });
  answer.show(face);
  answer.times({ whole: milliseconds }, null);
  element('frame-from').textContent = `${frame.columns}x${frame.rows}`;
  const count = `${faces.length} ${faces.length === 1 ? 'face' : 'faces'}`;
  say(faces.length ? `${count} in the photograph.` : 'No face in the photograph.');
  const { crc } = models.current.info;
  device.offer({ picture: { ...frame, scale: 1 }, video: false, face, crc, milliseconds });
  document.dispatchEvent(new CustomEvent('looked', { detail: { ...frame, crc, faces, chosen, face } }));
}

async function startCamera(chosen) {
  live.stop();
  say('Waiting for the camera: the browser asks for it…');
  try {
    await camera.start({ device: chosen, ended: (words) => mode === 'camera' && end(words) });
  } catch (error) {
    return end(error.message);
  }
  element('mirror').checked = !camera.looksAway;
  enter('camera');
  answer.clear();
  strip.clear();
  say('The camera runs. Its pictures stay in this page.');
  live.run(camera);
  const choices = await cameras();
  const list = element('cameras');
  list.replaceChildren(
    ...choices.map(({ deviceId, label }, index) => new Option(label || `Camera ${index + 1}`, deviceId)),
  );
  list.value = camera.device ?? '';
  element('camera-choice').hidden = choices.length < 2;
}

async function startDrawn() {
  live.stop();
  drawn ??= new DrawnFaces(picture, await engine.ask('drawnFaces'));
  enter('drawn');
  strip.clear();
  say('Faces that the program draws, as a video. No camera is used.');
  drawn.start();
  live.run(drawn);
}

async function openPhotograph(file) {
  let bitmap;
  try {
    bitmap = await decode(file);
  } catch (error) {
    return say(error.message, true);
  }
  live.stop();
  enter('photograph');
  overlay.clear();
  say('Looking for faces…');
  try {
    await photographs.show(bitmap);
  } catch (error) {
    end(error.message);
  }
}

function modelTaken(info) {
  answer.labels(info.labels);
  strip.labels(info.labels);
  photographs.labels(info.labels);
  if (mode === 'photograph' && photographs.open) photographs.search().catch(({ message }) => end(message));
}

async function makeUf2(board) {
  const words = element('uf2-words');
  words.textContent = 'Making the file…';
  try {
    const { bytes, name, holds } = await models.uf2(board);
    save(bytes, name);
    words.textContent = `${name} is saved: ${bytes.length.toLocaleString('en')} bytes, ${holds}.`;
  } catch (error) {
    words.textContent = error.message;
  }
}

function listen() {
  const take = takeFiles({ model: (file) => models.open(file), photograph: openPhotograph });
  buttons.camera.addEventListener('click', () => (mode === 'camera' ? end() : startCamera()));
  buttons.drawn.addEventListener('click', () => (mode === 'drawn' ? end() : startDrawn()));
  fileButton(buttons.photograph, element('photograph-file'), take);
  fileButton(buttons.model, element('model-file'), (file) => models.open(file));
  buttons.pico.addEventListener('click', () => makeUf2('pico'));
  buttons.pico2.addEventListener('click', () => makeUf2('pico2'));
  element('mirror').addEventListener('change', mirror);
  element('cameras').addEventListener('change', ({ target }) => startCamera(target.value));
}

async function start() {
  say('Loading the core…');
  try {
    const module = await compileCore();
    const [core, { finder, simd }] = await Promise.all([
      Core.start(module),
      finderFile().then((file) => engine.ask('start', { module, finder: file })),
    ]);
    await models.start();
    element('kernels').textContent = simd ? 'SIMD (simd128)' : 'without SIMD';
    element('finder-crc').textContent = finder.crc;
    device = new Device(parts.device, core, models);
  } catch (error) {
    return say(error.message, true);
  }
  listen();
  for (const button of Object.values(buttons)) button.disabled = false;
  say('Ready.');
  document.body.dataset.ready = 'true';
}

enter(null);
start();
