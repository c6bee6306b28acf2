/**
 * What a thread of a pool runs: it is handed a module and the memories that it shares, and then runs
 * slices of kernels, and whole calls, until it is ended. What it throws, whoever started it hears of.
 */

import { Kernels } from "../wasm/kernels.js";
import { Desk } from "./job.js";
import type { Assignment } from "./pool.js";
import { Queue } from "./queue.js";

const port = globalThis.process?.getBuiltinModule?.("node:worker_threads").parentPort;

function work({ module, memory, words, queue, threads, self, stack }: Assignment): void {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const stackPointer = instance.exports["__stack_pointer"];
  if (stackPointer instanceof WebAssembly.Global) stackPointer.value = stack;
  const { all } = new Kernels(module, instance);
  if (port) port.postMessage("ready");
  else globalThis.postMessage("ready");
  new Desk(words, threads, self).serve(all, new Queue(queue));
}

if (port) port.once("message", work);
else globalThis.onmessage = ({ data }) => work(data as Assignment);
