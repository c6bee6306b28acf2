/** The page: the model reads the pad after every change, at most once per frame. */

import { example } from "./examples.js";
import { Pad } from "./pad.js";
import { SIDE, toImage } from "./strokes.js";
import { Answer, Given, Times } from "./view.js";

const WARM_UP = 20;

const byId = (id) => document.getElementById(id);

async function main() {
  const answer = new Answer({
    guess: byId("guess"),
    certainty: byId("certainty"),
    bars: byId("bars"),
  });
  const started = performance.now();
  // Imported here, and not above, so that the page can say so if the model is not there.
  const { createExecutor } = await import("./model/index.js");
  const { Trace } = await import("./model/runtime/index.js");
  const executor = await createExecutor({
    onProgress: ({ phase }) => (byId("status").textContent = `Loading the model: ${phase}…`),
  });
  const description = executor.describe();
  const times = new Times(
    { total: byId("total"), flame: byId("flame"), ops: byId("ops") },
    description,
  );
  // The first runs are slower than those after: they are not what should be shown.
  for (let run = 0; run < WARM_UP; run++) executor.runSync({ image: toImage([]) });
  const given = new Given(byId("given"));
  const trace = new Trace();

  function read(strokes) {
    byId("pad").ariaLabel =
      strokes.length > 0 ? "Drawing pad with your drawing" : "Empty drawing pad";
    const image = toImage(strokes);
    given.show(image, SIDE);
    if (strokes.length === 0) {
      answer.show(null);
      return;
    }
    const { probabilities } = executor.runSync({ image }, { trace });
    answer.show(probabilities.data);
    times.show(trace.rows);
  }

  let frame = 0;
  const pad = new Pad(byId("pad"), (strokes) => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => read(strokes));
  });
  let digit = 7;
  byId("example").addEventListener("click", () => {
    pad.show(example(digit));
    digit = (digit + 3) % 10;
  });
  byId("clear").addEventListener("click", () => pad.clear());
  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") pad.clear();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    pad.paint();
    given.paint();
  });

  byId("example").disabled = false;
  byId("clear").disabled = false;
  const ready = Math.round(performance.now() - started);
  byId("status").textContent = `Ready in ${ready} ms. Draw a digit from 0 to 9.`;
  byId("facts").textContent =
    `${description.ops.length} ops, ${description.isa} kernels, ` +
    `${Math.round(description.memory.total / 1024)} KiB of memory.`;
}

main().catch((error) => {
  byId("status").textContent = `The model can't be loaded: ${error.message}`;
  throw error;
});
