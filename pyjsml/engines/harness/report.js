// What every harness tells the Python side of a failure, and of a run that succeeded. A classic
// script, because embedded engines refuse modules; it defines globalThis.pyjsmlReport.
globalThis.pyjsmlReport = {
  /** Describe anything thrown: `{error: {name, message, problems}}`. */
  failure(error) {
    const { name = typeof error, message = String(error), problems = [] } = Object(error);
    return { error: { name: String(name), message: String(message), problems: [...problems] } };
  },

  /** Write the results of a run as one safetensors file: `o:NAME` outputs, `c:NAME` captured. */
  success(runtime, { outputs, captured }) {
    const tag = (prefix, tensors) =>
      Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]);
    return runtime.writeSafetensors(
      Object.fromEntries([...tag("o:", outputs), ...tag("c:", captured)]),
    );
  },
};
