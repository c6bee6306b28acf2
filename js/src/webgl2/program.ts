import { ShaderError } from "../errors.js";
import { REST_AFTER_MS } from "../host.js";
import { keepAsBits } from "./bits.js";
import type { Context, FloatFormat } from "./context.js";
import { keepWithinHalves } from "./halves.js";

/** Fragment t of a viewport is pixel t % width of row t / width: one triangle covers them all. */
const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1);
}`;

/** How a fragment shader that reads and writes floats is changed for what they are kept as. */
const REWRITES: Readonly<Record<FloatFormat, (fragment: string) => string>> = {
  rgba32f: (fragment) => fragment,
  rgba16f: keepWithinHalves,
  rgba32i: keepAsBits,
};

/** A fragment shader that is wanted. */
export interface Source {
  readonly fragment: string;
  /** How many textures and dims it may declare. */
  readonly inputs: number;
  readonly dims: number;
  /** What it is for, as an error would say. */
  readonly user: string;
}

interface Entry {
  readonly source: Source;
  handle: WebGLProgram;
  shader: WebGLShader;
  /**
   * Where the dims go: null for one that the shader does not use. Undefined until somebody asks
   * whether the program is linked.
   */
  uniforms: readonly (WebGLUniformLocation | null)[] | undefined;
  /** Where the width of the outputs goes; null as above. */
  width: WebGLUniformLocation | null;
}

/** The programs of a device, by the text of their fragment shaders. */
export class Programs {
  readonly #context: Context;
  readonly #entries = new Map<string, Entry>();
  #vertex: WebGLShader | undefined;

  constructor(context: Context) {
    this.#context = context;
    context.onRestored(() => this.#restore());
  }

  /** Have the driver begin with those that are new, as many at once as it likes. */
  start(sources: Iterable<Source>): void {
    this.#context.check();
    for (const source of sources) {
      if (this.#entries.has(source.fragment)) continue;
      this.#entries.set(source.fragment, {
        source,
        ...this.#compile(source),
        uniforms: undefined,
        width: null,
      });
    }
  }

  /**
   * Wait until all that were started are linked. Throws one ShaderError that lists all that the driver
   * rejects, with what it says of each.
   */
  async finish(): Promise<void> {
    const { gl, parallel } = this.#context;
    const problems: string[] = [];
    let rested = performance.now();
    for (const entry of [...this.#entries.values()]) {
      if (entry.uniforms) continue;
      // Where nobody says whether a program is linked, asking for it blocks until it is.
      const linked = () =>
        parallel
          ? gl.getProgramParameter(entry.handle, parallel.COMPLETION_STATUS_KHR) === true
          : performance.now() - rested < REST_AFTER_MS;
      if (!linked()) {
        await this.#context.until(() => !parallel || linked());
        rested = performance.now();
      }
      const problem = this.#link(entry);
      if (problem) problems.push(problem);
    }
    if (problems.length) throw rejection(problems);
  }

  /** Make the program of a shader current; where it has not been started it is compiled now. */
  use(source: Source, dims: readonly number[], width: number): void {
    this.start([source]);
    const { gl } = this.#context;
    const entry = this.#entries.get(source.fragment) as Entry;
    const problem = entry.uniforms ? undefined : this.#link(entry);
    if (problem) throw rejection([problem]);
    gl.useProgram(entry.handle);
    gl.uniform1i(entry.width, width);
    for (const [index, uniform] of (entry.uniforms ?? []).entries()) {
      gl.uniform1i(uniform, dims[index] as number);
    }
  }

  dispose(): void {
    const { gl } = this.#context;
    for (const { handle, shader } of this.#entries.values()) {
      gl.deleteProgram(handle);
      gl.deleteShader(shader);
    }
    if (this.#vertex) gl.deleteShader(this.#vertex);
    this.#vertex = undefined;
    this.#entries.clear();
  }

  #compile({ fragment }: Source): Pick<Entry, "handle" | "shader"> {
    const { gl } = this.#context;
    this.#vertex ??= this.#shader(gl.VERTEX_SHADER, VERTEX);
    const text = REWRITES[this.#context.floats](fragment);
    const shader = this.#shader(gl.FRAGMENT_SHADER, text);
    const handle = gl.createProgram();
    gl.attachShader(handle, this.#vertex);
    gl.attachShader(handle, shader);
    gl.linkProgram(handle);
    return { handle, shader };
  }

  #shader(type: number, text: string): WebGLShader {
    const { gl } = this.#context;
    // Null only where the context is lost, which whoever uses it next hears of.
    const shader = gl.createShader(type) as WebGLShader;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    return shader;
  }

  /** Look the uniforms up; return what is wrong with the shader, if something is. */
  #link(entry: Entry): string | undefined {
    const { gl, units } = this.#context;
    const { source, handle, shader } = entry;
    if (!gl.getProgramParameter(handle, gl.LINK_STATUS)) {
      this.#context.check();
      const log = gl.getShaderInfoLog(shader) || gl.getProgramInfoLog(handle);
      return `${source.user}: ${log?.trim() || "the driver does not say why"}`;
    }
    if (source.inputs > units) {
      return `${source.user}: reads ${source.inputs} textures, where a draw may read ${units}`;
    }
    const uniform = (name: string) => gl.getUniformLocation(handle, name);
    this.#context.use(0, () => {
      gl.useProgram(handle);
      for (let unit = 0; unit < source.inputs; unit++) gl.uniform1i(uniform(`t${unit}`), unit);
    });
    entry.width = uniform("w");
    entry.uniforms = Array.from({ length: source.dims }, (_, index) => uniform(`d${index}`));
    return undefined;
  }

  /** Compile everything again in a context that has been restored. */
  #restore(): void {
    this.#vertex = undefined;
    for (const entry of this.#entries.values()) {
      Object.assign(entry, this.#compile(entry.source), { uniforms: undefined });
    }
  }
}

function rejection(problems: readonly string[]): ShaderError {
  return new ShaderError(
    "the WebGL2 driver rejects these shaders: place their ops on wasm, and report them to pyjsml",
    problems,
  );
}
