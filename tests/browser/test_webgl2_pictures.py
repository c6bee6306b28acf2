"""Pictures as inputs of ops on WebGL2 and on wasm."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.pages import Quiet, served
from tests.support.tiny import WEIGHT
from tests.support.webgl2 import Play

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.25)


class Sharing(Quiet):
    """A host whose images other sites may show, but not read."""

    def end_headers(self) -> None:
        """Let isolated pages show them."""
        self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
        super().end_headers()


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
@pytest.mark.parametrize("shape", [[1, 3, 2, 2], [1, 4, 4, 3]])
def test_a_video_is_an_input(play: Play, shape: list[int], device: str) -> None:
    size = {"width": 64, "height": 32}
    given = {"kind": "video", "shape": shape, "options": {"mean": MEAN, "std": STD}, "own": True}
    found = play("paint", {"device": device, **given, **size})
    assert "error" not in found
    expected = resized(found["pixels"], shape=shape, **size).ravel()
    weight = np.resize(WEIGHT, expected.size) if device == "wasm" else 1.0
    errors = np.abs(np.array(found["y"]) - expected * weight)
    assert np.all(errors <= 8 / 255 / min(STD) * np.abs(weight))


@pytest.mark.parametrize(
    "kind", ["data", "canvas", "bitmap", "plain", "multiplied", "frame", "whole", "image"]
)
def test_translucent_pixels_are_the_same_on_each_device(play: Play, kind: str) -> None:
    width, height = 5, 7
    given = {"kind": kind, "shape": [1, height, width, 3], "own": True, "translucent": True}
    size = {"width": width, "height": height, "options": {}}
    found = [play("paint", {"device": device, **given, **size}) for device in ("wasm", "webgl2")]
    assert not [each["error"] for each in found if "error" in each]
    weight = np.resize(WEIGHT, 3 * width * height)
    on_wasm, on_webgl2 = (np.array(each["y"]).reshape(-1, 3) for each in found)
    on_wasm /= weight.reshape(-1, 3)
    alpha = np.array(found[0]["pixels"]).reshape(-1, 4)[:, 3:]
    assert on_wasm[alpha[:, 0] > 128].max() > 0.9
    # A canvas has a colour times its alpha, in 8 bits: that much of it is lost, if not all.
    allowed = np.where(alpha > 0, 1 / np.maximum(alpha, 1), 0) + 1 / 255
    assert np.all(np.abs(on_wasm - on_webgl2) <= allowed)


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
    assert [name for name, _ in found] == ["InputError"] * 4
    messages = [message for _, message in found]
    assert "its shape is 2x3x2x2; it may be 1x3xHxW or 1xHxWx3" in messages[0]
    assert '"mean" is [1, 2]; it may be three numbers' in messages[1]
    assert '"std" is [0, 1, NaN]; it may be three numbers, none of them 0' in messages[1]
    assert "x: is of shape 1x3x4x4; the model wants 1x3x2x2" in messages[2]
    refusal = "the picture has 32769x1 pixels, and textures of this machine are"
    assert messages[3].startswith(refusal)
