import type { DType, ModelData, OpData, StepData } from "../data.js";
import type { Call, Device, Use } from "../devices/device.js";
import { type Binding, evaluateAll } from "../dims.js";
import { isBlock } from "../executor/block.js";
import type { Shape } from "../tensor.js";
import type { Placed } from "./placement.js";
import { makePlan, type Plan } from "./plan.js";
import { bindStep, copyStep, joinSteps, type Site, type Step } from "./schedule.js";
import { Timeline } from "./timeline.js";
import { findUses, type Uses } from "./uses.js";
import { type RoomSets, Values } from "./values.js";

/** The steps of one binding of the dims, ready to be called. */
export interface Frame {
  readonly plan: Plan;
  readonly steps: readonly Step[];
  /** What the steps call, without the steps that call nothing. */
  readonly calls: readonly Call[];
  /** Whether any of them needs an accelerator. */
  readonly claims: boolean;
  /** What they work on. */
  readonly values: Values;
  /** For each value the last step that needs it: where there are several devices, it goes then. */
  readonly lasts: ReadonlyMap<number, number>;
  /** When the values come and go. */
  timeline(): Timeline;
  /** The model's outputs, with their shapes. */
  readonly outputs: readonly Output[];
  /** Make ready for a run. */
  begin(): void;
  /** Wait for ops that are still at it, and throw what they threw. */
  end(): void;
  /** The same without blocking. */
  endLater(): Promise<void>;
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

/** Gives the main steps' indices in the order in which they are to be done; undefined for their own. */
export type Arrange = (plan: Plan) => readonly number[] | undefined;

const FRAMES_KEPT = 16;

/** Makes frames over the devices' memories, and keeps the latest few of those for runs. */
export class Frames {
  readonly #model: ModelData;
  readonly #devices: readonly Device[];
  readonly #arrange: Arrange;
  /** The number of the device that prepares the weights. */
  readonly #wasm: number;
  readonly #frames = new Map<string, Frame>();
  /** The model with an op for each block. */
  #joined: ModelData;
  /** By op of a run. */
  #placed: ReadonlyMap<number, Placed> = new Map();
  #ready: Promise<unknown> | undefined;
  #latest: { readonly key: string; readonly frame: Frame } | undefined;

  /** One of `devices` is "wasm", on which everything runs until `place` is called. */
  constructor(model: ModelData, devices: readonly Device[], arrange: Arrange) {
    this.#model = model;
    this.#devices = devices;
    this.#arrange = arrange;
    this.#wasm = devices.findIndex(({ name }) => name === "wasm");
    // What one has lost wasm still has.
    for (const [home, device] of devices.entries()) device.onEmptied?.(() => this.restock(home));
    this.#joined = model;
  }

  /** The dims of the latest run. */
  get binding(): Binding | undefined {
    return this.#latest?.frame.plan.binding;
  }

  /** Decide for each op of a run where it runs. */
  place(placed: ReadonlyMap<number, Placed>): void {
    this.clear();
    this.#placed = placed;
    this.#compile();
  }

  /** Settles when the devices are ready for the ops that have been placed on them. */
  get ready(): Promise<unknown> | undefined {
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
    return this.#frame(site, [...steps, ...copies], new Map(), []);
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

  /** Have the devices make ready for what has been placed on them. */
  #compile(): void {
    const ready = this.#devices.flatMap((device, home) => {
      const targets = this.#model.main.map(([, target]) => target);
      const mine = targets.filter((target) => this.#homeOf(target) === home);
      return device.compile?.(mine.map((target) => this.#model.ops[target] as OpData)) ?? [];
    });
    // Where nothing waits there may be no event loop, without which some engines have no promises.
    this.#ready = ready.length ? Promise.all(ready) : undefined;
    this.#ready?.catch(() => {}); // Whoever waits for it is told.
  }

  #openLoad(): Site {
    const everything = new Uint8Array(this.#model.values.length).fill(1 << this.#wasm);
    const plan = makePlan(this.#model, "load", new Map());
    return this.#open(plan, this.#weightUses(), everything, everything);
  }

  /** The weights that each device needs. */
  #weightUses(): Use[][] {
    const { of } = this.#usesOf(this.#model.main);
    return of.map((uses) => uses.filter(({ value }) => this.#isPersistent(value)));
  }

  #copyWeights(site: Site, home: number): Step[] {
    if (home === this.#wasm) return [];
    const weights = this.#weightUses()[home] as Use[];
    return weights.map(({ value }) => copyStep(site, value, home));
  }

  #makeMain(binding: Binding): Frame {
    const plan = makePlan(this.#model, "main", binding);
    const order = this.#arrange(plan);
    const main = order?.map((step) => this.#joined.main[step] as StepData) ?? this.#joined.main;
    const uses = this.#usesOf(main);
    const alone = this.#devices.length === 1;
    const initial = uses.places.map((rooms, value) => {
      if (alone) return 1;
      return this.#isPersistent(value) ? rooms | (1 << this.#wasm) : 0;
    });
    const site = this.#open(plan, uses.of, uses.places, initial);
    const steps = main.map((step) => this.#bind(site, step));
    const outputs = this.#model.outputs.map((port) => {
      return { ...port, shape: evaluateAll(port.shape, binding) };
    });
    return this.#frame(site, steps, uses.lasts, outputs);
  }

  /** Find what the steps of `main`, some of which may be blocks, use. */
  #usesOf(main: readonly StepData[]): Uses {
    const { length: devices } = this.#devices;
    const homeOf = (target: number) => this.#homeOf(target);
    return findUses({ model: this.#joined, main, devices, homeOf }, this.#wasm);
  }

  #bind(site: Site, [kind, target]: StepData): Step {
    const op = this.#joined.ops[target] as OpData;
    if (!isBlock(op)) {
      return bindStep(site, [kind, target], this.#homeOf(target), this.#placed.get(target));
    }
    const parts = op.parts.map((part) => this.#bind(site, ["call", part]));
    return joinSteps(site, target, op.inputs, parts);
  }

  /** Open a room on each device for what it uses; the rest is for `Values`. */
  #open(plan: Plan, uses: readonly (readonly Use[])[], places: RoomSets, initial: RoomSets): Site {
    const devices = this.#devices;
    const rooms = devices.map((device, index) => device.open(plan, uses[index] ?? []));
    const values = new Values(rooms, places, initial);
    return { model: this.#model, plan, devices, rooms, values };
  }

  #frame(
    { plan, rooms, values }: Site,
    steps: readonly Step[],
    lasts: Frame["lasts"],
    outputs: readonly Output[],
  ): Frame {
    const costs = this.#devices.map((device) => {
      const cost = steps.reduce((sum, step) => sum + (step.device === device ? step.cost : 0), 0);
      return { device, cost };
    });
    const model = this.#joined;
    let timeline: Timeline | undefined;
    const frame: Frame = {
      plan,
      steps,
      calls: steps.flatMap(({ call }) => (call ? [call] : [])),
      claims: steps.some(({ claim }) => claim),
      values,
      lasts,
      timeline: () => (timeline ??= new Timeline(model, frame)),
      outputs,
      begin() {
        values.reset();
        for (const { device, cost } of costs) device.begin(cost);
      },
      end() {
        for (const { device } of costs) device.end?.();
      },
      async endLater() {
        for (const { device } of costs) await device.endLater?.();
      },
      close() {
        for (const room of rooms) room.close();
      },
    };
    return frame;
  }

  #homeOf(target: number): number {
    return this.#placed.get(target)?.home ?? this.#wasm;
  }

  #isPersistent(value: number): boolean {
    return this.#model.values[value]?.region === "persistent";
  }
}
