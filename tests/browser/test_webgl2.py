"""The WebGL2 device in browsers, on shaders written by hand: what no kernel of a bundle decides."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.browsers import BrowserPage
from tests.support.tiny import WEIGHT
from tests.support.webgl2 import AFFINE, Play, floats

SIZES = (1, 3, 4, 5, 8191, 8192, 8193, 24581)
"""Elements; a row of texels has 8192."""


@pytest.mark.parametrize("size", SIZES)
def test_floats_go_in_and_out(play_each: Play, size: int) -> None:
    data = np.random.default_rng(size).normal(size=size).astype(np.float32)
    options = {"dtype": "float32", "shape": [size], "steps": AFFINE * 3, "data": data.tolist()}
    found = play_each("run", options)
    expected = 8 * data.astype(np.float64) + 7
    np.testing.assert_allclose(found["later"], expected, rtol=1e-6, atol=1e-6)
    assert found["now"] == found["later"]


@pytest.mark.parametrize("size", [1, 5, 8193])
@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "uint16", "int16", "int32", "uint32", "int64", "uint64"]
)
def test_integers_go_in_and_out(play: Play, dtype: str, size: int) -> None:
    low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low, high = max(low, -(2**31)), min(high, 2**31 - 1)
    data = np.random.default_rng(size).integers(low, high, size, endpoint=True)
    data[0], data[-1] = low, high
    options = {"shape": [size], "steps": [{"dtype": dtype, "code": "v"}] * 2}
    found = play("run", {**options, "dtype": dtype, "data": data.tolist()})
    assert found["dtype"] == dtype
    assert found["later"] == found["now"] == data.tolist()


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("int64", 2**31), ("int64", -(2**31) - 1), ("uint64", 2**40), ("uint32", 2**32 - 1)],
)
def test_integers_of_more_than_32_bits_are_refused(play: Play, dtype: str, value: int) -> None:
    steps = [{"dtype": dtype, "code": "v"}]
    options = {"dtype": dtype, "shape": [3], "steps": steps, "data": [1, value, 2]}
    name, message = play("fail", options)
    assert name == "InputError"
    assert message.startswith(f"x: element 1 is {value}, and integers on webgl2 have 32 bits")


@pytest.mark.parametrize("length", [1, 6, 8193])
def test_passes_have_temporaries_layers_and_several_outputs(play_each: Play, length: int) -> None:
    total, difference = play_each("passes", length)
    np.testing.assert_allclose(total, 5 * floats(length), rtol=1e-6)
    assert difference == (np.floor(floats(length)) + length).tolist()


def test_textures_grow_with_the_dims_and_are_shared(play_each: Play) -> None:
    lengths = [5, 30000, 7, 30000, 100]
    found = play_each("grow", {"lengths": lengths, "steps": AFFINE * 6})
    for length, each in zip(lengths, found, strict=True):
        np.testing.assert_allclose(each["y"], 64 * floats(length) + 63, rtol=1e-6, atol=1e-5)
    sizes = [each["bytes"] for each in found]
    assert sizes[1:] == [sizes[1]] * 4
    # Seven values: the first, which the caller has given, the last, and two that take turns.
    assert sizes[1] <= 4 * 128 * 128 * 16


def test_nothing_is_left_of_the_run_before(play_each: Play) -> None:
    found = play_each("poison", {"length": 8195, "steps": AFFINE * 4})
    np.testing.assert_allclose(found, 16 * floats(8195) + 15, rtol=1e-6, atol=1e-6)


def test_a_run_that_may_wait_blocks_on_nothing(play: Play) -> None:
    found = play("blocking", {"length": 8195, "steps": AFFINE})
    assert found["later"] == []
    assert set(found["now"]) == {"readPixels"}


def test_a_context_of_the_pages_is_left_as_it_was(play_each: Play) -> None:
    found = play_each("borrow", {"length": 8195, "steps": AFFINE * 2})
    np.testing.assert_allclose(found["y"], 4 * floats(8195) + 3, rtol=1e-6, atol=1e-6)
    assert found["again"] == found["y"]
    assert found["changed"] == []
    assert (found["lost"], found["error"]) == (False, 0)
    assert [name for name, _ in found["busy"]] == ["StateError"] * 2
    assert "webgl2.context is in the middle of a transform feedback" in found["busy"][0][1]
    assert "webgl2.context is in the middle of an occlusion query" in found["busy"][1][1]


def test_runs_in_a_worker(play: Play) -> None:
    data = [1.5, -2.0, 3.25]
    options = {"dtype": "float32", "shape": [3], "steps": AFFINE, "data": data}
    assert play("inWorker", options)["later"] == [2 * value + 1 for value in data]


@pytest.mark.parametrize("own", [True, False])
def test_a_lost_context_fails_the_run_and_comes_back(play_each: Play, own: bool) -> None:
    found = play_each("lose", {"length": 8195, "own": own})
    expected = floats(8195) * np.resize(WEIGHT, 8195)
    np.testing.assert_allclose(found["before"], expected, rtol=1e-6)
    assert (found["during"], found["sync"]) == ("DeviceLostError", "DeviceLostError")
    name, message = found["while"]
    assert name == "DeviceLostError"
    assert "run again once the browser has restored it" in message
    assert found["after"] == found["before"]


def test_a_page_goes_on_drawing_as_before(play: Play) -> None:
    found = play("between", {"length": 8195, "steps": AFFINE * 2})
    assert found["drawn"] > 500
    assert (found["changed"], found["error"]) == (0, 0)


def test_executors_share_a_context(play_each: Play) -> None:
    weighted, layered, *rest = play_each("together", 8195)
    np.testing.assert_allclose(weighted, floats(8195) * np.resize(WEIGHT, 8195), rtol=1e-6)
    np.testing.assert_allclose(layered, 5 * floats(8195), rtol=1e-6)
    assert rest == [weighted, layered, layered, weighted, layered]


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_context_may_be_lost_as_soon_as_it_is_back(play: Play, precision: str) -> None:
    found = play("loseAgain", {"length": 8195, "precision": precision})
    assert found["between"] == "DeviceLostError"
    assert found["after"] == found["before"]
    assert found["uncaught"] == []


CALLS = (
    *("getParameter", "isEnabled", "getQuery", "createTexture", "texStorage2D", "bufferData"),
    *("texSubImage2D", "compileShader", "getProgramParameter", "getUniformLocation", "useProgram"),
    *("checkFramebufferStatus", "drawArrays", "readPixels", "fenceSync", "getBufferSubData"),
)


@pytest.mark.parametrize("own", [True, False])
def test_a_context_may_be_lost_at_any_call(play: Play, own: bool) -> None:
    assert play("loseAnywhere", {"length": 8195, "own": own, "methods": CALLS}) == []


@pytest.mark.parametrize("own", [True, False])
def test_disposing_ends_a_run_under_way(play: Play, own: bool) -> None:
    for name, message in play("disposeAmid", {"length": 8195, "own": own}):
        assert name == "StateError"
        assert message == "this executor is disposed: create another one"


def test_runs_leave_nothing_behind(play: Play, opened: BrowserPage) -> None:
    play("count")
    warm = play("runMany", {"length": 8195, "runs": 1000})
    before = opened.heap()
    assert play("runMany", {"length": 8195, "runs": 1000}) == warm
    assert (
        opened.heap() - before < 1000 * 200
    )  # the least that an object and an array of a run take
    assert set(play("stop").values()) == {0}


def test_executors_leave_nothing_behind(play: Play, opened: BrowserPage) -> None:
    play("count")
    play("makeMany", {"length": 8195, "executors": 10})
    before = opened.heap()
    assert set(play("makeMany", {"length": 8195, "executors": 50}).values()) == {0}
    assert opened.heap() - before < 50 * 8195 * 4  # one array of each
    play("stop")


@pytest.mark.parametrize(
    ("precision", "name"), [("float32", "ShaderError"), ("float16", "DeviceError")]
)
def test_executors_that_fail_leave_nothing_behind(play: Play, precision: str, name: str) -> None:
    play("count")
    found = play("failMany", {"executors": 20, "precision": precision})
    assert found["names"] == [name]
    assert (found["left"], set(found["objects"].values())) == (0, {0})
    play("stop")


def test_traces_what_each_op_takes(play: Play) -> None:
    found = play("traced", {"length": 100, "steps": AFFINE * 2})
    assert found == [["op0", "webgl2", True], ["op1", "webgl2", True]] * 2


@pytest.mark.parametrize("length", [1, 8195])
def test_outputs_stay_in_textures(play_each: Play, length: int) -> None:
    found = play_each("leave", {"length": length, "steps": AFFINE * 2})
    np.testing.assert_allclose(found["y"], 4 * floats(length) + 3, rtol=1e-6, atol=1e-6)
    assert found["same"]
    assert found["refused"][0] == "StateError"
