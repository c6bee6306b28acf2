/** What tests of accelerators share: dice that fall the same way, and locks like a browser's. */
import type { Locks } from "../src/index.js";

/** Numbers from 0 to below `n`, the same for the same seed (Marsaglia's xorshift). */
export function dice(seed: number): (n: number) => number {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

/** Let `n` other microtasks run. */
export async function ticks(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await undefined;
}

/** Tells whether those between `enter` and `leave` were ever more than one. */
export class Room {
  readonly entered: string[] = [];
  inside = 0;
  most = 0;

  enter(name: string): void {
    this.entered.push(name);
    this.most = Math.max(this.most, ++this.inside);
  }

  leave(): void {
    this.inside--;
  }
}

/** Exclusive locks as the Web Locks API has them: first come, first served, for each name. */
export class FairLocks implements Locks {
  readonly #last = new Map<string, Promise<void>>();
  readonly #refusals = new Map<string, (cause: Error) => void>();

  request(name: string, callback: () => Promise<void>): Promise<void> {
    const done = (this.#last.get(name) ?? Promise.resolve()).then(callback);
    this.#last.set(
      name,
      done.catch(() => {}),
    );
    return new Promise((resolve, reject) => {
      done.then(resolve, reject);
      this.#refusals.set(name, reject);
    });
  }

  /** Reject the latest request for `name`, as the API does where a lock is stolen. */
  steal(name: string): void {
    this.#refusals.get(name)?.(new Error("stolen"));
  }
}
