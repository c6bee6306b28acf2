"""Timing runs inside each engine."""

from __future__ import annotations

import numpy as np
import pytest

from pyjsml.bundle import Bundle
from pyjsml.engines import Engine, Session
from pyjsml.errors import InputError, StateError
from tests.engines.programs import assert_close, chain_outputs

pytestmark = pytest.mark.usefixtures("one_firefox")

X = np.ones((4, 3), np.float32)


def test_measures_runs_and_ops(chain: Session) -> None:
    samples, ops, trace, isa, threads = chain.measure({"x": X}, rounds=3)
    assert len(samples) == 3
    assert all(0 < ms < float("inf") for ms in samples)
    assert ops
    assert all(op["ms"] >= 0 and op["kind"] for op in ops)
    assert len({op["op"] for op in ops}) == len(ops)
    assert {event["args"]["run"] for event in trace["traceEvents"] if event["ph"] == "X"} == {
        0,
        1,
        2,
    }
    assert isa in ("relaxed", "simd128")
    assert threads >= 1
    assert_close(chain.run({"x": X})["y"], chain_outputs(X)["pow"])


def test_inputs_that_do_not_fit(chain: Session) -> None:
    with pytest.raises(InputError, match="x"):
        chain.measure({"x": X[0]}, rounds=1)


def test_closed(chain_bundle: Bundle, any_engine: Engine) -> None:
    session = any_engine.open(chain_bundle)
    session.close()
    with pytest.raises(StateError, match="closed"):
        session.measure({"x": X}, rounds=1)
