import { DeadlockError, StateError } from "../errors.js";
import { aNumber, aSignal, checkOptions, having, type Rules } from "../rules.js";
import { Line } from "./line.js";
import { anOwner, type Owner } from "./owner.js";
import { AcceleratorPolicy, type AcceleratorPolicyOptions } from "./policy.js";

/** The part of the Web Locks API (`navigator.locks`) that an accelerator needs. */
export interface Locks {
  request(name: string, callback: () => Promise<void>): Promise<unknown>;
}

export interface AcceleratorOptions {
  /**
   * With it (`navigator.locks`), exclusion spans the workers and tabs of an origin: accelerators of
   * the same name are then one. Otherwise only users of this very object exclude each other.
   */
  readonly locks?: Locks | undefined;
}

/** Who wants an accelerator, and how much. */
export interface LeaseRequest {
  readonly owner: Owner;
  /** The highest goes first, 0 by default: a camera's model has more than one in the background. */
  readonly priority?: number | undefined;
  /** Ends the waiting, with its reason. It does not take a lease back. */
  readonly signal?: AbortSignal | undefined;
}

const RULES: Rules<AcceleratorOptions> = { locks: having("navigator.locks", "request") };
const OF_LEASE: Rules<LeaseRequest> = { owner: anOwner, priority: aNumber, signal: aSignal };

/** The right to use an accelerator alone, until it is given back. */
export class Lease {
  readonly owner: Owner;
  readonly #accelerator: string;
  readonly #giveBack: () => void;
  #released = false;
  #ended = false;

  constructor(accelerator: string, owner: Owner, giveBack: () => void) {
    this.#accelerator = accelerator;
    this.owner = owner;
    this.#giveBack = giveBack;
    owner.keep(this);
  }

  /** Whether the accelerator is still this lease's. */
  get held(): boolean {
    return !this.#ended;
  }

  /**
   * Give the accelerator back. Throws StateError the second time. After it was taken away, from an
   * owner that is disposed, the one release that its holder owes does nothing.
   */
  release(): void {
    if (this.#released) {
      throw new StateError(`the lease of ${this.#accelerator} was released twice`);
    }
    this.#released = true;
    this.end();
  }

  /** Take it away, released or not. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.owner.drop(this);
    this.#giveBack();
  }
}

interface Waiter {
  readonly owner: Owner;
  readonly priority: number;
  /** Stop waiting, with a lease or an error. */
  serve(lease: Lease): void;
  fail(error: unknown): void;
}

/**
 * Something that only one may use at a time: a GPU, a matrix unit, or a thread that several models
 * share. Who holds a lease has it alone; the others wait in a `Line`, by priority and without
 * starvation.
 *
 * With `locks`, this agent (a page or a worker) waits for its turn among the others, and each turn is
 * for one lease. The host serves agents in the order in which their requests reach it, so priorities
 * rank the owners within an agent only. Neither can owners of several agents be seen to wait for each
 * other: deadlocks between agents are for the caller to avoid.
 */
export class Accelerator {
  readonly name: string;
  readonly #locks: Locks | undefined;
  readonly #line = new Line<Waiter>();
  readonly #giveBack = () => this.#passOn();
  #lease: Lease | undefined;
  /** Whether this agent asks the others for its turns. */
  #asking = false;
  /** Ends this agent's turn. */
  #endTurn: (() => void) | undefined;

  /** Throws OptionError where an option is of no use. */
  constructor(name: string, options: AcceleratorOptions = {}) {
    checkOptions(name, options, RULES);
    this.name = name;
    this.#locks = options.locks;
  }

  /**
   * Take a lease at once, if nobody has one; never with `locks`, which take time. Throws
   * StateError if the owner is disposed, OptionError, or the signal's reason.
   */
  tryAcquire(request: LeaseRequest): Lease | undefined {
    if (!isFine(request)) checkOptions(this.name, request, OF_LEASE, "owner");
    const { owner, signal } = request;
    owner.checkOpen();
    signal?.throwIfAborted();
    return this.#lease || this.#locks ? undefined : this.#lend(owner);
  }

  /**
   * Wait for a lease. Rejects as `tryAcquire` throws; with DeadlockError if the owner would wait
   * for itself, through whatever others hold and wait for; and with StateError if the owner waits
   * already, is disposed meanwhile, or the locks of this host refuse.
   */
  async acquire(request: LeaseRequest): Promise<Lease> {
    return this.tryAcquire(request) ?? (await this.#wait(request));
  }

  /** Do `job` under a lease, and give that back however the job ends. */
  async hold<T>(request: LeaseRequest, job: () => T | Promise<T>): Promise<T> {
    const lease = this.tryAcquire(request) ?? (await this.#wait(request));
    try {
      request.owner.checkOpen();
      return await job();
    } finally {
      lease.release();
    }
  }

  /** The same without waiting. Throws StateError if the accelerator can't be had at once. */
  holdSync<T>(request: LeaseRequest, job: () => T): T {
    const lease = this.tryAcquire(request);
    if (!lease) {
      const why = this.#lease ? `${this.#lease.owner.name} holds it` : "its locks take time";
      throw new StateError(`${this.name} can't be had at once, since ${why}: wait for it`);
    }
    try {
      return job();
    } finally {
      lease.release();
    }
  }

  /** Make a policy for one executor, whose ops then each run under a lease. */
  policy(options: AcceleratorPolicyOptions = {}): AcceleratorPolicy {
    return new AcceleratorPolicy(this, options);
  }

  #wait({ owner, priority = 0, signal }: LeaseRequest): Promise<Lease> {
    this.#checkCycle(owner);
    return new Promise((resolve, reject) => {
      const stop = () => {
        signal?.removeEventListener("abort", abort);
        owner.stopWaiting();
      };
      const waiter: Waiter = {
        owner,
        priority,
        serve(lease) {
          stop();
          resolve(lease);
        },
        fail: (error) => {
          this.#line.remove(waiter);
          stop();
          reject(error as Error);
        },
      };
      const abort = () => waiter.fail(signal?.reason);
      owner.startWaiting({ accelerator: this, fail: waiter.fail });
      signal?.addEventListener("abort", abort);
      this.#line.add(waiter);
      if (this.#locks && !this.#asking) void this.#ask(this.#locks);
    });
  }

  /**
   * Follow who holds what `owner` wants, what that one waits for, and so on. An owner waits for one
   * thing at a time, so this is a single path; and it ends, since nobody begins to wait in a circle.
   */
  #checkCycle(owner: Owner): void {
    const path: string[] = [];
    let waiting = owner;
    let wanted: Accelerator | undefined = this;
    while (wanted && wanted.#lease) {
      const holder: Owner = wanted.#lease.owner;
      path.push(`${waiting.name} waits for ${wanted.name}, which ${holder.name} holds`);
      if (holder === owner) {
        throw new DeadlockError("owners of accelerators would wait for each other forever", path);
      }
      waiting = holder;
      wanted = holder.waitsFor;
    }
  }

  /** Ask the other agents for a turn for as long as somebody waits here. */
  async #ask(locks: Locks): Promise<void> {
    this.#asking = true;
    try {
      while (this.#line.size) {
        await locks.request(`pyjsml/${this.name}`, () => {
          // Whoever asked may have given up by now.
          const next = this.#line.next();
          return next ? this.#takeTurn(next) : Promise.resolve();
        });
      }
    } catch (cause) {
      // Refused; or stolen by another agent, so that the lease is worth nothing any more.
      const error = new StateError(`this host's locks refuse ${this.name}`, [], { cause });
      for (const waiter of this.#line.clear()) waiter.fail(error);
      this.#lease?.end();
    } finally {
      this.#asking = false;
    }
  }

  /** Serve `waiter`; resolves when it gives its lease back. */
  #takeTurn(waiter: Waiter): Promise<void> {
    return new Promise((resolve) => {
      this.#endTurn = resolve;
      waiter.serve(this.#lend(waiter.owner));
    });
  }

  #lend(owner: Owner): Lease {
    return (this.#lease = new Lease(this.name, owner, this.#giveBack));
  }

  /** Hear that the lease is given back: the next in the line gets one. */
  #passOn(): void {
    this.#lease = undefined;
    if (this.#locks) {
      this.#endTurn?.();
      return;
    }
    const next = this.#line.next();
    next?.serve(this.#lend(next.owner));
  }
}

/** Whether a request is surely as it may be. Ops ask for leases, and to say what is wrong takes longer. */
function isFine(request: LeaseRequest): boolean {
  for (const name in request) if (!(name in OF_LEASE)) return false;
  const { owner, priority, signal } = (request ?? {}) as Partial<LeaseRequest>;
  return (
    typeof owner?.checkOpen === "function" &&
    (priority === undefined || Number.isFinite(priority)) &&
    (signal === undefined || typeof signal?.throwIfAborted === "function")
  );
}
