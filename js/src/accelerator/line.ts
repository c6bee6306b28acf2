/** Who waits, with what decides when its turn comes. */
export interface Waiting {
  /** The highest goes first. */
  readonly priority: number;
}

/**
 * How often others may go before the one that has waited longest. That one then goes in spite of its
 * priority, so more than one in a hundred of the others never waits for it: their 99th percentile
 * is what it would be without.
 */
export const PATIENCE = 128;

/**
 * A line of those that wait: the highest priority goes first, and of equals the one that came first.
 * Whoever has waited longest ages each time that another goes first, and goes itself once it has
 * aged by PATIENCE. So the nth of the line waits for n × (PATIENCE + 1) others at most.
 */
export class Line<W extends Waiting> {
  /** In the order in which they came. */
  readonly #waiting: W[] = [];
  /** How often another went before the first of them. */
  #age = 0;

  get size(): number {
    return this.#waiting.length;
  }

  add(one: W): void {
    this.#waiting.push(one);
  }

  /** Take the one whose turn it is out of the line. */
  next(): W | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const urgent = this.#waiting.reduce((a, b) => (b.priority > a.priority ? b : a));
    const next = this.#age < PATIENCE ? urgent : first;
    this.remove(next);
    if (next !== first) this.#age++;
    return next;
  }

  remove(one: W): void {
    const at = this.#waiting.indexOf(one);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    if (at === 0) this.#age = 0;
  }

  /** Take all out of the line. */
  clear(): W[] {
    this.#age = 0;
    return this.#waiting.splice(0);
  }
}
