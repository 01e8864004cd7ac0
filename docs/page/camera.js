// A webcam as a source of frames.

import { greyOfVideo, nextFrame } from './frames.js';

const ELSE = 'Open a photograph, or see the drawn faces, meanwhile.';

/** Why there is no camera, and what to do. */
export function cameraWords(error) {
  switch (error.name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
      return `The camera was refused. Allow it for this page, by the symbol beside the address, and press Start camera again. If it stays refused, allow this browser the camera in the system's privacy settings. ${ELSE}`;
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return `There is no camera. Plug one in and press Start camera again. ${ELSE}`;
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return `The camera is busy or does not start. Close other programs and pages that use it, and press Start camera again. ${ELSE}`;
    case 'OverconstrainedError':
      return 'That camera is gone. Choose another one.';
    case 'SecurityError':
      return `This browser gives no camera to this page. ${ELSE}`;
    default:
      return `The camera does not start: ${error.message || error.name}. ${ELSE}`;
  }
}

/** Why this page cannot even ask for a camera; null if it can. */
function refusal() {
  if (navigator.mediaDevices?.getUserMedia) return null;
  if (!window.isSecureContext) {
    return `Browsers give a camera only to pages from https, or from this computer (localhost). This one came by plain http. To serve it from your own computer: host-trainer page --serve 127.0.0.1:8000. ${ELSE}`;
  }
  return `This browser has no cameras for pages. ${ELSE}`;
}

export class Camera {
  #video;
  #stream;

  /** `video` shows the camera's picture. */
  constructor(video) {
    this.#video = video;
  }

  /** Starts it. `ended` is called with words if it stops by itself. Throws an Error with words for a person. */
  async start({ device, ended }) {
    const words = refusal();
    if (words) throw new Error(words);
    const wish = {
      width: { ideal: 640 },
      height: { ideal: 480 },
      ...(device ? { deviceId: { exact: device } } : { facingMode: 'user' }),
    };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: wish, audio: false });
      this.#video.srcObject = this.#stream;
      await this.#video.play();
    } catch (error) {
      this.stop();
      throw new Error(cameraWords(error));
    }
    this.#track.addEventListener('ended', () => {
      this.stop();
      ended('The camera stopped: it was unplugged, or its permission was taken back. Press Start camera to try again.');
    });
  }

  get #track() {
    return this.#stream.getVideoTracks()[0];
  }

  /** The camera that runs. */
  get device() {
    return this.#track.getSettings().deviceId;
  }

  /** Whether it looks away from the user, as a phone's second one does: then its picture is not shown mirrored. */
  get looksAway() {
    return this.#track.getSettings().facingMode === 'environment';
  }

  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  next() {
    return nextFrame(this.#video);
  }

  read() {
    return greyOfVideo(this.#video);
  }
}

/** The cameras there are, with names once one was allowed. */
export async function cameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId);
}
