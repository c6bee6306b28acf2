"""Two workers of a page share an accelerator through the browser's own locks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pyjsml.emit import emit
from tests.support.pages import Isolating, logged_in_chromium, needs_chromium, served
from tests.support.tiny import WEIGHT, tiny_program, with_kernels

RUNS = 300

# The room's numbers, in memory that both workers see: how many are inside, how often one came in
# while another was, and how many have left.
WORKER = """
import { model } from "./bundle/index.js";
import { Accelerator, Executor, Owner } from "./bundle/runtime/index.js";

const turn = () => new Promise((resolve) => setTimeout(resolve));
onmessage = async ({ data: { name, memory, runs, input } }) => {
  const room = new Int32Array(memory);
  const gpu = new Accelerator("gpu", { locks: navigator.locks });
  const owner = new Owner(name);
  let dispatches = 0;
  class Sharing extends Executor {
    dispatch(op, next) {
      return gpu.hold({ owner }, async () => {
        if (Atomics.add(room, 0, 1)) Atomics.add(room, 1, 1);
        if (dispatches++ % 10 === 0) await turn();
        await next();
        Atomics.add(room, 2, 1);
        Atomics.sub(room, 0, 1);
      });
    }
  }
  const executor = await Sharing.create(model);
  Atomics.add(room, 3, 1);
  while (Atomics.load(room, 3) < 2) await turn();
  let outputs;
  for (let i = 0; i < runs; i++) outputs = await executor.run({ [model.inputs[0].name]: input });
  postMessage({ dispatches, y: Array.from(outputs[model.outputs[0].name].data) });
};
"""

PAGE = """
const memory = new SharedArrayBuffer(16);
const input = Float32Array.from({ length: 6 }, (_, i) => i);
const told = ["a", "b"].map((name) => new Promise((resolve, reject) => {
  const worker = new Worker("./worker.js", { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = reject;
  worker.postMessage({ name, memory, input, runs: RUNS });
}));
const [a, b] = await Promise.all(told);
console.log(JSON.stringify({ workers: [a, b], room: Array.from(new Int32Array(memory)) }));
"""


@needs_chromium
def test_workers_never_overlap_on_an_accelerator(tmp_path: Path) -> None:
    emit(with_kernels(tiny_program())).write(tmp_path / "bundle")
    (tmp_path / "worker.js").write_text(WORKER, encoding="utf-8")
    (tmp_path / "page.js").write_text(PAGE.replace("RUNS", str(RUNS)), encoding="utf-8")
    page = '<!doctype html><link rel="icon" href="icon"><script type="module" src="page.js">'
    (tmp_path / "index.html").write_text(page + "</script>", encoding="utf-8")
    with served(tmp_path, Isolating) as address:
        told = logged_in_chromium(address)
    a, b = told["workers"]
    inside, overlaps, left, _ = told["room"]
    assert (inside, overlaps) == (0, 0)
    assert a["dispatches"] == b["dispatches"] == left / 2
    assert left >= 2 * RUNS
    expected = (np.arange(6, dtype=np.float32).reshape(2, 3) * WEIGHT).ravel().tolist()
    assert a["y"] == b["y"] == expected
