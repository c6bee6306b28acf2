"""The types of an installed bundle refuse what the model does not take."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.consumer import Case
from tests.support.projects import compile_types, needs_npm

pytestmark = needs_npm


def test_wrong_name_dtype_and_shape_do_not_compile(case: Case, project: Path) -> None:
    given, got = case.port("inputs"), case.port("outputs")
    name, dtype, shape = (json.dumps(part) for part in (given["name"], given["dtype"], case.shape))
    other = json.dumps("int32" if given["dtype"] != "int32" else "float32")
    wider = json.dumps([*case.shape, 1])
    longer = json.dumps([*case.shape[:-1], case.shape[-1] + 1])
    is_static = all(isinstance(dim, int) for dim in given["shape"])
    source = f"""
import {{ createExecutor, type Inputs, type OpName }} from {json.dumps(case.name)};
import {{ tensor }} from {json.dumps(f"{case.name}/runtime")};

const executor = await createExecutor();
const good = await executor.run({{ {name}: tensor({dtype}, {shape}) }});
const op: OpName = {json.dumps(case.bundle.model["ops"][0]["name"])};

// @ts-expect-error: no input has this name
await executor.run({{ {name}: tensor({dtype}, {shape}), "no such input": 1 }});
// @ts-expect-error: an input is missing
await executor.run({{}});
// @ts-expect-error: of another dtype
await executor.run({{ {name}: tensor({other}, {shape}) }});
// @ts-expect-error: of another rank
await executor.run({{ {name}: tensor({dtype}, {wider}) }});
// @ts-expect-error: of another shape
await executor.run({{ {name}: tensor({dtype}, {longer}) }});
// @ts-expect-error: no output has this name
good["no such output"];
// @ts-expect-error: an output is a tensor
good[{json.dumps(got["name"])}].toFixed();
// @ts-expect-error: no op has this name
const unknown: OpName = "no such op";
// @ts-expect-error: a typed array of another dtype
await executor.run({{ {name}: new Uint8ClampedArray(6) }});
{"" if is_static else "// @ts-expect-error: an array does not tell a shape with dims"}
await executor.run({{ {name}: good[{json.dumps(got["name"])}].data }});
export type {{ Inputs }};
"""
    compile_types(project, source)


def test_wrong_executors_do_not_compile(case: Case, project: Path) -> None:
    """An executor of the bundle knows its ops, devices and tensors as literal types."""
    given, got = (case.port(kind) for kind in ("inputs", "outputs"))
    value = f"tensor({json.dumps(given['dtype'])}, {list(case.shape)})"
    feed = f"{{ {json.dumps(given['name'])}: {value} }}"
    ops, main = (case.bundle.model[kind] for kind in ("ops", "main"))
    names = [json.dumps(ops[target]["name"]) for _, target in main]
    all_names = " | ".join(json.dumps(op["name"]) for op in ops)
    first, last, output = names[0], names[-1], json.dumps(got["name"])
    source = f"""
import {{ model, type OpName }} from {json.dumps(case.name)};
import {{ Executor, type Op, type Placement, tensor }} from {json.dumps(f"{case.name}/runtime")};

class Mine extends Executor<typeof model> {{
  last: OpName | undefined;
  override place(op: Op<typeof model>): Placement {{
    // @ts-expect-error: no op has this name
    if (op.name === "no such op") return "wasm";
    return op.name === {first} ? {{ device: "wasm", threads: 1 }} : "wasm";
  }}
  override dispatchSync(op: Op<typeof model>, next: () => void): void {{
    this.last = op.name;
    next();
  }}
}}
class Elsewhere extends Executor<typeof model> {{
  // @ts-expect-error: no device has this name
  override place() {{
    return "webgpu" as const;
  }}
}}
const executor: Mine = await Mine.create(model);
const name: {all_names} | undefined = executor.last;
await executor.run({feed}, {{ to: {first} }});
await executor.run({{}}, {{ from: {last}, feed: {{}} }});
executor.lazy({{ from: {first}, to: {last} }});
for await (const op of executor.step({feed})) if (op.name === {last}) executor.read(op.name);

// @ts-expect-error: no op has this name
await executor.run({feed}, {{ to: "no such op" }});
// @ts-expect-error: no op has this name
await executor.run({{}}, {{ from: "no such op", feed: {{}} }});
// @ts-expect-error: no op has this name
executor.lazy({{ from: "no such op", to: {last} }});
// @ts-expect-error: a part of a run may lack an output
(await executor.run({feed}, {{ to: {first} }}))[{output}].data;
// @ts-expect-error: no device has this name
await Mine.create(model, {{ devices: ["webgpu"] }});
export {{ Elsewhere, name }};
"""
    compile_types(project, source)
