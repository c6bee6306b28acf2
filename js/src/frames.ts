import type { ModelData, StepData } from "./data.js";
import type { Call, Device } from "./device.js";
import type { Binding } from "./dims.js";
import { type Arena, makePlan, type Plan } from "./plan.js";
import { bindOutputs, bindSteps, type OutputSite, type Step } from "./schedule.js";

/** The steps of one binding of the dims, ready to be called. */
export interface Frame {
  readonly plan: Plan;
  readonly steps: readonly Step[];
  /** What the steps call, without the steps that call nothing. */
  readonly calls: readonly Call[];
  /** About how many nanoseconds they take. */
  readonly cost: number;
  readonly outputs: readonly OutputSite[];
}

const FRAMES_KEPT = 16;

/** Makes frames over a device's memory, and keeps the latest few of those for runs. */
export class Frames {
  readonly #model: ModelData;
  readonly #device: Device;
  readonly #frames = new Map<string, Frame>();
  #memoryEnd = 0;
  #latest: { readonly key: string; readonly frame: Frame } | undefined;

  constructor(model: ModelData, device: Device) {
    this.#model = model;
    this.#device = device;
  }

  /** The end of all the memory taken so far. */
  get memoryEnd(): number {
    return this.#memoryEnd;
  }

  /** The frame of the steps that prepare the weights, which run once. */
  load(): Frame {
    return this.#make(this.#model.load, "load", new Map());
  }

  /** The frame of a run. */
  main(binding: Binding): Frame {
    const key = this.#model.dims.map(({ name }) => binding.get(name)).join();
    if (this.#latest?.key === key) return this.#latest.frame;
    const frame = this.#frames.get(key) ?? this.#make(this.#model.main, "main", binding);
    this.#frames.delete(key);
    this.#frames.set(key, frame);
    for (const oldest of this.#frames.keys()) {
      if (this.#frames.size <= FRAMES_KEPT) break;
      this.#frames.delete(oldest);
    }
    this.#latest = { key, frame };
    return frame;
  }

  clear(): void {
    this.#frames.clear();
    this.#latest = undefined;
  }

  #make(stepData: readonly StepData[], arena: Arena, binding: Binding): Frame {
    const plan = makePlan(this.#model, this.#device.base, arena, binding);
    this.#device.reserve(plan.end);
    this.#memoryEnd = Math.max(this.#memoryEnd, plan.end);
    const steps = bindSteps(this.#model, stepData, plan, this.#device);
    const calls = steps.flatMap(({ call }) => (call ? [call] : []));
    const outputs = arena === "main" ? bindOutputs(this.#model, plan) : [];
    const cost = steps.reduce((sum, step) => sum + step.cost, 0);
    return { plan, steps, calls, cost, outputs };
  }
}
