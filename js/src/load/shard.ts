import type { Blocks } from "./read.js";

/** A file on its way, read from its beginning to its end. */
export class Shard {
  readonly #blocks: Blocks;
  /** The block that has been asked for and not been taken. */
  #asked: ReturnType<Blocks["next"]> | undefined;
  /** What has come and nobody has taken yet. */
  #left: Uint8Array = new Uint8Array(0);

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  /** Ask for the next block ahead of the read that takes it. */
  ask(): void {
    if (this.#asked) return;
    this.#asked = this.#blocks.next();
    this.#asked.catch(() => {}); // Whoever reads it is told.
  }

  /**
   * Read the next bytes into `into`, and return how many came: fewer than it has room for only at the
   * end. Rejects as `load` says.
   */
  async read(into: Uint8Array): Promise<number> {
    let count = 0;
    while (count < into.length && (await this.#more())) {
      const part = this.#take(into.length - count);
      into.set(part, count);
      count += part.length;
    }
    return count;
  }

  /** Read past the next `length` bytes, or past all. Returns how many there were. */
  async skip(length = Infinity): Promise<number> {
    let count = 0;
    while (count < length && (await this.#more())) count += this.#take(length - count).length;
    return count;
  }

  #take(most: number): Uint8Array {
    const part = this.#left.subarray(0, most);
    this.#left = this.#left.subarray(part.length);
    return part;
  }

  /** Wait until something is there that nobody has taken; return false at the end. */
  async #more(): Promise<boolean> {
    while (!this.#left.length) {
      this.ask();
      const asked = this.#asked as ReturnType<Blocks["next"]>;
      this.#asked = undefined;
      const { value, done } = await asked;
      if (done) return false;
      this.#left = value;
    }
    return true;
  }
}
