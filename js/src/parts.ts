import type { Description } from "./describe.js";
import type { Device, DeviceName } from "./device.js";
import { Frames } from "./frames.js";
import type { Host } from "./host.js";
import { type Model, type Op, opsOf } from "./model.js";
import type { Isa } from "./options.js";
import { placeAll } from "./placement.js";
import { compose, type Hooks, type Policy } from "./policy.js";
import { prepare, type Preparation } from "./preparation.js";
import { Turns } from "./turns.js";
import type { Weights } from "./weights.js";

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
  readonly model: M;
  readonly ops: readonly Op<M>[];
  readonly isa: Isa;
  readonly devices: readonly Device[];
  readonly host: Host;
  readonly frames: Frames;
  readonly turns = new Turns();
  readonly #policies: readonly Policy[];
  #hooks: Hooks<M>;
  #places: readonly DeviceName[] = [];
  /** The bytes of the packed weights. */
  #weights = 0;

  constructor({ model, isa, devices, host, policies }: Basis<M>) {
    this.model = model;
    this.ops = opsOf(model);
    this.isa = isa;
    this.devices = devices;
    this.host = host;
    this.frames = new Frames(model, devices);
    this.#policies = policies;
    this.#hooks = compose<M>(policies);
  }

  get hooks(): Hooks<M> {
    return this.#hooks;
  }

  /** Nest the hooks of all policies within those of `policy`. */
  surround(policy: Policy<M>): void {
    this.#hooks = compose<M>([policy, ...this.#policies]);
  }

  /** Place the ops, and prepare the weights as `prepare` says. */
  *prepare(weights: Weights): Generator<Preparation> {
    const names = this.devices.map(({ name }) => name);
    this.#places = placeAll(this.model, this.ops, names, (op) => this.#hooks.place(op));
    this.frames.place(this.#places.map((name) => names.indexOf(name)));
    const frame = this.frames.load();
    this.#weights = frame.plan.persistentEnd;
    yield* prepare(this.model, frame, weights);
    frame.close();
  }

  describe(): Description {
    const { name, inputs, outputs, dims } = this.model;
    return {
      model: name,
      isa: this.isa,
      threads: Math.max(...this.devices.map(({ threads }) => threads)),
      inputs,
      outputs,
      dims,
      ops: this.#mainOps().map(({ name, kind, origins }, index) => {
        return { name, kind, device: this.#places[index] as DeviceName, origins };
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
    for (const device of this.devices) device.dispose();
  }

  #mainOps(): Op<M>[] {
    return this.model.main.map(([, target]) => this.ops[target] as Op<M>);
  }
}
