import { Owner } from "../accelerator/owner.js";
import type { Device } from "../devices/device.js";
import type { Host } from "../host.js";
import { type Model, type Op, opsOf } from "../model.js";
import { orderSteps } from "../run/order.js";
import { Turns } from "../run/turns.js";
import { Frames } from "../schedule/frames.js";
import { type Placed, placeAll } from "../schedule/placement.js";
import type { Plan } from "../schedule/plan.js";
import { type Block, checkHomes, withBlocks } from "./blocks.js";
import { describeOp, type Description } from "./describe.js";
import type { Isa } from "./options.js";
import { compose, type Hooks, type Policy } from "./policy.js";
import { prepare, type Preparation } from "./preparation.js";

/** What making an executor begins with. */
export interface Basis<M extends Model> {
  readonly model: M;
  readonly isa: Isa;
  /** In the order in which they are preferred; one of them is "wasm". */
  readonly devices: readonly Device[];
  readonly host: Host;
  readonly policies: readonly Policy[];
}

/** What an executor is made of; only `create` and `createSync` make it. */
export class Parts<M extends Model> {
  readonly isa: Isa;
  readonly devices: readonly Device[];
  readonly host: Host;
  readonly frames: Frames;
  readonly turns = new Turns();
  readonly #policies: readonly Policy[];
  readonly #whole: M;
  #blocks: readonly Block[] = [];
  #model: M;
  #ops: readonly Op<M>[];
  #hooks: Hooks<M>;
  /** By op of a run; empty until they are placed. */
  #places: ReadonlyMap<number, Placed> = new Map();
  /** Who holds accelerators for ops that are placed on them. */
  readonly #owner: Owner;
  /** The bytes of the packed weights. */
  #weights = 0;

  constructor({ model, isa, devices, host, policies }: Basis<M>) {
    this.#whole = model;
    this.#model = model;
    this.#ops = opsOf(model);
    this.isa = isa;
    this.devices = devices;
    this.host = host;
    this.frames = new Frames(model, devices, (plan) => this.#arrange(plan));
    this.#owner = new Owner(`an executor of ${model.name}`);
    this.#policies = policies;
    this.#hooks = compose<M>(policies);
  }

  /** The model, with an op for each lazy block. */
  get model(): M {
    return this.#model;
  }

  /** Its ops. */
  get ops(): readonly Op<M>[] {
    return this.#ops;
  }

  get hooks(): Hooks<M> {
    return this.#hooks;
  }

  /** Nest the hooks of all policies within those of `policy`. */
  surround(policy: Policy<M>): void {
    this.#hooks = compose<M>([policy, ...this.#policies]);
  }

  /**
   * Let runs that begin later do blocks as one. Throws OptionError, or PlacementError where a block is
   * on several devices; then nothing has changed.
   */
  join(blocks: readonly Block[]): void {
    const all = [...this.#blocks, ...blocks];
    const model = withBlocks(this.#whole, all);
    checkHomes(model, this.#places);
    this.#blocks = all;
    this.#model = model;
    this.#ops = opsOf(model);
    this.frames.join(model);
  }

  /** Place the ops, and prepare the weights as `prepare` says. */
  *prepare(): Generator<Preparation, void, void> {
    this.#places = placeAll<M>({
      model: this.#whole,
      ops: this.ops,
      devices: this.devices,
      owner: this.#owner,
      place: (op) => this.#hooks.place(op),
    });
    checkHomes(this.#model, this.#places);
    this.frames.place(this.#places);
    const frame = this.frames.load();
    this.#weights = frame.plan.persistentEnd;
    yield* prepare(this.model, frame);
    frame.close();
  }

  describe(): Description {
    const { name, inputs, outputs, dims } = this.model;
    const binding = this.frames.binding ?? new Map(dims.map((dim) => [dim.name, dim.min]));
    return {
      model: name,
      isa: this.isa,
      threads: Math.max(...this.devices.map(({ threads }) => threads)),
      inputs,
      outputs,
      dims,
      ops: this.model.main.map(([, target]) =>
        describeOp(this.model, target, this.devices, this.#places, binding),
      ),
      devices: this.devices.map(({ name, memory, precision, tolerance }) => {
        return { name, memory, ...(precision && { precision }), ...(tolerance && { tolerance }) };
      }),
      memory: {
        total: this.devices.reduce((sum, { memory }) => sum + memory, 0),
        weights: this.#weights,
      },
    };
  }

  /** Let go of the memory. Whoever is under way or queued for it rejects with StateError. */
  dispose(): void {
    if (this.turns.closed) return;
    this.turns.close();
    this.frames.clear();
    this.#owner.dispose();
    for (const device of this.devices) device.dispose();
  }

  #arrange(plan: Plan): readonly number[] | undefined {
    const { order } = this.#hooks;
    return order && orderSteps(this.model, this.ops, plan, order);
  }
}
