import type { ModelData } from "../data.js";
import type { Device } from "../devices/device.js";
import { given, joinDevices, makeDevices } from "../devices/devices.js";
import { BundleError } from "../errors.js";
import { REST_AFTER_MS, systemHost } from "../host.js";
import { Arrivals } from "../load/arrivals.js";
import { load, loadSync } from "../load/load.js";
import { Weights } from "../load/weights.js";
import { checkFormat, type Model } from "../model.js";
import { usableThreads } from "../threads/host.js";
import { WasmDevice } from "../wasm/device.js";
import type { WebGl2Options } from "../webgl2/context.js";
import { checkCreate, checkCreateSync } from "./checks.js";
import type { CreateOptions, CreateSyncOptions } from "./options.js";
import { Parts } from "./parts.js";

/** The class of an executor, as `create` wants it. */
export type ExecutorClass<M extends Model, E> = new (parts: Parts<M>) => E;

/** Fetch a model's files, check them, compile, make an executor of `Class`, and pack the weights. */
export async function create<M extends Model, E>(
  Class: ExecutorClass<M, E>,
  model: M,
  options: CreateOptions,
): Promise<E> {
  checkFormat(model);
  checkCreate(model, options);
  const { signal, onProgress, policies = [], devices: wanted = ["wasm"] } = options;
  signal?.throwIfAborted();
  const count = usableThreads(options);
  const host = systemHost(options.host);
  const loading = load(model, options);
  const arrivals = new Arrivals(model, loading.shards);
  let devices = given(wanted);
  try {
    await loading.wasm;
    onProgress?.({ phase: "compile", loaded: 0, total: 1 });
    devices = await makeDevices(wanted, {
      wasm: async () => WasmDevice.create(await loading.wasm, count, () => host.now()),
      webgl2: () => makeWebGl2(model, options.webgl2),
    });
    onProgress?.({ phase: "compile", loaded: 1, total: 1 });
    const parts = new Parts({ model, isa: loading.isa, devices, host, policies });
    const executor = new Class(parts);
    let rested = host.now();
    for (const { progress, wants } of parts.prepare()) {
      if (wants) await arrivals.copy(wants.value, wants.into);
      signal?.throwIfAborted();
      onProgress?.(progress);
      if (host.now() - rested > REST_AFTER_MS) {
        await host.rest();
        rested = host.now();
      }
    }
    await parts.frames.ready;
    await arrivals.finish();
    loading.end();
    return executor;
  } catch (error) {
    for (const device of devices) device.dispose();
    // A file that is not the one promised may be why.
    if (error instanceof BundleError) await arrivals.finish();
    loading.end(error);
    throw error;
  }
}

/** The same at once, from files that the caller has read and checked. */
export function createSync<M extends Model, E>(
  Class: ExecutorClass<M, E>,
  model: M,
  options: CreateSyncOptions,
): E {
  checkFormat(model);
  checkCreateSync(model, options);
  const { policies = [], devices: wanted = ["wasm"] } = options;
  let devices = given(wanted);
  try {
    const { isa, wasm, weights: shards } = loadSync(model, options);
    devices = joinDevices(wanted, WasmDevice.createSync(wasm));
    const host = systemHost(options.host);
    const parts = new Parts({ model, isa, devices, host, policies });
    const executor = new Class(parts);
    const weights = new Weights(model, shards);
    for (const { wants } of parts.prepare()) if (wants) weights.copy(wants.value, wants.into);
    return executor;
  } catch (error) {
    for (const device of devices) device.dispose();
    throw error;
  }
}

/** Load what this device alone needs, and make it. */
async function makeWebGl2(model: ModelData, options: WebGl2Options = {}): Promise<Device> {
  const [{ WebGl2Device }, shaders] = await Promise.all([
    import("../webgl2/device.js"),
    model.shaders?.(),
  ]);
  return new WebGl2Device(shaders ?? {}, options);
}
