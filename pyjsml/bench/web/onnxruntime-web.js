// ONNX Runtime Web. Config: `{module, folder, model, threads, provider}`, the last being its back end.

export async function create({ module, folder, model, threads, provider }, feed) {
  const ort = await import(module);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL(folder, location.href).href;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [provider],
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
