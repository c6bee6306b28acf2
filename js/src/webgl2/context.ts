import { DeviceError, DeviceLostError, StateError } from "../errors.js";
import { tagOf } from "../tensor.js";
import { borrowState, setState } from "./state.js";

/** How an executor may come by a WebGL2 context. */
export interface WebGl2Options {
  /**
   * A context of the caller's. Its state is put back after each use. Without one, the executor makes
   * one of its own, and loses it when it is disposed.
   */
  readonly context?: WebGL2RenderingContext | undefined;
  /**
   * What float32 values are rounded to between ops: "float32", which is nothing, by default. "float16"
   * takes half the memory; see `Description`.
   */
  readonly precision?: Precision | undefined;
}

/** How exactly float32 values are kept. */
export type Precision = "float32" | "float16";

/**
 * What textures of float values are made of. Where a machine can't draw float32, the 32 bits of each
 * value are an integer's.
 */
export type FloatFormat = "rgba32f" | "rgba16f" | "rgba32i";

/** A WebGL2 context, made for the purpose or lent by the user. */
export class Context {
  readonly gl: WebGL2RenderingContext;
  readonly floats: FloatFormat;
  /** Tells whether a program is linked without waiting for it; not every browser has it. */
  readonly parallel: KHR_parallel_shader_compile | null;
  /** How many textures a draw may read. */
  readonly units: number;
  /** How many texels wide and high a texture may be. */
  readonly maxSize: number;
  readonly #owned: boolean;
  readonly #precision: Precision;
  readonly #rebuild = new Set<() => void>();
  readonly #drop = new AbortController();
  /** Has no attributes: draws need none, and the caller's may be on. */
  #vertices: WebGLVertexArrayObject | null = null;
  #lost = false;

  /** Throws DeviceError where there is no such context, it is lost, or it lacks what is asked for. */
  constructor({ context, precision = "float32" }: WebGl2Options = {}) {
    this.gl = context === undefined ? makeContext() : checkContext(context);
    this.#owned = context === undefined;
    this.#precision = precision;
    try {
      this.check(); // One that is lost has no extensions, whatever the machine has.
      this.floats = floatFormatOf(this.gl, precision);
      this.parallel = this.gl.getExtension("KHR_parallel_shader_compile");
      this.units = this.gl.getParameter(this.gl.MAX_TEXTURE_IMAGE_UNITS) as number;
      this.maxSize = this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE) as number;
      this.#begin();
      this.check(); // It may be lost between any two of these calls.
    } catch (error) {
      this.dispose();
      throw error;
    }
    this.#listen();
  }

  /** Whether what was in the context is gone, and the browser has not restored the context yet. */
  get lost(): boolean {
    return this.#lost || this.gl.isContextLost();
  }

  /** Throw DeviceLostError if the context is lost, StateError once it has been disposed of. */
  check(): void {
    if (this.#drop.signal.aborted) {
      throw new StateError("this executor is disposed: create another one");
    }
    if (!this.lost) return;
    throw new DeviceLostError(
      "the WebGL2 context is lost (a driver was reset, or the page has too many contexts): run again " +
        "once the browser has restored it",
    );
  }

  /**
   * Do `action`, which may change any state that `state.ts` knows of and use the first `units`
   * texture units. Throws DeviceLostError if the context is lost, before or meanwhile, and StateError
   * as `borrowState` does.
   */
  use<T>(units: number, action: () => T): T {
    this.check();
    const giveBack = this.#owned ? undefined : borrowState(this.gl, units);
    if (giveBack) this.gl.bindVertexArray(this.#vertices);
    try {
      return action();
    } finally {
      // What a lost context was asked for, it may not have answered.
      if (!this.lost) giveBack?.();
      this.check();
    }
  }

  /** Wait until `done` holds, or the context is lost, which throws DeviceLostError. */
  async until(done: () => boolean): Promise<void> {
    // Neither fences nor compilers call back, and what they say changes only between tasks. Chromium's
    // GPU process tells of a fence when it is left alone for a moment: asking more often takes longer.
    do await new Promise<void>((resolve) => setTimeout(resolve));
    while (!this.lost && !done());
    this.check();
  }

  /** Call `rebuild` each time that the browser has restored the context, empty as it then is. */
  onRestored(rebuild: () => void): void {
    this.#rebuild.add(rebuild);
  }

  /** Forget the context; one that was made for the purpose is lost, which frees it at once. */
  dispose(): void {
    this.#drop.abort();
    this.#rebuild.clear();
    this.gl.deleteVertexArray(this.#vertices);
    if (this.#owned) this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  #begin(): void {
    if (this.#owned) setState(this.gl);
    else this.#vertices = this.gl.createVertexArray();
  }

  #listen(): void {
    const { canvas } = this.gl;
    const { signal } = this.#drop;
    canvas.addEventListener(
      "webglcontextlost",
      (event) => {
        event.preventDefault(); // Else the browser never restores it.
        this.#lost = true;
      },
      { signal },
    );
    canvas.addEventListener(
      "webglcontextrestored",
      () => {
        // Whoever heard of it earlier may have lost it again, of which there is another event.
        if (!this.gl.isContextLost()) this.#restore();
      },
      { signal },
    );
  }

  #restore(): void {
    this.#lost = false;
    try {
      floatFormatOf(this.gl, this.#precision); // Extensions have to be asked for again.
      this.gl.getExtension("KHR_parallel_shader_compile");
      this.#begin();
      for (const rebuild of this.#rebuild) rebuild();
    } catch (error) {
      if (!this.lost) throw error;
    }
  }
}

function makeContext(): WebGL2RenderingContext {
  const host = globalThis as Partial<typeof globalThis>;
  const canvas = host.OffscreenCanvas
    ? new OffscreenCanvas(1, 1)
    : host.document?.createElement("canvas");
  if (!canvas) {
    throw new DeviceError(
      'this host has no WebGL2, which only browsers have: leave "webgl2" out of "devices"',
    );
  }
  let why = "";
  canvas.addEventListener("webglcontextcreationerror", (event) => {
    why = (event as WebGLContextEvent).statusMessage;
  });
  const context = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    powerPreference: "high-performance",
  }) as WebGL2RenderingContext | null;
  if (context) return context;
  throw new DeviceError(
    "the browser gives no WebGL2 context: it has none, is told not to use the GPU, or knows that its " +
      `driver fails${why && ` (it says: ${why})`}; leave "webgl2" out of "devices", or let pickDevice() ` +
      "choose",
  );
}

function checkContext(context: unknown): WebGL2RenderingContext {
  // Told by its tag, since it may come from another frame.
  const tag = tagOf(context);
  if (tag === "WebGL2RenderingContext") return context as WebGL2RenderingContext;
  if (tag === "WebGLRenderingContext") {
    throw new DeviceError(
      "webgl2.context is of WebGL 1, which can't run these shaders: give what " +
        'canvas.getContext("webgl2") gives, of another canvas, since one has one kind of context',
    );
  }
  if (tag === "Null") {
    throw new DeviceError(
      'webgl2.context is null, as canvas.getContext("webgl2") gives where the canvas has a context of ' +
        "another kind, or the browser has no WebGL2: use another canvas, or leave the context out",
    );
  }
  throw new DeviceError(
    `webgl2.context is of type ${tag}; give a WebGL2RenderingContext: canvas.getContext("webgl2")`,
  );
}

/** Turn on the best float targets that there are. */
function floatFormatOf(gl: WebGL2RenderingContext, precision: Precision): FloatFormat {
  const has32 = gl.getExtension("EXT_color_buffer_float") !== null;
  if (precision === "float32") return has32 ? "rgba32f" : "rgba32i";
  if (has32 || gl.getExtension("EXT_color_buffer_half_float")) return "rgba16f";
  throw new DeviceError(
    "the WebGL2 of this machine can't draw floats of 16 bits (it has neither EXT_color_buffer_float " +
      "nor EXT_color_buffer_half_float): leave webgl2.precision out, which keeps floats as integers",
  );
}
