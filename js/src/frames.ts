import { isBlock } from "./blocks.js";
import type { DType, ModelData, OpData, StepData } from "./data.js";
import type { Call, Device, Use } from "./device.js";
import { type Binding, evaluateAll } from "./dims.js";
import { type Arena, makePlan, type Plan } from "./plan.js";
import { bindStep, copyStep, joinSteps, type Site, type Step } from "./schedule.js";
import type { Shape } from "./tensor.js";
import { findUses, type Uses } from "./uses.js";
import { type RoomSets, Values } from "./values.js";

/** The steps of one binding of the dims, ready to be called. */
export interface Frame {
  readonly plan: Plan;
  readonly steps: readonly Step[];
  /** What the steps call, without the steps that call nothing. */
  readonly calls: readonly Call[];
  /** What they work on. */
  readonly values: Values;
  /** The model's outputs, with their shapes. */
  readonly outputs: readonly Output[];
  /** Make ready for a run. */
  begin(): void;
  /** Let go of what this frame alone has. */
  close(): void;
}

/** An output of the model; `value` indexes `ModelData.values`. */
export interface Output {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly value: number;
}

const FRAMES_KEPT = 16;

/** Makes frames over the devices' memories, and keeps the latest few of those for runs. */
export class Frames {
  readonly #model: ModelData;
  readonly #devices: readonly Device[];
  /** The number of the device that prepares the weights. */
  readonly #wasm: number;
  readonly #frames = new Map<string, Frame>();
  /** The model with an op for each block. */
  #joined: ModelData;
  /** By op of a run: the number of its device. */
  #homes: ReadonlyMap<number, number> = new Map();
  #uses: Uses;
  #ready: Promise<unknown> = Promise.resolve();
  #latest: { readonly key: string; readonly frame: Frame } | undefined;

  /** One of `devices` is "wasm", on which everything runs until `place` is called. */
  constructor(model: ModelData, devices: readonly Device[]) {
    this.#model = model;
    this.#devices = devices;
    this.#wasm = devices.findIndex(({ name }) => name === "wasm");
    // What one has lost wasm still has.
    for (const [home, device] of devices.entries()) device.onEmptied?.(() => this.restock(home));
    this.#joined = model;
    this.#uses = findUses(
      model,
      model.main.map(() => this.#wasm),
      devices.length,
      this.#wasm,
    );
  }

  /** Decide for each main step on which device it runs, by the device's number. */
  place(homes: readonly number[]): void {
    this.#compile(homes);
    this.clear();
    this.#homes = new Map(this.#model.main.map(([, target], i) => [target, homes[i] as number]));
    this.#uses = findUses(this.#model, homes, this.#devices.length, this.#wasm);
  }

  /** Settles when the devices are ready for the ops that have been placed on them. */
  get ready(): Promise<unknown> {
    return this.#ready;
  }

  /** Run blocks as one: `model` is this one with an op for each. */
  join(model: ModelData): void {
    this.clear();
    this.#joined = model;
  }

  /** The frame of the steps that prepare the weights and copy them to where they are needed. */
  load(): Frame {
    const site = this.#openLoad();
    const steps = this.#model.load.map((step) => bindStep(site, step, this.#wasm));
    const copies = this.#devices.flatMap((_, home) => this.#copyWeights(site, home));
    return this.#frame(site, [...steps, ...copies], []);
  }

  /** Copy the prepared weights to the device number `home` again. */
  restock(home: number): void {
    const site = this.#openLoad();
    for (const { call } of this.#copyWeights(site, home)) call?.();
    for (const room of site.rooms) room.close();
  }

  /** The frame of a run. */
  main(binding: Binding): Frame {
    const key = this.#model.dims.map(({ name }) => binding.get(name)).join();
    if (this.#latest?.key === key) return this.#latest.frame;
    const frame = this.#frames.get(key) ?? this.#makeMain(binding);
    this.#frames.delete(key);
    this.#frames.set(key, frame);
    for (const [oldest, { close }] of this.#frames) {
      if (this.#frames.size <= FRAMES_KEPT) break;
      this.#frames.delete(oldest);
      close();
    }
    this.#latest = { key, frame };
    return frame;
  }

  clear(): void {
    for (const { close } of this.#frames.values()) close();
    this.#frames.clear();
    this.#latest = undefined;
  }

  /** Have the devices make ready for what has been placed on them: step i on the number homes[i]. */
  #compile(homes: readonly number[]): void {
    const ops = this.#model.main.map(([, target]) => this.#model.ops[target] as OpData);
    const ready = this.#devices.map((device, home) =>
      device.compile?.(ops.filter((_, step) => homes[step] === home)),
    );
    this.#ready = Promise.all(ready);
    this.#ready.catch(() => {}); // Whoever waits for it is told.
  }

  #openLoad(): Site {
    const uses = this.#uses.of.map((of) => of.filter(({ value }) => this.#isPersistent(value)));
    const everything = new Uint8Array(this.#model.values.length).fill(1 << this.#wasm);
    return this.#open("load", new Map(), uses, everything, everything);
  }

  #copyWeights(site: Site, home: number): Step[] {
    if (home === this.#wasm) return [];
    const weights = this.#uses.of[home]?.filter(({ value }) => this.#isPersistent(value)) ?? [];
    return weights.map(({ value }) => copyStep(site, value, home));
  }

  #makeMain(binding: Binding): Frame {
    const { places, of } = this.#uses;
    const alone = this.#devices.length === 1;
    const initial = places.map((rooms, value) => {
      if (alone) return 1;
      return this.#isPersistent(value) ? rooms | (1 << this.#wasm) : 0;
    });
    const site = this.#open("main", binding, of, places, initial);
    const steps = this.#joined.main.map((step) => this.#bind(site, step));
    const outputs = this.#model.outputs.map((port) => {
      return { ...port, shape: evaluateAll(port.shape, binding) };
    });
    return this.#frame(site, steps, outputs);
  }

  #bind(site: Site, [kind, target]: StepData): Step {
    const op = this.#joined.ops[target] as OpData;
    if (!isBlock(op)) return bindStep(site, [kind, target], this.#homes.get(target) ?? this.#wasm);
    const parts = op.parts.map((part) => this.#bind(site, ["call", part]));
    return joinSteps(site, target, op.inputs, parts);
  }

  /** Open a room on each device for what it uses; the rest is for `Values`. */
  #open(
    arena: Arena,
    binding: Binding,
    uses: readonly (readonly Use[])[],
    places: RoomSets,
    initial: RoomSets,
  ): Site {
    const devices = this.#devices;
    const plan = makePlan(this.#model, arena, binding);
    const rooms = devices.map((device, index) => device.open(plan, uses[index] ?? []));
    const values = new Values(rooms, places, initial);
    return { model: this.#model, plan, devices, rooms, values };
  }

  #frame({ plan, rooms, values }: Site, steps: readonly Step[], outputs: readonly Output[]): Frame {
    const costs = this.#devices.map((device) => {
      const cost = steps.reduce((sum, step) => sum + (step.device === device ? step.cost : 0), 0);
      return { device, cost };
    });
    return {
      plan,
      steps,
      calls: steps.flatMap(({ call }) => (call ? [call] : [])),
      values,
      outputs,
      begin() {
        values.reset();
        for (const { device, cost } of costs) device.begin(cost);
      },
      close() {
        for (const room of rooms) room.close();
      },
    };
  }

  #isPersistent(value: number): boolean {
    return this.#model.values[value]?.region === "persistent";
  }
}
