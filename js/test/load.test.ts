import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { systemHost } from "../src/host.js";
import {
  DigestError,
  Executor,
  LoadError,
  OptionError,
  type Progress,
  tensor,
  writeSafetensors,
} from "../src/index.js";
import { BLOCK } from "../src/load/digest.js";
import { hasRelaxedSimd } from "../src/wasm/device.js";
import {
  describeFile,
  expected,
  inputs,
  K,
  modelData,
  modelFiles,
  type StaticNet,
  weights,
  X,
} from "./model.js";
import { patience } from "./patience.js";

const files = modelFiles();
const wasm = files["tiny.simd.wasm"] as Uint8Array<ArrayBuffer>;

/** The model with its files at `base`, and the weights at a place of their own if told so. */
function modelAt(base: string | URL, weightsAt: string = "weights.safetensors"): StaticNet {
  return modelData(2, {
    files: {
      simd128: describeFile(new URL("tiny.simd.wasm", base), wasm),
      relaxed: describeFile(new URL("tiny.relaxed.wasm", base), wasm),
      weights: [describeFile(new URL(weightsAt, base), weights())],
    },
  }) as StaticNet;
}

async function checkRun(executor: Executor<StaticNet>, scale?: number[]): Promise<void> {
  const { y } = await executor.run(inputs);
  expect(Array.from(y.data)).toEqual(expected(X, K, scale));
}

let base: string;
const answers: Record<string, (response: ServerResponse) => void> = {
  "/page": (response) => {
    response.setHeader("content-type", "text/html; charset=utf-8").end("<!doctype html>");
  },
  "/changed": (response) => response.end(weights([1, 2, 3])),
  "/short": (response) => response.end(weights().subarray(0, 20)),
  "/long": (response) => response.end(Buffer.concat([weights(), weights(), weights()])),
  "/slow": (response) => response.write(weights().subarray(0, 20)),
  "/cut": (response) => {
    response.setHeader("content-length", 1000).write("abc", () => response.destroy());
  },
};
const server = createServer((request, response) => {
  const path = request.url ?? "";
  const file = files[path.slice(1)];
  const answer = answers[path];
  if (answer) answer(response);
  else if (file) response.end(file);
  else response.writeHead(404).end("nothing here");
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("over HTTP", () => {
  test("a model runs, and progress goes from nothing to all, phase by phase", async () => {
    const seen: Progress[] = [];
    const onProgress = (progress: Progress) => seen.push(progress);
    await checkRun(await Executor.create(modelAt(base), { onProgress }));
    const total = wasm.length + weights().length;
    const phases = (phase: string) => seen.filter((progress) => progress.phase === phase);
    expect(phases("fetch").at(-1)).toEqual({ phase: "fetch", loaded: total, total });
    expect(phases("compile").map(({ loaded }) => loaded)).toEqual([0, 1]);
    expect(phases("prepare").map(({ loaded }) => loaded)).toEqual([0, 1, 2]);
    const fetched = phases("fetch").map(({ loaded }) => loaded);
    expect(fetched).toEqual([...fetched].sort((a, b) => a - b));
  });

  test.each([
    ["missing", ["status 404", "served beside its index.js"]],
    ["page", ["status 200 and an HTML page", "optimizeDeps.exclude"]],
  ])("a file that is %s", async (path, messages) => {
    const creation = Executor.create(modelAt(base, path));
    await expect(creation).rejects.toThrow(LoadError);
    for (const message of [...messages, base + path]) {
      await expect(creation).rejects.toThrow(message);
    }
  });

  test("a connection that breaks", async () => {
    const creation = Executor.create(modelAt(base, "cut"));
    await expect(creation).rejects.toThrow(LoadError);
    await expect(creation).rejects.toThrow(`${base}cut`);
  });

  test("a server that is not there", async () => {
    const creation = Executor.create(modelAt("http://127.0.0.1:1/"));
    await expect(creation).rejects.toThrow(LoadError);
  });

  test.each(["changed", "short", "long"])("a file that is %s", async (path) => {
    const creation = Executor.create(modelAt(base, path));
    await expect(creation).rejects.toThrow(DigestError);
    await expect(creation).rejects.toThrow(`${path} is not the file that the bundle promises`);
  });

  test("an abort stops a fetch", async () => {
    const abort = new AbortController();
    const reason = new Error("changed my mind");
    const onProgress = ({ loaded }: Progress) => {
      if (loaded === wasm.length + 20) abort.abort(reason);
    };
    const options = { signal: abort.signal, onProgress };
    await expect(Executor.create(modelAt(base, "slow"), options)).rejects.toBe(reason);
  });

  test("a file that fails stops the others, and no progress is told after it", async () => {
    const signals: (AbortSignal | null | undefined)[] = [];
    const mine: typeof fetch = async (url, init) => {
      signals.push(init?.signal);
      if (!String(url).includes("wasm")) return new Response("", { status: 404 });
      await new Promise((resolve) => setTimeout(resolve, 20));
      return new Response(wasm);
    };
    const onProgress = vi.fn();
    const creation = Executor.create(modelAt(base), { fetch: mine, onProgress });
    await expect(creation).rejects.toThrow("status 404");
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(onProgress).not.toHaveBeenCalled();
  });

  test("a stream that can't fill our memory is gathered all the same", async () => {
    const mine: typeof fetch = async (url, init) => {
      const bytes = new Uint8Array(await (await fetch(url, init)).arrayBuffer());
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(bytes.slice(0, 1));
          controller.enqueue(new Uint8Array(0));
          controller.enqueue(bytes.slice(1));
          controller.close();
        },
      });
      return new Response(body);
    };
    await checkRun(await Executor.create(modelAt(base), { fetch: mine }));
    const long = Executor.create(modelAt(base, "long"), { fetch: mine });
    await expect(long).rejects.toThrow(DigestError);
  });

  test("with a fetch of one's own", async () => {
    const asked: string[] = [];
    const mine: typeof fetch = (url, init) => {
      asked.push(String(url));
      return fetch(url, { ...init, headers: { authorization: "Bearer x" } });
    };
    await checkRun(await Executor.create(modelAt(base), { fetch: mine, isa: "simd128" }));
    expect(asked.sort()).toEqual([`${base}tiny.simd.wasm`, `${base}weights.safetensors`]);
  });

  test("other weights, whose digest nobody promised", async () => {
    await checkRun(await Executor.create(modelAt(base), { weights: `${base}changed` }), [1, 2, 3]);
    const url = new URL("changed", base);
    await checkRun(await Executor.create(modelAt(base), { weights: [url] }), [1, 2, 3]);
    await checkRun(
      await Executor.create(modelAt(base), { weights: weights([4, 5, 6]) }),
      [4, 5, 6],
    );
  });

  test("given files are checked too", async () => {
    const changed = { ...files, "weights.safetensors": weights([1, 2, 3]) };
    await expect(Executor.create(modelAt(base), { files: changed })).rejects.toThrow(DigestError);
  });
});

describe("from files", () => {
  const folder = mkdtempSync(join(tmpdir(), "pyjsml-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const url = pathToFileURL(`${folder}/`);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  writeFileSync(join(folder, "changed"), weights([1, 2, 3]));

  test("a model runs", async () => {
    await checkRun(await Executor.create(modelAt(url)));
  });

  test("weights may be named by a path", async () => {
    const executor = await Executor.create(modelAt(url), { weights: join(folder, "changed") });
    await checkRun(executor, [1, 2, 3]);
  });

  test("weights that are missing", async () => {
    const creation = Executor.create(modelAt(url), { weights: join(folder, "nowhere") });
    await expect(creation).rejects.toThrow(LoadError);
    await expect(creation).rejects.toThrow(/nowhere: ENOENT.*address given as "weights"/);
  });

  test("a file that is missing", async () => {
    const creation = Executor.create(modelAt(url, "nowhere"));
    await expect(creation).rejects.toThrow(LoadError);
    await expect(creation).rejects.toThrow(/nowhere: ENOENT.*beside its index\.js/);
  });

  test("a file that was changed", async () => {
    await expect(Executor.create(modelAt(url, "changed"))).rejects.toThrow(DigestError);
  });

  test("on a host that can't read files", async () => {
    vi.stubGlobal("process", { ...process, getBuiltinModule: undefined });
    await expect(Executor.create(modelAt(url))).rejects.toThrow("Node 20.16");
  });
});

describe("outside of a secure context", () => {
  test("the digest is left to fetch", async () => {
    vi.stubGlobal("crypto", {});
    const model = modelAt(base);
    const asked: [string, string | undefined][] = [];
    const mine: typeof fetch = (url, init) => {
      asked.push([String(url), init?.integrity]);
      return fetch(url, init);
    };
    await checkRun(await Executor.create(model, { fetch: mine, isa: "simd128" }));
    const [shard] = model.files.weights;
    expect(asked).toContainEqual([`${base}weights.safetensors`, shard?.integrity]);
  });

  test("a changed file is refused all the same", async () => {
    vi.stubGlobal("crypto", {});
    const creation = Executor.create(modelAt(base, "changed"));
    await expect(creation).rejects.toThrow(LoadError);
    await expect(creation).rejects.toThrow("its digest may differ");
  });
});

describe("a file of several blocks", () => {
  const unused = tensor("uint8", [2 * BLOCK + 1]);
  const scale = tensor("float32", [3], [1, 10, 100]);
  const big = writeSafetensors({ unused, "block.scale": scale });
  const name = "weights.safetensors";
  const model = modelData(2, {
    files: { ...modelAt("http://127.0.0.1/").files, weights: [describeFile(`big/${name}`, big)] },
  }) as StaticNet;
  const answer = (bytes: Uint8Array<ArrayBuffer>, step: number): typeof fetch => {
    return async () => {
      let at = 0;
      const pull = (controller: ReadableByteStreamController | ReadableStreamDefaultController) => {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += step)));
        else controller.close();
      };
      return new Response(new ReadableStream({ pull }));
    };
  };
  const { [name]: _, ...rest } = files;

  test.each([1 << 20, 99_991, 262_144])("is read in steps of %i bytes", async (step) => {
    await checkRun(await Executor.create(model, { files: rest, fetch: answer(big, step) }));
  });

  test("is read from memory", async () => {
    await checkRun(await Executor.create(model, { files: { ...rest, [name]: big } }));
  });

  test.each([0, 7, 300_000, big.length - 1])("is refused if byte %i is another", async (at) => {
    const changed = big.slice();
    changed[at] = (changed[at] as number) ^ 1;
    for (const options of [
      { files: rest, fetch: answer(changed, 99_991) },
      { files: { ...rest, [name]: changed } },
    ]) {
      const creation = Executor.create(model, options);
      await expect(creation).rejects.toThrow(DigestError);
      await expect(creation).rejects.toThrow(`${name} is not the file that the bundle promises`);
    }
  });
});

describe("shards", () => {
  const other = writeSafetensors({ unused: tensor("uint8", [1]) });

  function sharded(parts: readonly Uint8Array<ArrayBuffer>[]): StaticNet {
    const weights = parts.map((bytes, i) => describeFile(new URL(`part-${i}`, base), bytes));
    return modelData(2, { files: { ...modelAt(base).files, weights } }) as StaticNet;
  }

  test("together are the weights", async () => {
    const given = { ...files, "part-0": other, "part-1": weights() };
    await checkRun(await Executor.create(sharded([other, weights()]), { files: given }));
  });

  test("are prepared while later ones are on their way", async () => {
    let prepared = () => {};
    const held = new Promise<void>((resolve) => (prepared = resolve));
    const mine: typeof fetch = async (url) => {
      if (String(url).endsWith("part-0")) return new Response(weights());
      await held;
      return new Response(other);
    };
    const onProgress = ({ phase, loaded }: Progress) => {
      if (phase === "prepare" && loaded === 2) prepared();
    };
    const options = { files, fetch: mine, onProgress };
    await checkRun(await Executor.create(sharded([weights(), other]), options));
  });

  test("are asked for one after the other, each before the one before has ended", async () => {
    const long = writeSafetensors({ unused: tensor("uint8", [2 * BLOCK]) });
    const asked: string[] = [];
    let askAll = () => {};
    const allAsked = new Promise<void>((resolve) => (askAll = resolve));
    const mine: typeof fetch = async (url) => {
      const name = String(url).slice(-6);
      asked.push(name);
      if (name === "part-1") askAll();
      const parts =
        name === "part-0" ? [long.slice(0, BLOCK + 9), long.slice(BLOCK + 9)] : [weights()];
      const pull = async (controller: ReadableStreamDefaultController) => {
        if (name === "part-0" && parts.length === 1) await allAsked;
        const part = parts.shift();
        if (part) controller.enqueue(part);
        else controller.close();
      };
      return new Response(new ReadableStream({ pull }));
    };
    await checkRun(await Executor.create(sharded([long, weights()]), { files, fetch: mine }));
    expect(asked).toEqual(["part-0", "part-1"]);
  });

  test("a wrong one is refused though its weights were prepared before its digest was known", async () => {
    const given = { ...files, "part-0": weights([1, 2, 3]), "part-1": other };
    const creation = Executor.create(sharded([weights(), other]), { files: given });
    await expect(creation).rejects.toThrow(DigestError);
  });
});

describe("the wasm file", () => {
  const { "tiny.relaxed.wasm": relaxed, ...plain } = files;

  test("is the one that this host accepts", () => {
    const executor = Executor.createSync(modelAt(base), { files });
    expect(executor.describe().isa).toBe(hasRelaxedSimd() ? "relaxed" : "simd128");
  });

  test("is the one asked for", () => {
    const executor = Executor.createSync(modelAt(base), { files, isa: "relaxed" });
    expect(executor.describe().isa).toBe("relaxed");
  });

  test("is none but those that there are", async () => {
    const isa = "avx" as "relaxed";
    await expect(Executor.create(modelAt(base), { isa })).rejects.toThrow(OptionError);
    expect(() => Executor.createSync(modelAt(base), { files, isa })).toThrow('"isa" is "avx"');
  });

  test("is the one that was given, where the host accepts both", () => {
    vi.stubGlobal(
      "WebAssembly",
      new Proxy(WebAssembly, {
        get: (target, name) => (name === "validate" ? () => true : Reflect.get(target, name)),
      }),
    );
    const isaOf = (given: typeof files) =>
      Executor.createSync(modelAt(base), { files: given }).describe().isa;
    expect(isaOf(files)).toBe("relaxed");
    expect(isaOf(plain)).toBe("simd128");
  });
});

describe("the host", () => {
  test("rests by whatever there is", async () => {
    for (const missing of [[], ["MessageChannel"], ["MessageChannel", "setTimeout"]]) {
      for (const name of missing) vi.stubGlobal(name, undefined);
      await systemHost().rest();
      vi.unstubAllGlobals();
    }
  });

  test("gives other tasks a turn when it rests", async () => {
    let others = 0;
    const timer = setInterval(() => others++, 0);
    for (const goOn = patience(); !others && goOn();) await systemHost().rest();
    clearInterval(timer);
    expect(others).toBeGreaterThan(0);
  });

  test("has a clock in any case", () => {
    vi.stubGlobal("performance", undefined);
    expect(Math.abs(systemHost().now() - Date.now())).toBeLessThan(60_000);
  });
});
