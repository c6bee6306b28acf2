import type { ModelData, PortData, ValueData } from "../data.js";
import type { Binding } from "../dims.js";
import type { Frame, Frames } from "../schedule/frames.js";
import type { Span } from "../schedule/timeline.js";
import {
  bindInputs,
  bindTensors,
  type Content,
  describePort,
  type Given,
  misfits,
  pairInputs,
} from "./inputs.js";
import { findValue, UNKNOWN } from "./names.js";

type Arrays = ReadonlyMap<number, Content>;

/** What a run does: steps of a frame, with tensors that it is given. */
export interface Part extends Span {
  readonly binding: Binding;
  readonly frame: Frame;
  /** Whether this is the whole model with all of its inputs. */
  readonly isWhole: boolean;
  /** By value: what to write before the first step. */
  readonly given: Arrays;
  /** By step: what to write after it. */
  readonly fed: ReadonlyMap<number, Arrays>;
}

/** What to run, where that is not all of the model with its inputs. */
export interface Selection {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly feed?: Readonly<Record<string, unknown>> | undefined;
}

const NOTHING: ReadonlyMap<number, Arrays> = new Map();

/** Run the whole model. Throws InputError where the inputs don't fit. */
export function bindAll(model: ModelData, inputs: unknown, frames: Frames): Part {
  const { binding, arrays } = bindInputs(model, inputs);
  const frame = frames.main(binding);
  const end = frame.steps.length;
  const has = (index: number) => arrays.has(index);
  return {
    binding,
    frame,
    isWhole: true,
    first: 0,
    end,
    given: arrays,
    fed: NOTHING,
    has,
  };
}

/**
 * Run a part of the model. What its steps read and don't write has to be among the inputs or in
 * `feed`; other inputs are let go. A tensor that is fed for a value that one of the steps writes
 * takes its place right after the step.
 *
 * Throws one InputError that lists all tensors that are missing, unknown, misfits or of no use. (Of
 * a model whose dims vary, missing ones show once the others give each dim a value.)
 */
export function bindPart(
  model: ModelData,
  inputs: unknown,
  { from, to, feed = {} }: Selection,
  frames: Frames,
): Part {
  const problems: string[] = [];
  const isWhole = from === undefined && to === undefined;
  const inputPairs = pairInputs(model, inputs, problems).filter(
    ([, given]) => isWhole || given !== undefined,
  );
  const feedPairs = pairFeed(model, feed, problems);
  const pairs = [...inputPairs, ...feedPairs];
  const { binding, arrays } = bindTensors(model, pairs, problems);
  for (const { name } of model.dims) {
    if (!binding.has(name)) {
      problems.push(`the dim ${name} has no value: give an input, or feed a tensor, that has it`);
    }
  }
  // Dims that may be wrong are no ground for a frame.
  if (problems.length && model.dims.length) throw misfits(model, problems);
  const frame = frames.main(binding);
  const timeline = frame.timeline();
  const stepOf = (name: string, option: string) => {
    const step = timeline.stepOf(name);
    if (step === undefined) problems.push(`${option}: a run has no op called ${name}`);
    return step ?? 0;
  };
  const first = from === undefined ? 0 : stepOf(from, "from");
  const end = to === undefined ? frame.steps.length : stepOf(to, "to") + 1;
  if (end <= first) problems.push(`to: the op ${to} comes before ${from}`);
  const needed = timeline.needs(first, end);
  /** What has to be given for a value: itself, or itself in another shape. */
  const neededFor = (value: number) => {
    return timeline.familyOf(value).filter((same) => needed.has(same));
  };

  const given = new Map<number, Content>();
  const fed = new Map<number, Map<number, Content>>();
  for (const [{ name, value }] of feedPairs) {
    const writer = timeline.writerBetween(value, first, end);
    const wants = writer === undefined ? neededFor(value) : [];
    if (writer === undefined && !wants.length) {
      problems.push(`${name}: the ops of this run don't read it, so don't feed it`);
    }
    const array = arrays.get(value);
    if (!array) continue;
    for (const same of wants) given.set(same, array);
    if (writer !== undefined) fed.set(writer, new Map(fed.get(writer)).set(value, array));
  }
  for (const [{ value }] of inputPairs) {
    const array = arrays.get(value);
    if (!array) continue;
    for (const same of neededFor(value)) given.set(same, array);
    // Nothing takes its place, so it may be there whether or not an op reads it.
    if (model.outputs.some((port) => port.value === value)) given.set(value, array);
  }
  const attempted = new Set(pairs.map(([{ value }]) => timeline.rootOf(value)));
  for (const [index, op] of needed) {
    const root = timeline.rootOf(index);
    if (attempted.has(root)) continue;
    attempted.add(root);
    const { name, dtype, shape } = model.values[index] as ValueData;
    const port = model.inputs.find(({ value }) => value === index);
    const wanted = describePort(port ?? { name, dtype, shape, value: index });
    const means = port ? "the model wants" : `the op ${op.name} reads it; feed`;
    problems.push(`${port?.name ?? name}: is missing; ${means} ${wanted}`);
  }
  if (problems.length) throw misfits(model, problems);
  const has = (index: number) => given.has(index);
  return { binding, frame, isWhole, first, end, given, fed, has };
}

/** Pair values of a run with what `feed` gives for them; push names that have none to `problems`. */
function pairFeed(
  model: ModelData,
  feed: Readonly<Record<string, unknown>>,
  problems: string[],
): Given[] {
  const pairs: Given[] = [];
  for (const [name, given] of Object.entries(feed)) {
    const index = findValue(model, name);
    const value = model.values[index ?? -1];
    if (index === undefined || !value) {
      problems.push(`${name}: ${UNKNOWN}`);
    } else if (value.region === "persistent") {
      problems.push(`${name}: is a weight, which holds for all runs`);
    } else {
      const port: PortData = { name, dtype: value.dtype, shape: value.shape, value: index };
      pairs.push([port, given]);
    }
  }
  return pairs;
}
