/** What making an executor may be told; `options.ts` says what it means. */

import type { ModelData } from "../data.js";
import { devicesFor } from "../devices/devices.js";
import type { Host } from "../host.js";
import {
  aFunction,
  aSignal,
  checkOptions,
  isRecord,
  listOf,
  mustBe,
  oneOf,
  optionsOf,
  refused,
  type Rule,
  type Rules,
  show,
} from "../rules.js";
import { tagOf } from "../tensor.js";
import { threadsRule } from "../threads/host.js";
import type { WebGl2Options } from "../webgl2/context.js";
import type { CommonOptions, CreateOptions, CreateSyncOptions } from "./options.js";
import { policyRule } from "./policy.js";

const someBytes = mustBe("an ArrayBuffer or a view of one", isBytes);

const someFiles: Rule = (value, name) => {
  if (!isRecord(value))
    return [`"${name}" is ${show(value)}; it may be an object with bytes by file name`];
  return Object.entries(value).flatMap(([file, bytes]) => someBytes(bytes, `${name}[${file}]`));
};

const host: Rules<Host> = { now: aFunction, rest: aFunction, yield: aFunction };

const webgl2: Rules<WebGl2Options> = {
  context: () => [], // The device looks into that, and says how to get one.
  precision: oneOf("float32", "float16"),
};

/** Throw OptionError with all that is wrong with the options of `create`. */
export function checkCreate(model: ModelData, options: CreateOptions): void {
  checkOptions<CreateOptions>(model.name, options, {
    ...commonRules(model, false),
    files: someFiles,
    weights: oneOrMore("bytes, a URL", isSource),
    fetch: aFunction,
    signal: aSignal,
    onProgress: aFunction,
    threads: threadsRule,
    webgl2: optionsOf(webgl2),
    onWarning: aFunction,
  });
}

/** The same for `createSync`. */
export function checkCreateSync(model: ModelData, options: CreateSyncOptions): void {
  const takesTime = refused("is for create, which may wait");
  const rules: Rules<CreateOptions> = {
    ...commonRules(model, true),
    files: someFiles,
    weights: oneOrMore("bytes", isBytes),
    fetch: takesTime,
    signal: takesTime,
    onProgress: takesTime,
    threads: takesTime,
    webgl2: takesTime,
    onWarning: takesTime,
  };
  checkOptions(model.name, options, rules, "files");
}

function commonRules(model: ModelData, sync: boolean): Rules<CommonOptions> {
  return {
    isa: oneOf("relaxed", "simd128"),
    host: optionsOf(host),
    policies: listOf("a list: [policy]", policyRule),
    devices: devicesFor(model, sync),
  };
}

/** A rule for one of what `isGood` holds for, or a list of these. */
function oneOrMore(allowed: string, isGood: (value: unknown) => boolean): Rule {
  return mustBe(`${allowed}, or a list of these`, (value) => {
    return Array.isArray(value) ? value.every(isGood) : isGood(value);
  });
}

function isSource(value: unknown): boolean {
  return typeof value === "string" || tagOf(value) === "URL" || isBytes(value);
}

/** Whether these are bytes; buffers of another realm are told by their tag. */
function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value) || /^(Shared)?ArrayBuffer$/.test(tagOf(value));
}
