import type { DType, ModelData, PortData } from "../data.js";
import { type Binding, evaluate, formatExprs, isBound } from "../dims.js";
import { InputError } from "../errors.js";
import { isPicture, type Picture } from "../picture/picture.js";
import {
  asArray,
  type DataOf,
  formatShape,
  type Shape,
  sizeOf,
  tagOf,
  type Tensor,
} from "../tensor.js";

/** Tensors, checked: a value for each dim in their shapes, and their arrays. */
export interface BoundTensors {
  readonly binding: Binding;
  /** By the index of the value that they are for; without those that don't fit. */
  readonly arrays: ReadonlyMap<number, Content>;
}

/** What a value is made of. */
export type Content = DataOf<DType> | Picture;

const NOTHING_BOUND: Binding = new Map();

/** What is given for a port; undefined if nothing is. */
export type Given = readonly [PortData, unknown];

/**
 * Check `feed` against the model's inputs, and find the value of each dim in their shapes. Throws
 * one InputError that lists every input that is missing, unknown, or of the wrong dtype, shape or
 * length, and every dim that is out of its bounds.
 */
export function bindInputs(model: ModelData, feed: unknown): BoundTensors {
  const problems: string[] = [];
  const bound = bindTensors(model, pairInputs(model, feed, problems), problems);
  if (problems.length) throw misfits(model, problems);
  return bound;
}

/** Say what is wrong with the tensors that a run was given. */
export function misfits(model: ModelData, problems: readonly string[]): InputError {
  return new InputError(`${model.name}: the inputs don't fit`, problems);
}

/** Pair the model's inputs with what `feed` gives for them; push unknown names to `problems`. */
export function pairInputs(model: ModelData, feed: unknown, problems: string[]): Given[] {
  const given = (typeof feed === "object" && feed !== null ? feed : {}) as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!model.inputs.some((port) => port.name === name)) {
      problems.push(`${name}: the model has no such input; it takes ${listPorts(model.inputs)}`);
    }
  }
  return model.inputs.map((port) => {
    return [port, Object.hasOwn(given, port.name) ? given[port.name] : undefined];
  });
}

/** Check tensors, and find the value of each dim in their shapes; push to `problems` what is wrong. */
export function bindTensors(
  model: ModelData,
  pairs: readonly Given[],
  problems: string[],
): BoundTensors {
  const shapes = new Map<PortData, Shape>();
  const arrays = new Map<number, Content>();
  for (const [port, given] of pairs) {
    const before = problems.length;
    if (given === undefined) {
      problems.push(`is missing; the model wants ${describePort(port)}`);
    } else {
      const tensor = asTensor(port, given, problems);
      const array = tensor && checkTensor(port, tensor, problems);
      if (tensor && array) {
        shapes.set(port, tensor.shape);
        arrays.set(port.value, array);
      }
    }
    for (let at = before; at < problems.length; at++)
      problems[at] = `${port.name}: ${problems[at]}`;
  }
  const binding = model.dims.length ? bindDims(model, shapes, problems) : NOTHING_BOUND;
  return { binding, arrays };
}

/** Write an input or output as people do: `input float32 1x3x224x224`. */
export function describePort(port: PortData): string {
  return `${port.name} ${port.dtype} ${formatExprs(port.shape)}`;
}

function listPorts(ports: readonly PortData[]): string {
  return ports.map(describePort).join(", ") || "none";
}

/** Take a Tensor as it is; give a bare array the port's shape, which must be static for that. */
function asTensor(port: PortData, input: unknown, problems: string[]): Tensor | undefined {
  if (ArrayBuffer.isView(input) || Array.isArray(input)) {
    if (port.shape.every((dim) => typeof dim === "number")) {
      return { dtype: port.dtype, shape: port.shape, data: input as unknown as Tensor["data"] };
    }
    problems.push(
      `its shape ${formatExprs(port.shape)} varies, so give tensor("${port.dtype}", shape, data) ` +
        "instead of bare data",
    );
    return undefined;
  }
  const tensor = input as Partial<Tensor> | null;
  if (typeof tensor !== "object" || !Array.isArray(tensor?.shape) || tensor.dtype === undefined) {
    problems.push(`is of type ${tagOf(input)}; give a Tensor or a typed array`);
    return undefined;
  }
  return tensor as Tensor;
}

function checkTensor(port: PortData, tensor: Tensor, problems: string[]): Content | undefined {
  if (tensor.dtype !== port.dtype) {
    problems.push(`is of dtype ${tensor.dtype}; the model wants ${port.dtype}`);
  }
  const fits =
    tensor.shape.length === port.shape.length &&
    port.shape.every((dim, axis) =>
      typeof dim === "number" ? dim === tensor.shape[axis] : isExtent(tensor.shape[axis]),
    );
  if (!fits) {
    const shape = formatShape(tensor.shape);
    problems.push(`is of shape ${shape}; the model wants ${formatExprs(port.shape)}`);
  }
  if (tensor.dtype !== port.dtype) return undefined;
  if (isPicture(tensor)) return fits ? tensor : undefined;
  const array = asArray(port.dtype, tensor.data, problems);
  const size = sizeOf(tensor.shape);
  if (array && fits && array.length !== size) {
    const shape = formatShape(tensor.shape);
    problems.push(`has ${array.length} elements; shape ${shape} wants ${size}`);
  }
  return fits ? array : undefined;
}

function isExtent(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Solve the dims from the shapes that fit so far, then check the shapes that are expressions. */
function bindDims(
  model: ModelData,
  shapes: ReadonlyMap<PortData, Shape>,
  problems: string[],
): Binding {
  const binding = new Map<string, number>();
  const binder = new Map<string, string>();
  for (const [port, shape] of shapes) {
    for (const [axis, dim] of port.shape.entries()) {
      const extent = shape[axis] as number;
      if (typeof dim !== "string") continue;
      const bound = binding.get(dim);
      if (bound === undefined) {
        binding.set(dim, extent);
        binder.set(dim, port.name);
      } else if (bound !== extent) {
        problems.push(
          `${port.name}: axis ${axis} is ${extent}, but the same dim ${dim} is ${bound} in ` +
            `${binder.get(dim)}`,
        );
      }
    }
  }
  for (const { name, min, max } of model.dims) {
    const value = binding.get(name);
    if (value !== undefined && (value < min || (max !== null && value > max))) {
      problems.push(
        `${binder.get(name)}: the dim ${name} is ${value}; it may be ` +
          (max === null ? `${min} or more` : `${min} to ${max}`),
      );
    }
  }
  for (const [port, shape] of shapes) {
    for (const [axis, dim] of port.shape.entries()) {
      if (typeof dim !== "object" || problems.length || !isBound(dim, binding)) continue;
      const wanted = evaluate(dim, binding);
      if (wanted !== shape[axis]) {
        problems.push(`${port.name}: axis ${axis} is ${shape[axis]}, but must be ${wanted} here`);
      }
    }
  }
  return binding;
}
