// LiteRT.js on its wasm back end, which is XNNPACK. Config: `{folder, model, threads}`.
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

export async function create({ folder, model, threads }, feed) {
  await loadLiteRt(folder, { threads: threads > 1 });
  const options = { accelerator: "wasm", cpuOptions: { numThreads: threads } };
  const compiled = await loadAndCompile(model, options);
  const inputs = Object.values(feed);
  return {
    async run() {
      const given = inputs.map(({ data, shape }) => new Tensor(data, shape));
      const results = await compiled.run(given);
      const outputs = results.map((result) => result.toTypedArray());
      for (const tensor of [...given, ...results]) tensor.delete();
      return outputs;
    },
  };
}
