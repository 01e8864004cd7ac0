// Grey bytes of what browsers show.

/** Formats of video whose first plane is the luma, eight bits a pixel. */
const WITH_LUMA = new Set(['I420', 'I420A', 'I422', 'I422A', 'I444', 'I444A', 'NV12', 'NV12A']);

/** Rec. 709 luma in whole numbers, cut off: what the trainer's reading of images computes. */
export function luma(rgba) {
  const grey = new Uint8Array(rgba.length / 4);
  for (let pixel = 0, at = 0; pixel < grey.length; pixel++, at += 4) {
    // An array of bytes cuts the fraction off.
    grey[pixel] = (2126 * rgba[at] + 7152 * rgba[at + 1] + 722 * rgba[at + 2]) / 10000;
  }
  return grey;
}

/** Paints grey bytes on a canvas, which takes their size. */
export function paintGrey(canvas, grey, columns, rows) {
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const image = new ImageData(columns, rows);
  for (let pixel = 0, at = 0; pixel < grey.length; pixel++, at += 4) {
    image.data[at] = image.data[at + 1] = image.data[at + 2] = grey[pixel];
    image.data[at + 3] = 255;
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}

/** The grey bytes of all that `draw` paints on a canvas of this size. */
function greyOfDrawing(canvas, columns, rows, draw) {
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  draw(context);
  return { grey: luma(context.getImageData(0, 0, columns, rows).data), columns, rows, stride: columns };
}

/** The luma plane as the camera made it, if the browser gives it; else null. */
async function lumaPlane(video) {
  if (typeof VideoFrame !== 'function') return null;
  let frame;
  try {
    frame = new VideoFrame(video);
    // A frame that is shown turned or mirrored has other bytes than the eye sees.
    if (!WITH_LUMA.has(frame.format) || frame.rotation || frame.flip) return null;
    const bytes = new Uint8Array(frame.allocationSize());
    const [{ offset, stride }] = await frame.copyTo(bytes);
    const { width: columns, height: rows } = frame.visibleRect;
    return { grey: bytes.subarray(offset, offset + stride * rows), columns, rows, stride };
  } catch {
    // A browser may name a format and then not hand it out.
    return null;
  } finally {
    frame?.close();
  }
}

const canvasOfVideo = document.createElement('canvas');

/** The frame that a video shows: grey bytes, columns, rows, stride; null before its first. */
export async function greyOfVideo(video) {
  const { videoWidth: columns, videoHeight: rows } = video;
  if (!columns || !rows) return null;
  const plane = await lumaPlane(video);
  if (plane) return { ...plane, from: 'luma plane' };
  const drawn = greyOfDrawing(canvasOfVideo, columns, rows, (context) => context.drawImage(video, 0, 0, columns, rows));
  return { ...drawn, from: 'canvas' };
}

/** What a canvas shows. */
export function greyOfCanvas(canvas) {
  const { width: columns, height: rows } = canvas;
  const { data } = canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, 0, columns, rows);
  return { grey: luma(data), columns, rows, stride: columns, from: 'canvas' };
}

/** The next frame of a video; where the browser cannot tell, the next that it paints. */
export const nextFrame = (video) =>
  new Promise((resolve) => {
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(resolve);
    else requestAnimationFrame(resolve);
  });
