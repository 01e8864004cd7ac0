// The device's answer beside the page's own.

const NONE = '–';

const boxWords = ([left, top, right]) => {
  const side = Math.round(right - left);
  return `${Math.round(left)},${Math.round(top)} ${side}x${side}`;
};

const answerWords = ({ label, uncertain, probabilities }) =>
  `${label.toLowerCase()} ${Math.max(...probabilities).toFixed(2)}${uncertain ? ', uncertain' : ''}`;

export class Comparison {
  #parts;
  #same = 0;
  #different = 0;

  /** `parts` are the cells `page` and `device`, with `answer`, `face`, `time` and `logits` each, and `verdict`. */
  constructor(parts) {
    this.#parts = parts;
    this.clear();
  }

  clear() {
    this.#same = this.#different = 0;
    for (const cells of [this.#parts.page, this.#parts.device]) {
      for (const cell of Object.values(cells)) cell.textContent = NONE;
    }
    this.#parts.verdict.textContent =
      'Nothing compared yet: start the camera, open a photograph, or see the drawn faces.';
  }

  /** `offer` is what the page saw, `sees` what the device saw in the same picture, `result` its answer for the same 48x48 bytes;
   * `isSame` says whether both run the same model. */
  show({ offer, sees, result, isSame, model }) {
    const { page, device } = this.#parts;
    const { face } = offer;
    page.answer.textContent = face ? answerWords(face) : 'no face';
    page.face.textContent = face?.box ? boxWords(face.box) : NONE;
    page.time.textContent = `${offer.milliseconds.toFixed(1)} ms`;
    page.logits.textContent = face ? face.logits.join(' ') : NONE;
    const answer = sees ? sees.face?.emotion : result;
    device.answer.textContent = answer ? answerWords(answer) : 'no face';
    device.face.textContent = NONE;
    if (sees?.face) {
      const { left, top, side } = sees.face.bounds;
      device.face.textContent = boxWords(
        [left, top, left + side].map((place) => place * sees.scale * offer.picture.scale),
      );
    }
    device.time.textContent = `${((sees ?? result)?.microseconds / 1000 || 0).toFixed(1)} ms`;
    const logits = result?.logits.slice(0, face.logits.length);
    device.logits.textContent = logits ? logits.join(' ') : NONE;
    this.#judge({ face, logits, isSame, model, crc: offer.crc, crop: face?.crop });
  }

  #judge({ face, logits, isSame, model, crc, crop }) {
    const { verdict } = this.#parts;
    if (!isSame) {
      verdict.textContent = `The device runs model ${model} and the page ${crc}: only the same model gives the same logits. Put the page’s model on it, or choose the device’s here.`;
      return;
    }
    if (!logits) return;
    const same = logits.every((logit, index) => logit === face.logits[index]);
    if (same) this.#same++;
    else this.#different++;
    const faces = (count) => `${count} ${count === 1 ? 'face' : 'faces'}`;
    verdict.textContent = this.#different
      ? `The logits differ for ${faces(this.#different)} of ${this.#same + this.#different}. Update the older of firmware and page.`
      : `The logits are the same bytes, for all of ${faces(this.#same)} so far.`;
    verdict.classList.toggle('same', !this.#different);
    document.dispatchEvent(new CustomEvent('compared', { detail: { crop, page: face.logits, device: logits, same } }));
  }
}
