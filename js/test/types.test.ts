import { expectTypeOf, test } from "vitest";
import { Executor, type Model, type Next, type Op, type Tensor, tensor } from "../src/index.js";

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
