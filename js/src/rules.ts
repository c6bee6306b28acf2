/** What options may be: who takes some has a rule for each, and tells at once of all that breaks one. */

import { OptionError } from "./errors.js";
import { tagOf } from "./tensor.js";

/** Says what is wrong with the value of the option that is called `name`: nothing is, if empty. */
export type Rule = (value: unknown, name: string) => readonly string[];

/** A rule for each of the options; what is undefined is as good as absent, and breaks none. */
export type Rules<Options> = { readonly [Name in keyof Options]-?: Rule };

const NOTHING: readonly string[] = [];

/** A list of no more elements is written into a message. */
const SHORT = 8;

/**
 * Throw one OptionError with all that is wrong with `options`, which are for `whose`; those `needed`
 * have to be there.
 */
export function checkOptions<Options>(
  whose: string,
  options: unknown,
  rules: Rules<Options>,
  ...needed: readonly (string & keyof Options)[]
): asserts options is Options {
  let problems = problemsOf(options, rules);
  for (const name of needed) {
    if (!isRecord(options) || options[name] !== undefined) continue;
    problems = [...problems, ...rules[name](undefined, name)];
  }
  if (problems.length) throw new OptionError(`${whose}: the options don't fit`, problems);
}

/** What is wrong with `options`, the names of which begin with `within` where they are spoken of. */
export function problemsOf<Options>(
  options: unknown,
  rules: Rules<Options>,
  within = "",
): readonly string[] {
  if (!isRecord(options)) return [`the options are ${show(options)}; give an object`];
  let problems = NOTHING;
  for (const name in options) {
    const rule = (rules as Rules<Record<string, unknown>>)[name];
    const value = options[name];
    const isKnown = rule !== undefined && Object.hasOwn(rules, name);
    if (isKnown) {
      const found = value === undefined ? NOTHING : rule(value, within + name);
      if (found.length) problems = [...problems, ...found];
    } else if (Object.hasOwn(options, name)) {
      // Of others, what other code has put into the prototype of all objects is not meant for us.
      problems = [...problems, unknown("option", name, Object.keys(rules), within)];
    }
  }
  return problems;
}

/**
 * Say that there is no such `kind` of thing, and which one may be meant, or which ones there are. All
 * their names are spoken of with `within` before them.
 */
export function unknown(kind: string, name: string, known: readonly string[], within = ""): string {
  const near = nearest(name, known);
  return near === undefined
    ? `there is no ${kind} "${within}${name}"; there are: ${known.map((one) => within + one).join(", ")}`
    : `there is no ${kind} "${within}${name}": did you mean "${within}${near}"?`;
}

/** A rule for values for which `isGood` holds; `allowed` says which ones those are. */
export function mustBe(allowed: string, isGood: (value: unknown) => boolean): Rule {
  return (value, name) => {
    return isGood(value) ? NOTHING : [`"${name}" is ${show(value)}; it may be ${allowed}`];
  };
}

/** A rule for one of several texts. */
export function oneOf(...texts: readonly string[]): Rule {
  const allowed = texts.map((text) => `"${text}"`).join(" or ");
  return mustBe(allowed, (value) => texts.includes(value as string));
}

/** A rule for what is told by a method that it has; `what` says how it is called. */
export function having(what: string, method: string): Rule {
  return mustBe(what, (value) => isRecord(value) && typeof value[method] === "function");
}

/** A rule for lists, each element of which obeys `rule`. */
export function listOf(allowed: string, rule: Rule): Rule {
  return (value, name) => {
    if (!Array.isArray(value)) return [`"${name}" is ${show(value)}; it may be ${allowed}`];
    return value.flatMap((one, index) => rule(one, `${name}[${index}]`));
  };
}

/** A rule for options within an option. */
export function optionsOf<Options>(rules: Rules<Options>): Rule {
  return (value, name) => {
    if (isRecord(value)) return problemsOf(value, rules, `${name}.`);
    return [
      `"${name}" is ${show(value)}; it may be an object with: ${Object.keys(rules).join(", ")}`,
    ];
  };
}

/** A rule that refuses an option for a reason. */
export function refused(why: string): Rule {
  return (_value, name) => [`"${name}" ${why}`];
}

/** A rule for whole numbers that are `least` or more. */
export function wholeFrom(least: number): Rule {
  return mustBe(`a whole number, ${least} or more`, (value) => {
    return Number.isInteger(value) && (value as number) >= least;
  });
}

export const aFunction = mustBe("a function", (value) => typeof value === "function");
export const aText = mustBe("a text", (value) => typeof value === "string");
export const trueOrFalse = mustBe("true or false", (value) => typeof value === "boolean");
export const aNumber = mustBe("a number", (value) => {
  return typeof value === "number" && !Number.isNaN(value);
});
export const aSignal = having("an AbortSignal", "throwIfAborted");

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Write a value into a message: itself where it is short, or what it is. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value) && value.length <= SHORT) return `[${value.map(show).join(", ")}]`;
  if (typeof value === "object" && value !== null) return `of type ${tagOf(value)}`;
  return typeof value === "function" ? "a function" : String(value);
}

/** The one of `known` that `name` is a slip of the keyboard or of the memory away from. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const far = Math.max(2, 0.4 * name.length);
  const ranked = known.map((one) => ({
    one,
    edits: distance(name.toLowerCase(), one.toLowerCase()),
  }));
  return ranked.sort((a, b) => a.edits - b.edits).find(({ edits }) => edits <= far)?.one;
}

/** How many letters have to be put in, left out or changed to make `b` of `a` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [done, letter] of [...a].entries()) {
    const next = [done + 1];
    for (let at = 0; at < b.length; at++) {
      const changed = (row[at] as number) + (letter === b[at] ? 0 : 1);
      next.push(Math.min(changed, (row[at + 1] as number) + 1, (next[at] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
