import type { DType, ModelData } from "../data.js";
import { InputError, StateError } from "../errors.js";
import { checkOptions, type Rules, trueOrFalse } from "../rules.js";
import { asTensor } from "../schedule/schedule.js";
import type { Shape, Tensor } from "../tensor.js";
import { bindTensors, type Content, misfits } from "./inputs.js";
import { findValue, UNKNOWN } from "./names.js";
import type { Part } from "./part.js";

export interface ReadOptions {
  /**
   * Don't copy where the device's memory can be seen from here: `data` then shows the memory as it
   * is, which the next op may change, and the next run may detach. By default false.
   */
  readonly view?: boolean | undefined;
}

const RULES: Rules<ReadOptions> = { view: trueOrFalse };

/** Where a run is. */
export interface Moment {
  readonly model: ModelData;
  readonly part: Part;
  /** The step that is not done yet, while those before it are. */
  readonly next: number;
}

/**
 * Give the tensor that `name` means. Throws InputError for a name that a run does not know, and
 * StateError where the tensor does not exist yet, or is gone, OptionError for options of no use.
 */
export function readNow(moment: Moment, name: string, options: ReadOptions): Tensor {
  checkOptions(name, options, RULES);
  const { values, plan } = moment.part.frame;
  const value = findNow(moment, name);
  return asTensor(plan, value, options.view ? values.view(value) : values.read(value));
}

/** Put `tensor` in the place of the one that `name` means. Throws InputError where it does not fit. */
export function writeNow(moment: Moment, name: string, tensor: unknown): void {
  const { model, part } = moment;
  const { frame } = part;
  const value = findNow(moment, name);
  if (model.values[value]?.region === "persistent") {
    throw new StateError(`${name} is a weight, which holds for all runs: no run may replace it`);
  }
  const { dtypes, shapes } = frame.plan;
  const port = { name, dtype: dtypes[value] as DType, shape: shapes[value] as Shape, value };
  const problems: string[] = [];
  const { arrays } = bindTensors(model, [[port, tensor]], problems);
  const array = arrays.get(value);
  if (!array) throw misfits(model, problems);
  replaceValue(part, moment.next, value, array);
}

/** Write a value in all of its shapes that are there when the step `next` is: devices may keep copies. */
export function replaceValue(part: Part, next: number, value: number, content: Content): void {
  const { values, timeline } = part.frame;
  for (const same of timeline().familyOf(value)) {
    if (!timeline().whyAbsent(same, part, next)) values.write(same, content);
  }
}

function findNow({ model, part, next }: Moment, name: string): number {
  const value = findValue(model, name);
  if (value === undefined) throw new InputError(`${name}: ${UNKNOWN}`);
  if (model.values[value]?.region === "main") {
    const absent = part.frame.timeline().whyAbsent(value, part, next);
    if (absent) throw new StateError(`${name} ${absent}`);
  }
  return value;
}
