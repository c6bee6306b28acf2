// ONNX Runtime Web on its wasm back end. Config: `{module, folder, model, threads}`.

export async function create({ module, folder, model, threads }, feed) {
  const ort = await import(module);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL(folder, location.href).href;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  const run = async () => {
    const feeds = {};
    for (const [name, { dtype, shape, data }] of Object.entries(feed)) {
      feeds[name] = new ort.Tensor(dtype, data, shape);
    }
    const results = await session.run(feeds);
    return session.outputNames.map((name) => results[name].data);
  };
  return { run };
}
