/**
 * Reads modules that a user wrote for pyjsml's Python side, which has no parser of JavaScript, and
 * makes classic scripts of them, for engines without `import`. Takes and gives strings, which every
 * engine passes; each answer is JSON.
 */
import { type Export, parse } from "es-module-lexer/js";
import { transform } from "sucrase";

/** What a module is written in; of declarations only the imports are read. */
type Language = "javascript" | "typescript" | "declarations";

/** A module as JavaScript (or declarations): `texts`, with a quoted specifier between each two. */
interface Module {
  readonly texts: readonly string[];
  readonly imports: readonly { readonly specifier: string; readonly line: number }[];
  readonly exports: readonly string[];
}

interface Place {
  readonly line: number;
  readonly column?: number;
}

/** What is wrong with a module; lines count from 1. */
interface Fault extends Partial<Place> {
  readonly message: string;
}

/** Read a module: `Module` as JSON, or `{fault}`. */
function read(source: string, language: Language): string {
  try {
    const code = language === "declarations" ? source : convert(source, language);
    return JSON.stringify(split(code));
  } catch (error) {
    return JSON.stringify({ fault: describe(error) });
  }
}

/**
 * Make one script of modules whose specifiers are `pyjsml` or names of each other. Its value is a
 * function that takes the runtime and returns the default export of `entry`. Gives `{script}` as
 * JSON, or `{fault, file}`.
 */
function bundle(modules: string, entry: string): string {
  const definitions: string[] = [];
  for (const [file, code] of Object.entries(JSON.parse(modules) as Record<string, string>)) {
    try {
      const body = transform(code, { transforms: ["imports"], disableESTransforms: true }).code;
      checkSyntax(body);
      checkExports(code, body);
      definitions.push(`    ${JSON.stringify(file)}: (require, exports) => {${body}\n    },\n`);
    } catch (error) {
      return JSON.stringify({ fault: describe(error), file });
    }
  }
  const script = `((pyjsml) => {
  const modules = {
${definitions.join("")}  };
  const loaded = { pyjsml };
  const require = (name) => {
    if (!Object.hasOwn(loaded, name)) modules[name](require, (loaded[name] = {}));
    return loaded[name];
  };
  return require(${JSON.stringify(entry)}).default;
})`;
  return JSON.stringify({ script });
}

function convert(source: string, language: Language): string {
  const transforms = language === "typescript" ? (["typescript"] as const) : [];
  return transform(source, { transforms: [...transforms], disableESTransforms: true }).code;
}

function split(code: string): Module {
  const [imports, exports] = parse(code);
  const texts: string[] = [];
  const found: { specifier: string; line: number }[] = [];
  let end = 0;
  for (const each of imports) {
    if (each.type === "import-meta") continue;
    const line = code.slice(0, each.start).split("\n").length;
    if (each.specifier === undefined) {
      const message = "it imports what only running it would tell; write a plain string";
      throw Object.assign(new SyntaxError(message), { loc: { line, column: 1 } });
    }
    // Of a static import the quotes are outside, of a dynamic one inside.
    const outside = each.type === "dynamic" ? 0 : 1;
    texts.push(code.slice(end, each.start - outside));
    found.push({ specifier: each.specifier, line });
    end = each.end + outside;
  }
  texts.push(code.slice(end));
  return { texts, imports: found, exports: exports.flatMap(nameOf) };
}

/** Parse what sucrase has let through. */
function checkSyntax(body: string): void {
  try {
    new Function(body);
  } catch (error) {
    const { message, lineNumber } = error as Error & { readonly lineNumber?: number };
    // SpiderMonkey has the line of a function's body, below the two of the head that it gets.
    const place = lineNumber === undefined ? {} : { loc: { line: lineNumber - 2 } };
    throw Object.assign(new SyntaxError(message), place);
  }
}

/** Of several variables that one statement exports, sucrase exports the first alone. */
function checkExports(code: string, body: string): void {
  const names = parse(code)[1].flatMap(nameOf);
  const written = (name: string) =>
    [`exports.${name}`, `, '${name}',`].some((t) => body.includes(t));
  const lost = names.filter((name) => name !== "default" && !written(name));
  if (lost.length) {
    throw new SyntaxError(`export each variable in a statement of its own: ${lost.join(", ")}`);
  }
}

function nameOf(each: Export): string[] {
  return "name" in each && each.name !== null ? [each.name] : [];
}

/** Tell what is wrong, and where, as far as what was thrown knows. */
function describe(error: unknown): Fault {
  const { message, loc } = error as Error & { readonly loc?: Place };
  return { message: message.replace(/ \(\d+:\d+\)$/, ""), ...loc };
}

(globalThis as { pyjsmlModules?: unknown }).pyjsmlModules = { read, bundle };
