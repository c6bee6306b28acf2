import { mustBe } from "../rules.js";

/** How many threads an executor may use: a number, or as many as are worth it here. */
export type Threads = number | "auto";

/** How many threads there are, and how many were asked for: more where the host does not give them. */
export interface ThreadCount {
  readonly threads: number;
  readonly asked: number;
}

export interface ThreadOptions {
  readonly threads?: Threads | undefined;
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/** A thread beside the one that this code runs on. */
export interface Thread {
  /** Hand `message` over, and resolve with the answer. Rejects where the thread does not start. */
  ask(message: object): Promise<unknown>;
  /** End it. */
  terminate(): void;
}

/** What more threads would wait for is memory, and phones have no more cores that are quick. */
const MOST_AUTO = 4;
const MOST = 64;

export const threadsRule = mustBe(`"auto" or a whole number from 1 to ${MOST}`, (value) => {
  const isCount = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST;
  return value === "auto" || isCount;
});

/**
 * How many threads an executor gets of those wanted; `onWarning` hears why they are fewer than were
 * asked for.
 */
export function usableThreads({
  threads: wanted = 1,
  onWarning = (warning) => globalThis.console?.warn(warning),
}: ThreadOptions): ThreadCount {
  const threads = wanted === "auto" ? Math.min(cores(), MOST_AUTO) : wanted;
  const lack = threads > 1 ? lackOfThreads() : undefined;
  // What is told to run on one of the threads that are worth it somewhere runs everywhere.
  const asked = wanted === "auto" ? MOST_AUTO : threads;
  if (!lack) return { threads, asked };
  onWarning(`pyjsml runs on 1 thread instead of ${threads}: ${lack}`);
  return { threads: 1, asked };
}

function cores(): number {
  const { navigator } = globalThis as { navigator?: Partial<Navigator> };
  return navigator?.hardwareConcurrency ?? nodeModule("os")?.availableParallelism() ?? 1;
}

/** Why there can be no second thread here; undefined where there can. */
function lackOfThreads(): string | undefined {
  const host = globalThis as Partial<typeof globalThis>;
  if (host.crossOriginIsolated === false) {
    return (
      "the page is not cross-origin isolated; serve it with the headers " +
      '"Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp"'
    );
  }
  if (!host.SharedArrayBuffer || !(host.Worker ?? nodeModule("worker_threads"))) {
    return "there are no threads in this engine";
  }
  if ((import.meta.url as string | undefined) === undefined) {
    return "the runtime was loaded as a script; import it as a module";
  }
  return undefined;
}

/** Start a thread on the file `worker.js` beside this one; `onEnd` hears of its end, asked for or not. */
export function startThread(onEnd: (cause: unknown) => void): Thread {
  // Of the two kinds that some hosts have, a program may end without waiting for Node's.
  const isPage = globalThis.document !== undefined && globalThis.Worker !== undefined;
  const node = isPage ? undefined : nodeModule("worker_threads");
  return node ? startNodeWorker(node, onEnd) : startWebWorker(onEnd);
}

function startWebWorker(onEnd: (cause: unknown) => void): Thread {
  // Bundlers bring the file along where they see this very expression.
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return {
    ask(message) {
      return new Promise((resolve, reject) => {
        const end = (event: Event) => {
          event.preventDefault();
          const cause = (event as Partial<ErrorEvent>).message || "its file can't be loaded";
          reject(cause);
          onEnd(cause);
        };
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = end;
        worker.onmessageerror = end;
        worker.postMessage(message);
      });
    },
    terminate: () => worker.terminate(),
  };
}

function startNodeWorker(
  { Worker }: typeof import("node:worker_threads"),
  onEnd: (cause: unknown) => void,
): Thread {
  const url = new URL(import.meta.url.replace(/[^/]*$/, "worker.js"));
  // What the command line says of the main program, a worker may not be able to do.
  const worker = new Worker(url, { execArgv: [] });
  return {
    ask(message) {
      return new Promise((resolve, reject) => {
        const end = (cause: unknown) => {
          reject(cause);
          onEnd(cause);
        };
        worker.on("error", end);
        worker.on("exit", (code) => end(`it ended with code ${code}`));
        worker.on("message", (answer) => {
          // From now on a program may end without it.
          worker.unref();
          resolve(answer);
        });
        worker.postMessage(message);
      });
    },
    terminate: () => void worker.terminate(),
  };
}

/** A module of Node's, asked for at run time, so that a bundler for browsers sees no import of it. */
function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  return globalThis.process?.getBuiltinModule?.(`node:${name}`) as NodeModules[Name] | undefined;
}

interface NodeModules {
  readonly os: typeof import("node:os");
  readonly worker_threads: typeof import("node:worker_threads");
}
