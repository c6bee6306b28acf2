import { StateError } from "../errors.js";

/** Who may use an executor's memory: one run at a time, in the order in which they were asked for. */
export class Turns {
  #last: Promise<unknown> | undefined;
  #taken = false;
  #closed = false;
  /** Ends the turn of an iterator that is under way. */
  #letGo = () => {};

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Do `job` once all that came before is done. Rejects with StateError if closed by then. */
  take<T>(job: () => T | Promise<T>): Promise<T> {
    const turn = this.#follow(this.#last, job);
    this.#last = turn;
    return turn;
  }

  /** Iterate over `job` once all that came before is done; whoever comes after waits for its end. */
  async *iterate<T, R>(job: () => AsyncGenerator<T, R>): AsyncGenerator<T, R, void> {
    const letGo = await this.#hold();
    try {
      return yield* job();
    } finally {
      letGo();
    }
  }

  /** Do `job` at once. Throws StateError where another one is under way. */
  takeNow<T>(job: () => T): T {
    this.checkOpen();
    if (this.#taken) {
      throw new StateError(
        "a run of this executor is under way: await it before a synchronous one",
      );
    }
    this.#taken = true;
    try {
      return job();
    } finally {
      this.#taken = false;
    }
  }

  /** Throw StateError if closed. */
  checkOpen(): void {
    if (this.#closed) throw new StateError("this executor is disposed: create another one");
  }

  /** Settles when all the jobs asked for so far are done. */
  async done(): Promise<void> {
    await this.#last?.catch(() => {});
  }

  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  /** Resolves once the turn has come, with what ends it; so does `close`. */
  #hold(): Promise<() => void> {
    return new Promise((begin, reject) => {
      const turn = () =>
        new Promise<void>((end) => {
          this.#letGo = end;
          begin(end);
        });
      this.take(turn).catch(reject);
    });
  }

  async #follow<T>(before: Promise<unknown> | undefined, job: () => T | Promise<T>): Promise<T> {
    try {
      await before;
    } catch {
      // Whoever asked for that job is told.
    }
    this.checkOpen();
    this.#taken = true;
    try {
      return await job();
    } finally {
      this.#taken = false;
    }
  }
}
