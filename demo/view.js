/** Shows what the model answers, and where its time went. */

const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const tenths = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1 });

/** The probabilities of the ten digits, as bars. */
export class Answer {
  #guess;
  #certainty;
  #rows;

  constructor({ guess, certainty, bars }) {
    this.#guess = guess;
    this.#certainty = certainty;
    this.#rows = Array.from({ length: 10 }, (_, digit) => {
      const fill = element("div", "fill");
      const track = element("div", "track");
      track.append(fill);
      const share = element("span", "percent");
      const row = element("li", "", element("span", "", String(digit)), track, share);
      bars.append(row);
      return { row, fill, share };
    });
    this.show(null);
  }

  /** @param {ArrayLike<number> | null} probabilities null where nothing is drawn */
  show(probabilities) {
    const shares = Array.from(probabilities ?? new Float32Array(10));
    const best = probabilities ? shares.indexOf(Math.max(...shares)) : -1;
    this.#guess.textContent = best < 0 ? "–" : String(best);
    this.#certainty.textContent =
      best < 0 ? "Nothing drawn yet" : `${percent.format(shares[best])} certain`;
    for (const [digit, { row, fill, share }] of this.#rows.entries()) {
      row.classList.toggle("best", digit === best);
      fill.style.setProperty("--share", String(shares[digit]));
      share.textContent = percent.format(shares[digit]);
    }
  }
}

/** The picture that the model is given, enlarged. */
export class Given {
  #canvas;
  #image = new Float32Array(0);
  #side = 1;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** @param {Float32Array} image `side * side` values from 0 (paper) to 1 (ink) */
  show(image, side) {
    this.#image = image;
    this.#side = side;
    this.paint();
  }

  /** Draw again in the colour that the canvas has now. */
  paint() {
    const side = this.#side;
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    context.fillStyle = getComputedStyle(this.#canvas).color;
    for (const [index, value] of this.#image.entries()) {
      context.globalAlpha = value;
      context.fillRect(index % side, Math.floor(index / side), 1, 1);
    }
  }
}

/** The time of each op, as a bar that is cut into pieces and as a table. */
export class Times {
  #total;
  #rows;

  constructor({ total, flame, ops }, description) {
    this.#total = total;
    this.#rows = new Map(
      description.ops.map((op) => {
        const piece = element("span", "");
        piece.title = op.name;
        flame.append(piece);
        const time = element("td", "number");
        const share = element("td", "number");
        const origin = op.origins.at(-1);
        const from = element("td", "origin", origin?.module || origin?.node || "");
        ops.append(element("tr", "", element("td", "", op.name), from, time, share));
        return [op.name, { piece, time, share }];
      }),
    );
  }

  /** @param {readonly { op: string, total: number, calls: number }[]} trace mean times are shown */
  show(trace) {
    const times = trace.map(({ op, total, calls }) => ({ op, ms: total / calls }));
    const sum = times.reduce((all, { ms }) => all + ms, 0);
    const most = Math.max(...times.map(({ ms }) => ms));
    this.#total.textContent = `${micro(sum)} for one digit`;
    for (const { op, ms } of times) {
      const { piece, time, share } = this.#rows.get(op);
      piece.style.setProperty("--share", String(sum > 0 ? ms / sum : 0));
      piece.style.setProperty("--heat", String(most > 0 ? ms / most : 0));
      time.textContent = micro(ms);
      share.textContent = tenths.format(sum > 0 ? ms / sum : 0);
    }
  }
}

function micro(ms) {
  return ms < 1 ? `${(ms * 1000).toFixed(0)} µs` : `${ms.toFixed(2)} ms`;
}

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
