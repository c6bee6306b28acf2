"""Checks of whole bundles: what is compared, and which op is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pyjsml.bundle import Bundle
from pyjsml.check import check
from pyjsml.emit import emit
from pyjsml.engines import Engine
from pyjsml.errors import InputError, OptionError, VectorsError
from tests.engines.programs import chain_outputs, chain_program, echo_program

pytestmark = pytest.mark.usefixtures("one_firefox")

FAULT = "+ (r == 1 && i == 2)"
X = np.random.default_rng(3).standard_normal((4, 3)).astype(np.float32)
VECTORS = {"in:x": X, "out:y": chain_outputs(X)["pow"]}


class ChainReference:
    """The chain in numpy; `without` names source nodes whose outputs can't be had."""

    def __init__(self, without: Sequence[str] = ()) -> None:
        self.without = without

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"y": chain_outputs(inputs["x"])["pow"]}

    def intermediates(
        self, inputs: Mapping[str, np.ndarray], names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        nodes = chain_outputs(inputs["x"])
        return {name: nodes[name] for name in names if name not in self.without}


@pytest.fixture(scope="module")
def faulty_bundle() -> Bundle:
    return emit(chain_program(fault=FAULT))


def test_vectors(engine: Engine, chain_bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    save: Callable[..., None] = np.savez
    save(path, **VECTORS)
    report = check(chain_bundle, vectors=path, engines=[engine.name])
    assert report.ok
    (row,) = report.rows
    assert (row.engine, row.output, row.status, row.against) == (engine.name, "y", "ok", "vectors")
    assert (row.dtype, row.shape) == ("float32", (4, 3))
    assert row.comparison is not None
    assert row.comparison.max_abs < 1e-5


def test_a_faulty_kernel_is_named(engine: Engine, faulty_bundle: Bundle) -> None:
    report = check(
        faulty_bundle, vectors=VECTORS, reference=ChainReference(), engines=[engine.name]
    )
    assert not report.ok
    (row,) = report.rows
    assert row.status == "diverged"
    assert row.comparison is not None
    assert row.comparison.worst == (1, 2)
    (divergence,) = report.divergences
    assert (divergence.engine, divergence.against) == (engine.name, "reference")
    assert (divergence.op, divergence.kind) == ("shift", "add")
    assert divergence.origin == "head.shift chain.py:4"
    assert (divergence.value, divergence.shape) == ("shifted", (3, 4))
    assert divergence.comparison is not None
    # The value lies transposed.
    assert divergence.comparison.worst == (2, 1)
    assert divergence.comparison.max_abs == pytest.approx(1, rel=1e-4)


def test_a_changed_weight_is_named(engine: Engine) -> None:
    bundle = emit(chain_program(scale=np.array([1, -2, 0.51], "f4")))
    report = check(bundle, reference=ChainReference(), engines=[engine.name])
    assert {row.case for row in report.rows} == {
        "random rows=1",
        "random rows=4",
        "random rows=8",
    }
    (divergence,) = report.divergences
    assert (divergence.op, divergence.origin) == ("scale", "head chain.py:3")
    assert divergence.case == "random rows=1"


def test_an_op_without_a_source_node_is_passed_over(faulty_bundle: Bundle) -> None:
    reference = ChainReference(without=["add"])
    (divergence,) = check(faulty_bundle, vectors=VECTORS, reference=reference).divergences
    assert divergence.op == "square"


def test_the_file_that_disagrees_is_named_without_a_reference() -> None:
    program = chain_program()
    faulty = chain_program(fault=FAULT)
    program = replace(program, wasm={**program.wasm, "relaxed": faulty.wasm["relaxed"]})
    report = check(emit(program), vectors=VECTORS, isas=["simd128", "relaxed"])
    assert [(row.isa, row.ok) for row in report.rows] == [("simd128", True), ("relaxed", False)]
    (divergence,) = report.divergences
    assert divergence.isa == "relaxed"
    assert (divergence.op, divergence.against) == ("shift", "pythonmonkey simd128")


def test_engines_are_compared_with_each_other(chain_bundle: Bundle) -> None:
    report = check(chain_bundle, isas=["simd128", "relaxed"])
    assert report.ok
    assert len(report.rows) == 3
    assert {(row.isa, row.against) for row in report.rows} == {("relaxed", "pythonmonkey simd128")}


def test_engines_that_all_agree_on_something_else(faulty_bundle: Bundle) -> None:
    report = check(faulty_bundle, vectors=VECTORS, isas=["simd128", "relaxed"])
    assert [divergence.op for divergence in report.divergences] == ["", ""]
    assert "no op differs" in report.divergences[0].message


def test_one_engine_and_no_reference(faulty_bundle: Bundle) -> None:
    (divergence,) = check(faulty_bundle, vectors=VECTORS).divergences
    assert divergence.op == ""
    assert "reference" in divergence.message


def test_every_dtype() -> None:
    report = check(emit(echo_program()), isas=["simd128", "relaxed"])
    assert report.ok
    assert {row.dtype for row in report.rows} > {"bool", "int64", "float16"}


def test_an_engine_that_fails_is_a_row(engine: Engine) -> None:
    report = check(
        emit(chain_program(trap=True)), reference=ChainReference(), engines=[engine.name]
    )
    assert not report.ok
    assert {row.status for row in report.rows} == {"error"}
    assert "the op square" in report.rows[0].message


def test_a_bundle_that_does_not_load_is_a_row(chain_bundle: Bundle) -> None:
    bundle = Bundle({**chain_bundle.files, "weights.safetensors": b"none"})
    (row,) = check(bundle, vectors=VECTORS).rows
    assert row.status == "error"
    assert "weights.safetensors" in row.message


@pytest.mark.usefixtures("empty_path")
def test_an_absent_engine_is_skipped(chain_bundle: Bundle) -> None:
    report = check(chain_bundle, vectors=VECTORS, engines=["pythonmonkey", "node"])
    assert report.ok
    skipped = report.rows[0]
    assert (skipped.engine, skipped.status) == ("node", "skipped")
    assert "https://nodejs.org" in skipped.message
    assert not check(chain_bundle, vectors=VECTORS, engines=["node"]).ok


def test_the_users_mistakes_are_raised(chain_bundle: Bundle) -> None:
    with pytest.raises(OptionError, match="no engine 'rhino'"):
        check(chain_bundle, vectors=VECTORS, engines=["rhino"])
    with pytest.raises(OptionError, match="no device 'webgpu'"):
        check(chain_bundle, vectors=VECTORS, devices=["webgpu"])
    with pytest.raises(OptionError, match="nothing to compare with"):
        check(chain_bundle)
    with pytest.raises(VectorsError, match="in:x is missing"):
        check(chain_bundle, vectors={"out:y": X})
    with pytest.raises(InputError, match="x: is of dtype float64"):
        check(chain_bundle, vectors={**VECTORS, "in:x": X.astype("f8")})


def test_a_reference_of_another_model(chain_bundle: Bundle) -> None:
    class Other(ChainReference):
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {"logits": inputs["x"]}

    with pytest.raises(OptionError, match="it gives logits, the bundle y"):
        check(chain_bundle, reference=Other())


def test_vectors_in_another_byte_order(chain_bundle: Bundle) -> None:
    vectors = {name: array.astype(">f4") for name, array in VECTORS.items()}
    assert check(chain_bundle, vectors=vectors).ok


def test_vectors_of_another_dtype_or_shape_diverge(chain_bundle: Bundle) -> None:
    for y, problem in ((X.astype("f8"), "dtype float32"), (X.T, "shape (4, 3)")):
        (row,) = check(chain_bundle, vectors={"in:x": X, "out:y": y}).rows
        assert not row.ok
        assert row.comparison is not None
        assert problem in row.comparison.problem


def test_a_report_is_plain_json(faulty_bundle: Bundle) -> None:
    given = VECTORS | {"out:y": np.full((4, 3), np.inf, "f4")}
    report = check(faulty_bundle, vectors=given, reference=ChainReference())
    data = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert data["ok"] is False
    assert data["rows"][0]["comparison"]["max_abs"] == "inf"
    assert data["rows"][0]["shape"] == [4, 3]
    assert data["divergences"][0]["op"] == "shift"


def test_progress_is_told(chain_bundle: Bundle) -> None:
    told: list[str] = []
    check(chain_bundle, vectors=VECTORS, progress=told.append)
    assert told == ["starting pythonmonkey", "running pythonmonkey: vectors"]
