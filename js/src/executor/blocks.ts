import type { Expr, ModelData, OpData, StepData } from "../data.js";
import { type DeviceName, isView } from "../devices/device.js";
import { add } from "../dims.js";
import { OptionError, PlacementError } from "../errors.js";
import type { Claim, Placed } from "../schedule/placement.js";
import { type BlockData, isBlock } from "./block.js";

/**
 * Ops that an executor runs as one: those of a module, by its path (`layer1.0`), with what is of no
 * module between them, or all from one op to another, in the order in which the model has them.
 */
export type Block<OpName extends string = string> =
  string | { readonly from: OpName; readonly to: OpName };

/** Some of a model's main steps, from the first to before the second. */
type Span = readonly [first: number, end: number];

/** Give `model` an op for each block, in place of the block's. Throws OptionError with all problems. */
export function withBlocks<M extends ModelData>(model: M, blocks: readonly Block[]): M {
  const problems: string[] = [];
  const spans = blocks.flatMap((block) => {
    const span = find(model, block);
    if (typeof span !== "string") return [{ name: nameOf(block), span }];
    problems.push(`${nameOf(block)}: ${span}`);
    return [];
  });
  spans.sort((a, b) => a.span[0] - b.span[0]);
  for (const [index, { name, span }] of spans.slice(1).entries()) {
    const before = spans[index] as (typeof spans)[number];
    if (span[0] < before.span[1]) problems.push(`${name}: overlaps with the block ${before.name}`);
  }
  if (problems.length) throw new OptionError(`${model.name}: can't run these blocks`, problems);
  const ops: OpData[] = [...model.ops];
  const main: StepData[] = [];
  let done = 0;
  for (const { name, span } of spans) {
    main.push(...model.main.slice(done, span[0]), ["call", ops.length]);
    ops.push(join(model, name, span));
    done = span[1];
  }
  main.push(...model.main.slice(done));
  return { ...model, ops, main };
}

/**
 * The devices of an op of a run, of which a block may have several. `places` has each op that is no
 * block.
 */
function homesOf(
  model: ModelData,
  target: number,
  places: ReadonlyMap<number, Placed>,
): DeviceName[] {
  const op = model.ops[target] as OpData;
  const parts = isBlock(op) ? op.parts : [target];
  return [...new Set(parts.flatMap((part) => places.get(part)?.device ?? []))];
}

/**
 * Throw PlacementError, with all problems, where ops of one block are on several devices, or need
 * accelerators on several terms.
 */
export function checkHomes(model: ModelData, places: ReadonlyMap<number, Placed>): void {
  const problems = model.main.flatMap(([, target]) => {
    const homes = homesOf(model, target, places);
    const { name } = model.ops[target] as OpData;
    const claims = claimsOf(model, target, places);
    return [
      ...(homes.length > 1 ? [`${name}: is on ${homes.join(" and ")}`] : []),
      ...(claims > 1 ? [`${name}: needs accelerators on ${claims} terms`] : []),
    ];
  });
  if (problems.length) {
    throw new PlacementError(
      `${model.name}: a block is on one device, with one accelerator at most`,
      problems,
    );
  }
}

/** On how many terms the ops of a block need accelerators, of which having none is one. */
function claimsOf(model: ModelData, target: number, places: ReadonlyMap<number, Placed>): number {
  const op = model.ops[target] as OpData;
  if (!isBlock(op)) return 1;
  const claims = op.parts.map((part) => places.get(part)?.claim);
  const isNew = (claim: Claim | undefined, index: number) =>
    claims.findIndex((other) => isSame(claim, other)) === index;
  return claims.filter(isNew).length;
}

function isSame(a: Claim | undefined, b: Claim | undefined): boolean {
  if (!a || !b) return a === b;
  return a.accelerator === b.accelerator && a.owner === b.owner && a.priority === b.priority;
}

/** What a block is called. */
function nameOf(block: Block): string {
  return typeof block === "string" ? block : `${block.from}…${block.to}`;
}

/** The steps of a block, or why it is none. */
function find(model: ModelData, block: Block): Span | string {
  return typeof block === "string" ? findModule(model, block) : findRange(model, block);
}

function findModule(model: ModelData, path: string): Span | string {
  const isInside = (op: OpData) => {
    const module = moduleOf(op);
    return module !== undefined && (module === path || module.startsWith(`${path}.`));
  };
  // Views don't count: they are wherever the compiler wants them, and call nothing.
  const calls = [...model.main.keys()].filter((step) => !isView(opAt(model, step)));
  const steps = calls.filter((step) => isInside(opAt(model, step)));
  const [first] = steps;
  if (first === undefined) return "the model has no module of this path with ops in a run";
  const end = (steps[steps.length - 1] as number) + 1;
  const others = calls.filter((step) => {
    const op = opAt(model, step);
    // What is of no module goes along with those around it.
    return step > first && step < end && !isInside(op) && moduleOf(op) !== undefined;
  });
  if (others.length) {
    const names = others.map((step) => opAt(model, step).name).join(", ");
    return `is not in one piece: ${names} run in between`;
  }
  return [first, end];
}

/** The module of an op; its own origin is last, behind those of what was fused into it. */
function moduleOf({ origins }: OpData): string | undefined {
  return origins[origins.length - 1]?.module;
}

function findRange(
  model: ModelData,
  { from, to }: { readonly from: string; readonly to: string },
): Span | string {
  const steps = [from, to].map((name) => {
    return model.main.findIndex((_, step) => opAt(model, step).name === name);
  });
  const [first, last] = steps as [number, number];
  const unknown = [from, to].filter((_, index) => steps[index] === -1);
  if (unknown.length) return `a run has no op called ${unknown.join(", and none called ")}`;
  if (first > last) return `${from} runs after ${to}`;
  return [first, last + 1];
}

function join(model: ModelData, name: string, span: Span): BlockData {
  const steps = range(span);
  const parts = steps.map((step) => (model.main[step] as StepData)[1]);
  const ops = steps.map((step) => opAt(model, step));
  const outputs = [...new Set(ops.flatMap((op) => op.outputs))];
  const written = ops.flatMap((op) => (isView(op) ? [] : op.outputs));
  const inside = new Set(outputs);
  const inputs = [...new Set(ops.flatMap((op) => op.inputs))].filter((value) => !inside.has(value));
  const [first, end] = span;
  const rest = [...model.main.keys()].filter((step) => step < first || step >= end);
  const wanted = new Set([
    ...rest.flatMap((step) => opAt(model, step).inputs),
    ...model.outputs.map(({ value }) => value),
  ]);
  const leaving = outputs.filter((value) => wanted.has(value));
  const origins = ops.flatMap((op) => op.origins);
  const flops = ops.reduce<Expr>((sum, op) => add(sum, op.flops ?? 0), 0);
  return { name, kind: "block", parts, inputs, outputs, leaving, written, origins, flops };
}

function opAt(model: ModelData, step: number): OpData {
  return model.ops[(model.main[step] as StepData)[1]] as OpData;
}

function range([first, end]: Span): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}
