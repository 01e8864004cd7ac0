// Box, eyes and label over a picture.

/** Where a picture of these sides lies in a larger area that it fits into whole, in the middle. */
function placed(columns, rows, width, height) {
  const scale = Math.min(width / columns, height / rows);
  return { scale, left: (width - scale * columns) / 2, top: (height - scale * rows) / 2 };
}

export class Overlay {
  #canvas;
  #last = null;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  /** Marks faces of a picture of these sides; `mirrored` if it is shown so; `chosen` is the index of the one that stands out. */
  show({ columns, rows, faces, mirrored = false, chosen = 0 }) {
    this.#last = { columns, rows, faces, mirrored, chosen };
    this.#draw();
  }

  clear() {
    this.#last = null;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const dots = window.devicePixelRatio || 1;
    Object.assign(this.#canvas, { width: Math.round(width * dots), height: Math.round(height * dots) });
    if (!this.#last || !width) return;
    const context = this.#canvas.getContext('2d');
    context.scale(dots, dots);
    const { columns, rows, faces, mirrored, chosen } = this.#last;
    const { scale, left, top } = placed(columns, rows, width, height);
    const across = (x) => left + scale * (mirrored ? columns - x : x);
    const down = (y) => top + scale * y;
    // The one that stands out lies on top.
    const order = faces.map((_, index) => index).sort((a, b) => (a === chosen) - (b === chosen));
    for (const index of order) drawFace(context, faces[index], { across, down, width, chosen: index === chosen });
  }
}

function drawFace(context, face, { across, down, width, chosen }) {
  const [x0, x1] = [across(face.box[0]), across(face.box[2])].sort((a, b) => a - b);
  const [y0, y1] = [down(face.box[1]), down(face.box[3])];
  // White on black is seen on any picture.
  const stroke = (path) => {
    for (const [style, lineWidth] of [
      ['rgb(0 0 0 / 0.65)', chosen ? 5 : 4],
      ['white', chosen ? 2.5 : 1.5],
    ]) {
      Object.assign(context, { strokeStyle: style, lineWidth });
      context.stroke(path);
    }
  };
  const box = new Path2D();
  box.roundRect(x0, y0, x1 - x0, y1 - y0, 6);
  stroke(box);
  for (const [x, y] of face.eyes) {
    const eye = new Path2D();
    // The middle of the first pixel is (0, 0).
    eye.arc(across(x + 0.5), down(y + 0.5), Math.min(3, (x1 - x0) / 16), 0, 2 * Math.PI);
    stroke(eye);
  }
  const words = face.uncertain
    ? `${face.label}? ${face.confidence.toFixed(2)}`
    : `${face.label} ${face.confidence.toFixed(2)}`;
  context.font = `${chosen ? 600 : 400} 15px system-ui, sans-serif`;
  const wide = context.measureText(words).width + 12;
  // Where many faces are small, their list names them.
  if (!chosen && wide > x1 - x0 + 8) return;
  const x = Math.min(Math.max(x0, 2), width - wide - 2);
  const y = y0 > 26 ? y0 - 26 : y1 + 4;
  context.fillStyle = 'rgb(0 0 0 / 0.75)';
  context.beginPath();
  context.roundRect(x, y, wide, 22, 5);
  context.fill();
  context.fillStyle = 'white';
  context.textBaseline = 'middle';
  context.fillText(words, x + 6, y + 11.5);
}
