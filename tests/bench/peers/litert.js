// LiteRT.js on its wasm back end, which is XNNPACK. Config: `{folder, model, threads,
// inputs}`, the last being the names of the inputs in the model's order.
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

export async function create({ folder, model, threads, inputs }, feed) {
  await loadLiteRt(folder, { threads: threads > 1 });
  const options = { accelerator: "wasm", cpuOptions: { numThreads: threads } };
  const compiled = await loadAndCompile(model, options);
  const given = inputs.map((name) => feed[name]);
  return {
    async run() {
      const tensors = given.map(({ data, shape }) => new Tensor(data, shape));
      const results = await compiled.run(tensors);
      const outputs = results.map((result) => result.toTypedArray());
      for (const tensor of [...tensors, ...results]) tensor.delete();
      return outputs;
    },
  };
}
