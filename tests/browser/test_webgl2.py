"""The WebGL2 device in browsers, on shaders written by hand: what no kernel of a bundle decides."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyjsml.engines.site import Site
from tests.support.browsers import NAMES, BrowserPage, open_page
from tests.support.pages import Quiet, served
from tests.support.tiny import WEIGHT
from tests.support.webgl2 import scenario_pages


class Sharing(Quiet):
    """A host whose images other sites may show, but not read."""

    def end_headers(self) -> None:
        """Let isolated pages show them."""
        self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
        super().end_headers()


Play = Callable[..., Any]
"""Run a function of scenarios.js in the page, with one argument."""

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
SIZES = (1, 3, 4, 5, 8191, 8192, 8193, 24581)
"""Elements; a row of texels has 8192."""
AFFINE = [{"dtype": "float32", "code": "2.0 * v + 1.0"}]


@pytest.fixture(scope="module", params=NAMES)
def opened(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BrowserPage]:
    pages = scenario_pages(tmp_path_factory.mktemp("kernels"))
    folder = tmp_path_factory.mktemp("browser")
    with Site(pages) as site, open_page(request.param, site.url, folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def play(opened: BrowserPage) -> Play:
    def play(name: str, argument: Any = None) -> Any:
        source = f"async (a) => (await import('/scenarios.js')).{name}(a)"
        return opened.page.evaluate(source, argument)

    return play


@pytest.fixture(params=["as floats", "as bits"])
def play_each(play: Play, request: pytest.FixtureRequest) -> Play:
    """Play where float32 can be drawn, and where it can't."""

    def as_bits(name: str, argument: Any = None) -> Any:
        return play("asBits", [name, argument])

    return play if request.param == "as floats" else as_bits


def floats(length: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return what the scenarios run on where they are given no data."""
    return np.arange(length) / 8 - 3


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
    assert found["busy"][0] == "StateError"
    assert "webgl2.context is in the middle of a transform feedback" in found["busy"][1]


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
    ("change", "name", "message"),
    [
        ("webgl2", "DeviceError", "the browser gives no WebGL2 context"),
        ("float16", "DeviceError", "the WebGL2 of this machine can't draw floats of 16 bits"),
        ("float8", "OptionError", 'webgl2.precision is float8; it may be "float32" or "float16"'),
        ("limit", "DeviceError", "the tensor x, float32 40960, takes a texture 128 texels wide"),
        ("webgl1", "DeviceError", "webgl2.context is of WebGL 1, which can't run these shaders"),
        ("2d", "DeviceError", "webgl2.context is of type CanvasRenderingContext2D; give"),
        ("object", "DeviceError", "webgl2.context is of type Object; give a WebGL2Rendering"),
        ("null", "DeviceError", "webgl2.context is null, as canvas.getContext"),
        ("lost", "DeviceLostError", "the WebGL2 context is lost"),
        ("shader", "ShaderError", "op0 (layers.0 net.py:1): ERROR: "),
    ],
)
def test_says_what_a_browser_lacks(play: Play, change: str, name: str, message: str) -> None:
    found_name, found_message = play("lack", change)
    assert found_name == name, found_message
    assert message in found_message


def test_programs_are_used_when_they_are_linked(play: Play) -> None:
    found = play("parallel", {"programs": 3, "asks": 4})
    np.testing.assert_allclose(found["y"], 24 * floats(5), rtol=1e-6)
    assert found["asked"] == [4, 4, 4]
    assert found["early"] == 0
    assert found["turns"] > 0


def test_a_context_may_be_lost_while_programs_are_linked(play: Play) -> None:
    name, message = play("parallel", {"programs": 2, "asks": 4, "lose": True})["error"]
    assert name == "DeviceLostError"
    assert message.startswith("the WebGL2 context is lost")


@pytest.mark.parametrize(
    ("renderer", "lacks", "device", "reason"),
    [
        ("", "", "wasm", "WebGL2 is drawn by software here ("),
        ("llvmpipe (LLVM 19)", "", "wasm", "WebGL2 is drawn by software here (llvmpipe"),
        ("Mali-G78", "", "webgl2", "there is a GPU that draws floats (Mali-G78)"),
        (
            "Mali-T720",
            "floats",
            "webgl2",
            "there is a GPU that keeps floats as integers (Mali-T720)",
        ),
        ("", "webgl2", "wasm", "the browser gives no WebGL2 context"),
    ],
)
def test_picks_a_device_and_says_why(
    play: Play, renderer: str, lacks: str, device: str, reason: str
) -> None:
    found = play("pick", {"renderer": renderer, "lacks": lacks})
    assert found["device"] == device
    assert found["reason"].startswith(reason)


FLOAT32, FLOAT16 = "EXT_color_buffer_float", "EXT_color_buffer_half_float"
RGBA32F, RGBA16F, RGBA32I = 0x8814, 0x881A, 0x8D82


@pytest.mark.parametrize(("hidden", "kept_as"), [([], RGBA32F), ([FLOAT32, FLOAT16], RGBA32I)])
def test_float32_where_it_is_drawn_and_where_not(
    play: Play, hidden: list[str], kept_as: int
) -> None:
    options = {"length": 8000, "steps": AFFINE * 2, "precision": "float32", "hidden": hidden}
    found = play("kept", options)
    np.testing.assert_allclose(found["y"], 4 * floats(8000) + 3, rtol=1e-7)
    assert found["formats"] == [kept_as]
    assert found["devices"][0].keys() == {"name", "memory"}


@pytest.mark.parametrize("hidden", [[], [FLOAT32]])
def test_float16_where_it_is_asked_for(play: Play, hidden: list[str]) -> None:
    options = {"length": 8000, "steps": AFFINE * 2, "precision": "float16", "hidden": hidden}
    found = play("kept", options)
    webgl2, wasm = found["devices"]
    assert (webgl2["precision"], webgl2["tolerance"]) == ("float16", 0.01)
    assert wasm.keys() == {"name", "memory"}
    expected = 4 * floats(8000) + 3
    errors = np.abs(np.array(found["y"]) - expected)
    assert 0 < errors.max() <= webgl2["tolerance"] * np.abs(expected).max()
    assert found["formats"] == [RGBA16F]


def test_traces_what_each_op_takes(play: Play) -> None:
    found = play("traced", {"length": 100, "steps": AFFINE * 2})
    assert found == [["op0", "webgl2", True], ["op1", "webgl2", True]] * 2


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.25)


def resized(pixels: list[int], width: int, height: int, shape: list[int]) -> Any:
    """Return what a picture should be: interpolated in double precision, normalised, laid out."""
    rgb = np.array(pixels, np.float64).reshape(height, width, 4)[..., :3] / 255
    rows, columns = shape[2:] if shape[1] == 3 else shape[1:3]

    def mixed(image: Any, size: int, wanted: int) -> Any:
        at = (np.arange(wanted) + 0.5) * size / wanted - 0.5
        low = np.floor(at).astype(int)
        part = (at - low).reshape(-1, 1, 1)
        first, last = image[low.clip(0, size - 1)], image[(low + 1).clip(0, size - 1)]
        return first + part * (last - first)

    image = mixed(rgb, height, rows).transpose(1, 0, 2)
    image = mixed(image, width, columns).transpose(1, 0, 2)
    image = (image - MEAN) / STD
    return (image.transpose(2, 0, 1) if shape[1] == 3 else image)[np.newaxis]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("shape", [[1, 3, 7, 5], [1, 7, 5, 3], [1, 3, 4, 9], [1, 11, 3, 3]])
@pytest.mark.parametrize("kind", ["data", "canvas", "bitmap", "frame", "image"])
def test_pictures_are_inputs(play_each: Play, kind: str, shape: list[int], own: bool) -> None:
    size = {"width": 5, "height": 7}
    options = {"mean": MEAN, "std": STD}
    found = play_each(
        "paint", {"kind": kind, "shape": shape, "own": own, "options": options, **size}
    )
    assert "error" not in found
    expected = resized(found["pixels"], shape=shape, **size).ravel()
    # A video's frame may have its colours in another form meanwhile.
    allowed = 8 / 255 / min(STD) if kind == "frame" else 1e-5
    np.testing.assert_allclose(found["y"], expected, rtol=0, atol=allowed)
    assert found["changed"] == []


@pytest.mark.parametrize("shape", [[1, 3, 7, 5], [1, 7, 5, 3], [1, 3, 4, 9], [1, 11, 3, 3]])
@pytest.mark.parametrize("kind", ["data", "canvas", "bitmap", "frame", "image"])
def test_pictures_are_inputs_of_wasm(play: Play, kind: str, shape: list[int]) -> None:
    size = {"width": 5, "height": 7}
    options = {"mean": MEAN, "std": STD}
    place = {"device": "wasm", "own": True}
    found = play("paint", {"kind": kind, "shape": shape, "options": options, **place, **size})
    assert "error" not in found
    expected = resized(found["pixels"], shape=shape, **size).ravel()
    weight = np.resize(WEIGHT, expected.size)
    allowed = 8 / 255 / min(STD) if kind == "frame" else 1e-6
    errors = np.abs(np.array(found["y"]) - expected * weight)
    assert np.all(errors <= allowed * np.abs(weight))


@pytest.mark.parametrize("device", ["wasm", "webgl2"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nothing", "the picture has no pixels: wait until its image or video has loaded"),
        ("none", "the browser can't draw the picture: give an image, a video, a VideoFrame"),
        ("foreign", "the browser lets no page read the picture, which is from another site: serve"),
    ],
)
def test_a_picture_that_is_none_is_refused(
    play: Play, kind: str, message: str, device: str, tmp_path: Path
) -> None:
    (tmp_path / "picture.gif").write_bytes(GIF)
    size = {"width": 2, "height": 2, "shape": [1, 3, 2, 2], "options": {}, "own": True}
    with served(tmp_path, Sharing) as address:
        given = {"kind": kind, "url": f"{address}picture.gif", "device": device, **size}
        name, found = play("paint", given)["error"]
    assert name == "InputError"
    assert found.startswith(message)


def test_a_host_without_a_canvas_takes_image_data(play: Play) -> None:
    (name, message), taken = play("paintWithoutCanvas")
    assert name == "InputError"
    assert message.startswith("this host has no canvas to read a picture with: give ImageData")
    assert taken == ["none", ""]


def test_a_picture_that_does_not_fit_is_refused(play: Play) -> None:
    found = play("refusePictures")
    assert [name for name, _ in found] == ["InputError"] * 3
    messages = [message for _, message in found]
    assert "its shape is 2x3x2x2; it may be 1x3xHxW or 1xHxWx3" in messages[0]
    assert "its mean is 1,2; give three numbers" in messages[1]
    assert "its std is 0,1,NaN; give three numbers" in messages[1]
    assert "x: is of shape 1x3x4x4; the model wants 1x3x2x2" in messages[2]


@pytest.mark.parametrize("length", [1, 8195])
def test_outputs_stay_in_textures(play_each: Play, length: int) -> None:
    found = play_each("leave", {"length": length, "steps": AFFINE * 2})
    np.testing.assert_allclose(found["y"], 4 * floats(length) + 3, rtol=1e-6, atol=1e-6)
    assert found["same"]
    assert found["refused"][0] == "StateError"
