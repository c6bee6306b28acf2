import type { DType } from "../data.js";
import type { Room, TextureOf } from "../devices/device.js";
import { StateError } from "../errors.js";
import { isPicture, type Picture } from "../picture/picture.js";
import { elementsOf } from "../picture/pixels.js";
import type { DataOf } from "../tensor.js";

/** Sets of rooms, one for each value of a model; bit i stands for the room number i. */
export type RoomSets = Uint8Array;

/**
 * The values of one frame, in the rooms of its devices. A value is copied into a room where an op
 * needs it, once, until it is written anew.
 */
export class Values {
  readonly #rooms: readonly Room[];
  readonly #places: RoomSets;
  readonly #initial: RoomSets;
  readonly #current: RoomSets;

  /**
   * `places` are the rooms in which each value may be written before an op does; `initial` those that
   * have it before a run.
   */
  constructor(rooms: readonly Room[], places: RoomSets, initial: RoomSets) {
    this.#rooms = rooms;
    this.#places = places;
    this.#initial = initial;
    this.#current = initial.slice();
  }

  /** Whether there are several devices. */
  get several(): boolean {
    return this.#rooms.length > 1;
  }

  /** Whether reading a value may block. */
  get blocks(): boolean {
    return this.#rooms.some((room) => room.readLater);
  }

  /** Forget what the run before left. */
  reset(): void {
    this.#current.set(this.#initial);
  }

  /** Write a value wherever it is, or else where it has a place first. */
  write(value: number, data: DataOf<DType> | Picture): void {
    if (isPicture(data)) {
      this.#paint(value, data);
      return;
    }
    const places = (this.#current[value] as number) || (this.#places[value] as number);
    for (const [index, room] of this.#rooms.entries()) {
      if (places & (1 << index)) room.write(value, data);
    }
    this.#current[value] = places;
  }

  /** Copy a value out. */
  read(value: number): DataOf<DType> {
    return this.#source(value).read(value);
  }

  /** The texture that a value lies in. Throws StateError where it is in none. */
  texture(value: number): TextureOf {
    const current = this.#current[value] as number;
    const room = this.#rooms.find((room, index) => room.texture && current & (1 << index));
    const texture = room?.texture?.(value);
    if (!texture) throw new StateError("an output lies in no texture, since its op ran on wasm");
    return texture;
  }

  /** Show a value as it lies in memory, or copy it out where that can't be seen. */
  view(value: number): DataOf<DType> {
    const room = this.#source(value);
    return room.view ? room.view(value) : room.read(value);
  }

  /** The same as `read` without blocking. */
  async readLater(value: number): Promise<DataOf<DType>> {
    const room = this.#source(value);
    return room.readLater ? room.readLater(value) : room.read(value);
  }

  /** Copy those of `values` into the room number `index` that it lacks. */
  bring(values: readonly number[], index: number): void {
    for (const value of this.#missing(values, index)) this.#put(value, this.read(value), index);
  }

  /** The same without blocking; undefined where there is nothing to wait for. */
  bringLater(values: readonly number[], index: number): Promise<void> | undefined {
    const missing = this.#missing(values, index);
    if (!missing.some((value) => this.#source(value).readLater)) return undefined;
    const copies = missing.map(async (value) => {
      this.#put(value, await this.readLater(value), index);
    });
    return Promise.all(copies).then(() => {});
  }

  /** Hear that an op has written `values` in the room number `index`. */
  wrote(values: readonly number[], index: number): void {
    for (const value of values) this.#current[value] = 1 << index;
  }

  /** Draw a value where that can be done, and whoever needs it elsewhere brings it; else compute it. */
  #paint(value: number, picture: Picture): void {
    const index = this.#rooms.findIndex((room, index) => {
      return room.paint && (this.#places[value] as number) & (1 << index);
    });
    if (index < 0) {
      this.write(value, elementsOf(picture));
      return;
    }
    this.#rooms[index]?.paint?.(value, picture);
    this.#current[value] = 1 << index;
  }

  #missing(values: readonly number[], index: number): number[] {
    return values.filter((value) => !((this.#current[value] as number) & (1 << index)));
  }

  #put(value: number, data: DataOf<DType>, index: number): void {
    (this.#rooms[index] as Room).write(value, data);
    this.#current[value] = (this.#current[value] as number) | (1 << index);
  }

  /** A room that has a value: one that need not be waited for, if there is any. */
  #source(value: number): Room {
    const current = this.#current[value] as number;
    const [first] = this.#rooms;
    if (first && current === 1) return first;
    const having = this.#rooms.filter((_, index) => current & (1 << index));
    const room = having.find((one) => !one.readLater) ?? having[0];
    if (!room) throw new StateError(`the value number ${value} has not been written yet`);
    return room;
  }
}
