"""Where operator cases run: in which engine, on which device, and how that keeps values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from pyjsml.engines import Engine, get_engine
from pyjsml.engines.chromium import ChromiumEngine
from pyjsml.program import ISAS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

    from pyjsml.bundle import Bundle
    from pyjsml.engines import Session
    from pyjsml.engines.precision import Precision
    from pyjsml.program import Isa

Device = Literal["wasm", "webgl2"]
HIDING = """{
  const { prototype } = WebGL2RenderingContext;
  const { getExtension } = prototype;
  prototype.getExtension = function (name) {
    return name.startsWith("EXT_color_buffer_") ? null : getExtension.call(this, name);
  };
}"""
"""Hides the extensions that draw floats, as a machine does that lacks them."""


@dataclass(frozen=True)
class Floatless:
    """A browser on a machine that can't draw floats: WebGL2 keeps their bits in integers."""

    browser: Browser

    def new_page(self) -> Page:
        page = self.browser.new_page()
        page.add_init_script(HIDING)
        return page


class FloatlessEngine(ChromiumEngine):
    """Chromium on such a machine."""

    def launch(self, playwright: Playwright, variables: Mapping[str, str]) -> Browser:
        """Start it; of a browser a session wants but its pages."""
        return cast("Browser", Floatless(super().launch(playwright, variables)))


@dataclass(frozen=True)
class Seat:
    """A place where cases run."""

    name: str
    engine: Engine
    device: Device
    isa: Isa | None = None
    precision: Precision = "float32"
    beyond: Mapping[str, str] = field(default_factory=dict)
    """The cases that it can't compute, by name, each with the reason."""

    def open(self, bundle: Bundle) -> Session:
        """Load a bundle there."""
        options: dict[str, Any] = {"isa": self.isa, "precision": self.precision}
        return self.engine.open(bundle, device=self.device, **options)


SEATS: Mapping[Device, tuple[Seat, ...]] = {
    "wasm": tuple(Seat(isa, get_engine("v8"), "wasm", isa) for isa in ISAS),
    "webgl2": (Seat("webgl2", get_engine("chromium"), "webgl2"),),
}
"""Where cases run if nothing else is said."""
OTHER_WEBGL2 = (
    Seat(
        "webgl2 in float16",
        get_engine("chromium"),
        "webgl2",
        precision="float16",
        beyond={
            "reduce_prod_default_axes_keepdims_example": "12! is beyond 65,504",
            "softmax_large_number": "between 8,192 and 16,384 float16 has every eighth number",
        },
    ),
    Seat("webgl2 in bits", FloatlessEngine(), "webgl2"),
    Seat("webgl2 in Firefox", get_engine("firefox"), "webgl2"),
)
"""The other ways in which WebGL2 keeps floats, and the other browser that has it."""
