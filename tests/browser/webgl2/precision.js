// Runs a bundle whose inputs are at /inputs, and posts its outputs to /outputs.
import { without } from "./extensions.js";

/** Run the bundle at `folder` with a `precision`, without the extensions `hidden`; describe its device. */
export function run({ folder, runtime, precision, hidden }) {
  return without(hidden, async () => {
    const { createExecutor } = await import(`${folder}/index.js`);
    const { readSafetensors, writeSafetensors } = await import(`${folder}/${runtime}`);
    const file = await fetch("/inputs");
    const inputs = readSafetensors(new Uint8Array(await file.arrayBuffer()));
    const executor = await createExecutor({ devices: ["webgl2"], webgl2: { precision } });
    const outputs = await executor.run(inputs);
    const { devices } = executor.describe();
    executor.dispose();
    await fetch("/outputs", { method: "POST", body: new Blob([writeSafetensors(outputs)]) });
    return devices[0];
  });
}
