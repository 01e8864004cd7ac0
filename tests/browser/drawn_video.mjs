// Videos for Chromium's fake camera, in Y4M with the planes that it expects (4:2:0).
//
//   node tests/browser/drawn_video.mjs FILE.y4m      the built-in drawn faces wander, tilt and change

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [NARROW, LOW] = [320, 240];
const RATE = 15;
const SIDE = 48;
const SCALE = 2;
const FRAMES_A_FACE = 20;
// The seventh drawn face is followed by a while without one.
const TURNS = 8;

// The grey levels of a frame: a face at (x, y), tilted, on a ground that grows lighter to the right.
function drawn(face, times, x, y, tilt) {
  const [columns, rows, scale] = [NARROW, LOW, SCALE].map((length) => times * length);
  const grey = Buffer.alloc(columns * rows);
  const [cosine, sine] = [Math.cos(tilt), Math.sin(tilt)];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [dx, dy] = [column - times * x, row - times * y];
      const across = Math.floor((cosine * dx + sine * dy) / scale + SIDE / 2);
      const down = Math.floor((cosine * dy - sine * dx) / scale + SIDE / 2);
      const inside = face && across >= 0 && across < SIDE && down >= 0 && down < SIDE;
      grey[row * columns + column] = inside ? face[down * SIDE + across] : 90 + (column * 60) / columns;
    }
  }
  return grey;
}

function y4m(columns, rows, rate, frames) {
  const colour = Buffer.alloc(2 * Math.ceil(columns / 2) * Math.ceil(rows / 2), 128);
  const parts = [Buffer.from(`YUV4MPEG2 W${columns} H${rows} F${rate} Ip A1:1 C420jpeg\n`)];
  for (const frame of frames) parts.push(Buffer.from('FRAME\n'), frame, colour);
  return Buffer.concat(parts);
}

// The faces wander, tilt and change, `times` as large as 320x240.
export function drawnVideo(times = 1) {
  const faces = readFileSync(fileURLToPath(new URL('../../firmware/models/demo_faces.bin', import.meta.url)));
  const frames = [];
  for (let number = 0; number < TURNS * FRAMES_A_FACE; number += 1) {
    const which = Math.floor(number / FRAMES_A_FACE);
    const face = which < TURNS - 1 ? faces.subarray(which * SIDE * SIDE, (which + 1) * SIDE * SIDE) : null;
    const x = NARROW / 2 + 90 * Math.sin(number / 17);
    const y = LOW / 2 + 55 * Math.sin(number / 23);
    frames.push(drawn(face, times, x, y, 0.35 * Math.sin(number / 9)));
  }
  return y4m(times * NARROW, times * LOW, `${RATE}:1`, frames);
}

// The same video with planes of colour, if it is grey alone.
export function withColour(video) {
  const end = video.indexOf('\n');
  const header = video.subarray(0, end).toString();
  if (!/ Cmono( |$)/.test(header)) return video;
  const field = (letter) => header.match(new RegExp(` ${letter}(\\S+)`))[1];
  const [columns, rows] = [Number(field('W')), Number(field('H'))];
  const frames = [];
  for (let at = end + 1; at < video.length; at += columns * rows) {
    at = video.indexOf('\n', at) + 1;
    frames.push(video.subarray(at, at + columns * rows));
  }
  return y4m(columns, rows, field('F'), frames);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(process.argv[2], drawnVideo());
