"""Programs evaluated by TVM on this machine, unoptimised: what the frontend's result means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tvm
from tvm import relax

from pyjsml.program import Program


def evaluate(
    program: Program, inputs: Mapping[str, np.ndarray[Any, Any]]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the outputs of `program`, as the `load` stage leaves it, by name."""
    module = relax.transform.LegalizeOps()(program.module)
    built = relax.build(module, target=tvm.target.Target("llvm"), exec_mode="compiled")
    machine = relax.VirtualMachine(built, tvm.cpu())
    arguments = [inputs[spec.name] for spec in program.signature.inputs]
    arguments += list(program.constants.values())
    result = machine["main"](*(tvm.runtime.tensor(np.array(a, order="C")) for a in arguments))
    values = [result] if len(program.signature.outputs) == 1 else list(result)
    return {
        spec.name: value.numpy()
        for spec, value in zip(program.signature.outputs, values, strict=True)
    }


def assert_close(actual: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> None:
    """Assert that two float32 results agree up to rounding, and in shape and dtype."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)
