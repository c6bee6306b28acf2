/** The time of one op over the runs that were traced, in milliseconds. */
export interface TraceRow {
  readonly op: string;
  readonly kind: string;
  readonly calls: number;
  readonly total: number;
  /** Of the latest call. */
  readonly last: number;
}

/**
 * Collects the time of each op: hand one to `run` and read its rows afterwards. The clock is the
 * executor's host's. Tracing times each call by itself, so a traced run is a little slower.
 */
export class Trace {
  readonly #rows = new Map<string, TraceRow>();

  /** A row for each op that has run, in the order in which they first did. */
  get rows(): TraceRow[] {
    return [...this.#rows.values()];
  }

  /** Count one call of `op` that took `ms` milliseconds. */
  add(op: { readonly name: string; readonly kind: string }, ms: number): void {
    const { calls = 0, total = 0 } = this.#rows.get(op.name) ?? {};
    const row = { op: op.name, kind: op.kind, calls: calls + 1, total: total + ms, last: ms };
    this.#rows.set(op.name, row);
  }

  clear(): void {
    this.#rows.clear();
  }
}
