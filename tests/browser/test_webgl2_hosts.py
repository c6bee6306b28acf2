"""What the WebGL2 device makes of machines: of what they lack, and of how they link and draw."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.webgl2 import AFFINE, Play, floats


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        ("webgl2", "DeviceError", "the browser gives no WebGL2 context"),
        ("float16", "DeviceError", "the WebGL2 of this machine can't draw floats of 16 bits"),
        ("float8", "OptionError", 'is "float8"; it may be "float32" or "float16"'),
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
    assert (webgl2["precision"], webgl2["tolerance"]) == ("float16", 0.02)
    assert wasm.keys() == {"name", "memory"}
    expected = 4 * floats(8000) + 3
    errors = np.abs(np.array(found["y"]) - expected)
    assert 0 < errors.max() <= webgl2["tolerance"] * np.abs(expected).max()
    assert found["formats"] == [RGBA16F]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("v * 1e9", np.sign(floats(50)) * 65504),
        ("v * 1e5 / 3.0 - 6.5e4", np.clip(floats(50) * 1e5 / 3 - 6.5e4, -65504, 65504)),
        ("(v + 0.01) * intBitsToFloat(0x7F800000)", np.copysign(65504, floats(50) + 0.01)),
        ("v + intBitsToFloat(0x7FC00000)", np.full(50, np.nan)),
    ],
)
def test_what_is_too_large_for_float16(play: Play, code: str, expected: np.ndarray) -> None:
    steps = [{"dtype": "float32", "code": code}, {"dtype": "float32", "code": "v"}]
    options = {"length": 50, "steps": steps, "precision": "float16", "hidden": []}
    found = play("kept", options)
    np.testing.assert_allclose(found["y"], expected, rtol=2**-10)
