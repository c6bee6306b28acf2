/** A canvas to draw on with a mouse, a finger or a pen. It keeps strokes, not pixels. */

const PEN = 0.06;

export class Pad {
  #canvas;
  #context;
  #onChange;
  #strokes = [];
  #pointer = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(strokes: { x: number, y: number }[][]) => void} onChange is called whenever what is
   *   drawn has changed; coordinates go from 0 to 1.
   */
  constructor(canvas, onChange) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#onChange = onChange;
    canvas.addEventListener("pointerdown", (event) => this.#start(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => (this.#pointer = null));
    }
  }

  clear() {
    this.#pointer = null;
    this.show([]);
  }

  /** Show `strokes` in place of what is there. */
  show(strokes) {
    this.#strokes = strokes;
    this.#changed();
  }

  /** Draw again in the colour that the canvas has now. */
  paint() {
    const { width, height } = this.#canvas;
    const context = this.#context;
    context.clearRect(0, 0, width, height);
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = PEN * width;
    context.lineCap = "round";
    context.lineJoin = "round";
    for (const stroke of this.#strokes) {
      context.beginPath();
      for (const { x, y } of stroke) context.lineTo(x * width, y * height);
      // A path of one point draws nothing, but a tap means a dot.
      if (stroke.length === 1) context.lineTo(stroke[0].x * width, stroke[0].y * height);
      context.stroke();
    }
  }

  #start(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#strokes = [...this.#strokes, [this.#point(event)]];
    this.#changed();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    // Between two frames a pointer moves more than once.
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length > 0 ? events : [event]).map((each) => this.#point(each));
    this.#strokes.at(-1).push(...points);
    this.#changed();
  }

  #point(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  #changed() {
    this.paint();
    this.#onChange(this.#strokes);
  }
}
