import { expectTypeOf, test } from "vitest";
import {
  createCustom,
  Executor,
  type Model,
  type Next,
  type Op,
  type Policy,
  type Tensor,
  tensor,
} from "../src/index.js";

type Net = Model<
  { input: Tensor<"float32", [1, 3, 4, 4]> },
  { logits: Tensor<"float32", [1, 10]> },
  "conv_0" | "relu_1"
>;
type Text = Model<
  { ids: Tensor<"int64", [number, 8]> },
  { states: Tensor<"float32", [number, 8, 2]> },
  "embed"
>;

declare const net: Net;
declare const text: Text;
declare const pixels: Float32Array;

class Generic<M extends Model> extends Executor<M> {
  readonly seen: string[] = [];
  override async dispatch(op: Op<M>, next: Next): Promise<void> {
    this.seen.push(op.name);
    await next();
  }
}

class Fixed extends Executor<Net> {
  readonly #count = 1;
  override place(op: Op<Net>) {
    expectTypeOf(op.name).toEqualTypeOf<"conv_0" | "relu_1">();
    // @ts-expect-error there is no such op
    if (op.name === "conv_9") throw new Error(String(this.#count));
    return "wasm" as const;
  }
}

/** Checked by the compiler, never called. */
export async function inputs(executor: Executor<Net>): Promise<void> {
  const { logits } = await executor.run({ input: tensor("float32", [1, 3, 4, 4], pixels) });
  expectTypeOf(logits).toEqualTypeOf<Tensor<"float32", [1, 10]>>();
  expectTypeOf(logits.data).toEqualTypeOf<Float32Array>();
  executor.runSync({ input: pixels });

  // @ts-expect-error a wrong name
  await executor.run({ image: pixels });
  // @ts-expect-error a name too many
  await executor.run({ input: pixels, image: pixels });
  // @ts-expect-error none at all
  await executor.run({});
  // @ts-expect-error a wrong dtype
  await executor.run({ input: tensor("float64", [1, 3, 4, 4]) });
  // @ts-expect-error a wrong typed array
  await executor.run({ input: new Float64Array(48) });
  // @ts-expect-error a wrong extent
  await executor.run({ input: tensor("float32", [1, 3, 4, 5]) });
  // @ts-expect-error a wrong rank
  await executor.run({ input: tensor("float32", [3, 4, 4]) });
  // @ts-expect-error a shape known to be of four dims only
  await executor.run({ input: tensor("float32", [1, 3, 4, 4] as number[]) });

  const { outputs, captured } = await executor.capture({ input: pixels }, ["conv_0_out"]);
  expectTypeOf(outputs.logits.shape).toEqualTypeOf<[1, 10]>();
  expectTypeOf(captured.conv_0_out).toEqualTypeOf<Tensor>();
  // @ts-expect-error was not asked for
  captured.other;
}

/** Parts of a model give the outputs that are there, and need what they read alone. */
export async function parts(executor: Executor<Net>): Promise<void> {
  const whole = await executor.run({ input: pixels }, { feed: { conv_0: pixels } });
  expectTypeOf(whole.logits).toEqualTypeOf<Tensor<"float32", [1, 10]>>();
  const { logits } = await executor.run({}, { from: "relu_1", feed: { conv_0: pixels } });
  expectTypeOf(logits).toEqualTypeOf<Tensor<"float32", [1, 10]> | undefined>();
  const early = executor.captureSync({ input: pixels }, ["conv_0"], { to: "conv_0" });
  expectTypeOf(early.outputs.logits).toEqualTypeOf<Tensor<"float32", [1, 10]> | undefined>();
  expectTypeOf(early.captured.conv_0).toEqualTypeOf<Tensor>();

  // @ts-expect-error no such op
  await executor.run({}, { from: "conv_9" });
  // @ts-expect-error no such op
  executor.runSync({}, { to: "conv_9" });
  // @ts-expect-error a wrong name
  executor.runSync({ image: pixels }, { to: "conv_0" });
  // @ts-expect-error a wrong typed array
  executor.runSync({ input: new Float64Array(48) }, { to: "conv_0" });
  // @ts-expect-error no tensor
  executor.runSync({}, { from: "relu_1", feed: { conv_0: "pixels" } });
  // @ts-expect-error a run of the whole needs all inputs
  executor.runSync({}, { feed: { conv_0: pixels } });
  // @ts-expect-error a run that does not wait can't be stopped
  executor.runSync({}, { to: "conv_0", signal: new AbortController().signal });
}

export async function steps(executor: Executor<Net>): Promise<void> {
  for await (const op of executor.step({ input: pixels })) {
    expectTypeOf(op.name).toEqualTypeOf<"conv_0" | "relu_1">();
    expectTypeOf(executor.read(op.name, { view: true })).toEqualTypeOf<Tensor>();
    executor.write(op.name, tensor("float32", [1, 3, 4, 4], pixels));
    // @ts-expect-error no tensor
    executor.write(op.name, "pixels");
  }
  const end = await executor.step({ input: pixels }).next();
  if (end.done) expectTypeOf(end.value.logits.shape).toEqualTypeOf<[1, 10]>();
  // @ts-expect-error no such op
  executor.step({}, { from: "conv_9" });
  // @ts-expect-error a wrong name
  executor.step({ image: pixels });
}

/** Typed as any model's, or as this one's. */
export function orders(): void {
  class Last<M extends Model> extends Executor<M> {
    override order(ready: readonly Op<M>[]) {
      return ready[ready.length - 1];
    }
  }
  void Last.create(net);
  const policy: Policy = { order: (ready) => ready.find((op) => op.kind === "conv2d") };
  void Executor.create(net, { policies: [policy] });
  // @ts-expect-error an op, and no name
  const wrong: Policy = { order: (ready) => ready[0]?.name };
  expectTypeOf(wrong).toEqualTypeOf<Policy>();
}

export async function dynamic(executor: Executor<Text>, ids: BigInt64Array): Promise<void> {
  const { states } = await executor.run({ ids: tensor("int64", [3, 8], ids) });
  expectTypeOf(states.shape).toEqualTypeOf<[number, 8, 2]>();
  // @ts-expect-error bare data says nothing of a shape that varies
  await executor.run({ ids });
  // @ts-expect-error a wrong extent of a static axis
  await executor.run({ ids: tensor("int64", [3, 9], ids) });
}

export async function subclasses(): Promise<void> {
  await using generic = await Generic.create(net);
  const { logits } = await generic.run({ input: pixels });
  expectTypeOf(logits).toEqualTypeOf<Tensor<"float32", [1, 10]>>();
  expectTypeOf(generic.seen).toEqualTypeOf<string[]>();
  // @ts-expect-error a wrong name, through a generic subclass
  await generic.run({ image: pixels });

  const fixed: Fixed = await Fixed.create(net);
  fixed.runSync({ input: pixels });
  // @ts-expect-error the class is made for another model
  await Fixed.create(text);

  using plain: Executor<Net> = Executor.createSync(net, { files: {} });
  // @ts-expect-error a wrong name
  plain.runSync({ image: pixels });
}

/** Each class gets one hook wrong. */
export function hooks(): void {
  class Placed extends Executor<Net> {
    override place(op: Op<Net>) {
      return op.name === "conv_0" ? ("webgl2" as const) : { threads: 2, priority: 1 };
    }
  }
  expectTypeOf(Placed).instance.toExtend<Executor<Net>>();
  void class extends Executor<Net> {
    // @ts-expect-error there is no such device
    override place() {
      return "webgpu" as const;
    }
  };
  void class extends Executor<Net> {
    // @ts-expect-error there is no such device
    override place() {
      return { device: "gpu" };
    }
  };
  void class extends Executor<Net> {
    // @ts-expect-error threads are counted
    override place() {
      return { threads: "two" };
    }
  };
  void class extends Executor<Net> {
    override order(ready: readonly Op<Net>[]) {
      // @ts-expect-error there is no such op
      return ready.find(({ name }) => name === "conv_1");
    }
  };
  void class extends Executor<Net> {
    // @ts-expect-error an op, not its name
    override order() {
      return "conv_0";
    }
  };
  void class extends Executor<Net> {
    // @ts-expect-error next is no op
    override dispatchSync(_op: Op<Net>, next: Op<Net>): void {
      void next;
    }
  };
  void class extends Executor<Net> {
    // @ts-expect-error there is no such hook to override
    override placed() {}
  };
}

export async function devices(): Promise<void> {
  const executor = await Executor.create(net, { devices: ["webgl2", "wasm"] });
  executor.lazy("block", { from: "conv_0", to: "relu_1" });
  // @ts-expect-error there is no such op
  executor.lazy({ from: "conv_0", to: "relu" });
  // @ts-expect-error milliseconds
  await executor.run({ input: pixels }, { yieldEvery: "soon" });
  // @ts-expect-error there is no such device
  await Executor.create(net, { devices: ["webgpu"] });
  // @ts-expect-error there is no such hook
  await Executor.create(net, { policies: [{ placed: () => "wasm" }] });
  // @ts-expect-error there is no such device
  await Executor.create(net, { policies: [{ place: () => "gpu" }] });
}

export async function customs(): Promise<void> {
  const generic = await createCustom(Generic, net);
  expectTypeOf(generic.seen).toEqualTypeOf<string[]>();
  await generic.run({ input: pixels });
  // @ts-expect-error a wrong name, through a class of any model's
  await generic.run({ image: pixels });

  expectTypeOf(await createCustom(Fixed, net)).toEqualTypeOf<Fixed>();
  const plain = await createCustom([{ onStart() {} }, { place: () => "wasm" }], net);
  expectTypeOf(plain).toEqualTypeOf<Executor<Net>>();
  // @ts-expect-error there is no such device
  await createCustom({ place: () => "gpu" }, net);
  // @ts-expect-error neither a class nor policies
  await createCustom("executor.js", net);
}

export function tensors(): void {
  expectTypeOf(tensor("float32", [2, 3])).toEqualTypeOf<Tensor<"float32", [2, 3]>>();
  tensor("float32", [2], [1, 2]);
  tensor("int64", [2], [1n, 2n]);
  // @ts-expect-error a bigint dtype wants bigints
  tensor("int64", [2], [1, 2]);
  // @ts-expect-error no such dtype
  tensor("float8", [2]);
}

test("an untyped executor takes and gives tensors by name", () => {
  expectTypeOf<Executor<Model>>().toHaveProperty("runSync");
});
