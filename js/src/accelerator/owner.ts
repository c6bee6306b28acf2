import { StateError } from "../errors.js";
import { having } from "../rules.js";
import type { Accelerator, Lease } from "./accelerator.js";

/** What an owner waits for, unless it gives up. */
export interface Wait {
  readonly accelerator: Accelerator;
  /** Stop waiting, with this error. */
  fail(error: unknown): void;
}

// Each package may have its own copy of this class, so `instanceof` does not tell.
export const anOwner = having("an Owner", "checkOpen");

/**
 * One line of work that holds accelerators: it does one thing at a time, so while it waits for one
 * accelerator it keeps what it holds of others. Its name is what errors call it.
 *
 * An owner knows what it holds and waits for; accelerators tell it.
 */
export class Owner {
  readonly name: string;
  readonly #leases: Lease[] = [];
  #wait: Wait | undefined;
  #disposed = false;

  constructor(name: string) {
    this.name = name;
  }

  /** The accelerator that it waits for. */
  get waitsFor(): Accelerator | undefined {
    return this.#wait?.accelerator;
  }

  /** Throw StateError if disposed. */
  checkOpen(): void {
    if (this.#disposed) throw new StateError(`the owner ${this.name} is disposed`);
  }

  keep(lease: Lease): void {
    this.#leases.push(lease);
  }

  drop(lease: Lease): void {
    const last = this.#leases.pop();
    if (last && last !== lease) this.#leases[this.#leases.indexOf(lease)] = last;
  }

  /** Begin to wait. Throws StateError if it waits already. */
  startWaiting(wait: Wait): void {
    if (this.#wait) {
      throw new StateError(
        `the owner ${this.name} waits for ${this.#wait.accelerator.name} already: ` +
          "give each of several parallel lines of work an owner",
      );
    }
    this.#wait = wait;
  }

  stopWaiting(): void {
    this.#wait = undefined;
  }

  /** Give back all that it holds; what it waits for rejects with StateError. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#wait?.fail(new StateError(`the owner ${this.name} was disposed while it waited`));
    for (const lease of [...this.#leases]) lease.end();
  }
}
