import type { Next, NextSync } from "../executor/hooks.js";
import { aNumber, checkOptions, type Rules } from "../rules.js";
import type { Accelerator } from "./accelerator.js";
import { anOwner, Owner } from "./owner.js";

export interface AcceleratorPolicyOptions {
  /** What errors call the executor; to be given where it holds other accelerators too. */
  readonly owner?: Owner | undefined;
  /** The highest goes first, 0 by default. */
  readonly priority?: number | undefined;
}

const RULES: Rules<AcceleratorPolicyOptions> = { owner: anOwner, priority: aNumber };

/**
 * Runs each op of one executor under a lease of an accelerator. A run that is aborted waits for it
 * no more; a run that may not wait throws StateError where another holds it.
 */
export class AcceleratorPolicy {
  readonly #accelerator: Accelerator;
  readonly #owner: Owner;
  readonly #priority: number | undefined;
  #signal: AbortSignal | undefined;

  /** Throws OptionError where an option is of no use. */
  constructor(accelerator: Accelerator, options: AcceleratorPolicyOptions) {
    checkOptions(`a policy of ${accelerator.name}`, options, RULES);
    const { owner, priority } = options;
    this.#accelerator = accelerator;
    this.#owner = owner ?? new Owner(`a user of ${accelerator.name}`);
    this.#priority = priority;
  }

  onStart({ signal }: { readonly signal?: AbortSignal | undefined }): void {
    this.#signal = signal;
  }

  onFinish(): void {
    this.#signal = undefined;
  }

  dispatch(_op: unknown, next: Next): Promise<void> {
    const request = { owner: this.#owner, priority: this.#priority, signal: this.#signal };
    return this.#accelerator.hold(request, next);
  }

  dispatchSync(_op: unknown, next: NextSync): void {
    this.#accelerator.holdSync({ owner: this.#owner, priority: this.#priority }, next);
  }
}
