/** The clock and the turns of the event loop, which every host has under other names. */

/** How long getting ready may keep the event loop waiting. */
export const REST_AFTER_MS = 8;

/** What an executor asks of its surroundings. */
export interface Host {
  /** A clock, in milliseconds. */
  now(): number;
  /** Let the event loop take a turn. */
  rest(): Promise<void>;
  /** Let what is more urgent take its turn, and come back before the rest of what waits. */
  yield(): Promise<void>;
}

/** The host that this code runs in; what the caller gives in `parts` comes first. */
export function systemHost(parts: Partial<Host> = {}): Host {
  const { performance, MessageChannel, setTimeout } = globalThis as Partial<typeof globalThis>;
  const now = performance ? () => performance.now() : () => Date.now();
  const { setImmediate } = globalThis as { setImmediate?(turn: () => void): unknown };
  // A message comes at once; browsers delay nested timers by milliseconds.
  const rest = () =>
    new Promise<void>((resolve) => {
      if (setImmediate) {
        setImmediate(resolve);
        return;
      }
      if (!MessageChannel) {
        if (setTimeout) setTimeout(resolve, 0);
        else resolve();
        return;
      }
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(undefined);
    });
  const { scheduler } = globalThis as { scheduler?: { yield?(): Promise<void> } };
  const giveWay = () => scheduler?.yield?.() ?? rest();
  return { now, rest, yield: giveWay, ...parts };
}
