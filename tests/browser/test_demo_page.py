"""The demo page: digits are drawn on it with a mouse, as people do, and its answers are read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from pyjsml.bundle import Bundle
from pyjsml.demo.server import serve
from tests.support.pages import PATIENCE_MS, chromium, needs_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PAGE = Path(__file__).parents[2] / "demo"
pytestmark = [needs_chromium, pytest.mark.slow]

DRAWINGS = {
    "0": "50,15 36,24 30,50 36,76 50,86 64,76 70,50 64,24 50,15",
    "1, a line": "50,15 49,85",
    "1, with a flag": "36,32 54,14 53,86",
    "2": "30,30 40,15 58,16 66,30 56,52 30,84 72,84",
    "3": "32,20 50,14 66,26 60,42 46,48 64,56 68,74 50,86 30,80",
    "4": "56,14 28,60 74,60 / 62,40 61,88",
    "5": "68,14 36,15 34,46 54,43 68,58 62,80 44,87 30,80",
    "6": "60,14 42,32 32,60 38,82 56,87 68,74 58,58 40,60",
    "7": "30,16 70,16 46,86",
    "9": "66,34 58,16 40,16 34,32 44,46 60,42 66,30 66,60 58,86",
    "3, small and in a corner": "8,10 17,7 25,13 22,21 15,24 24,28 26,37 17,43 7,40",
}
"""Strokes, in percent of the pad; the first character of a name is the digit that is meant."""


@pytest.fixture(scope="module")
def address(digits: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("demo") / "digits"
    digits.write(folder)
    with serve(PAGE, folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """Open the page; afterwards see that nothing went wrong or was fetched from elsewhere."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        said: list[str] = []
        hosts: set[str] = set()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(address)
        page.get_by_text("Draw a digit from 0 to 9").wait_for()
        yield page
        assert said == []
        assert hosts == {urlsplit(address).netloc}


def draw(page: Page, drawing: str) -> None:
    """Draw one of DRAWINGS with the mouse."""
    box = page.locator("#pad").bounding_box()
    assert box is not None

    def at(point: str) -> tuple[float, float]:
        x, y = (int(number) / 100 for number in point.split(","))
        return (box["x"] + x * box["width"], box["y"] + y * box["height"])

    for stroke in DRAWINGS[drawing].split(" / "):
        start, *rest = stroke.split()
        page.mouse.move(*at(start))
        page.mouse.down()
        for point in rest:
            page.mouse.move(*at(point), steps=8)
        page.mouse.up()
    # The page answers in the next frame.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_reads_a_drawn_digit(page: Page, drawing: str) -> None:
    digit = int(drawing[0])
    draw(page, drawing)
    assert page.locator("#guess").inner_text() == str(digit)
    best = page.locator("#bars .best")
    assert best.count() == 1
    assert best.locator("span").first.inner_text() == str(digit)
    shares = [float(text.rstrip("%")) for text in page.locator("#bars .percent").all_inner_texts()]
    assert len(shares) == 10
    assert sum(shares) == pytest.approx(100, abs=1)
    assert max(shares) == shares[digit]


def test_shows_the_time_of_each_op(page: Page, digits: Bundle) -> None:
    draw(page, "1, a line")
    ops = [digits.model["ops"][target]["name"] for _, target in digits.model["main"]]
    shown = page.locator("#ops tr td:first-child").all_inner_texts()
    assert shown == ops
    assert page.locator("#flame span").count() == len(ops)
    assert "for one digit" in page.locator("#total").inner_text()
    for row in page.locator("#ops tr").all():
        time, share = row.locator(".number").all_inner_texts()
        assert time.endswith(("µs", "ms")), row.inner_text()
        assert share.endswith("%"), row.inner_text()


@pytest.mark.parametrize("how", ["button", "key"])
def test_clears(page: Page, how: str) -> None:
    draw(page, "7")
    assert page.locator("#guess").inner_text() == "7"
    if how == "button":
        page.get_by_role("button", name="Clear").click()
    else:
        page.keyboard.press("Escape")
    page.get_by_text("Nothing drawn yet").wait_for()
    assert page.get_by_role("img", name="Empty drawing pad").is_visible()
    assert page.locator("#bars .best").count() == 0


def test_draws_every_digit_by_keyboard(page: Page) -> None:
    """Who can't draw presses a button: the page draws each digit in turn, and reads it."""
    page.get_by_role("button", name="Draw one for me").focus()
    seen = set()
    for _ in range(10):
        page.keyboard.press("Enter")
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        seen.add(page.locator("#guess").inner_text())
    assert seen == set("0123456789")


def test_is_labelled(page: Page) -> None:
    assert page.get_by_role("heading", level=1).inner_text() == "Draw a digit"
    assert page.get_by_role("status").count() == 2  # how far it is, and the answer
    for button in page.get_by_role("button").all():
        assert button.inner_text()
    assert page.evaluate("crossOriginIsolated") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_fits_the_window(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    draw(page, "3")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0


INK = """() => ["pad", "given"].map((id) => {
  const canvas = document.getElementById(id);
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  const inked = Array.from({ length: data.length / 4 }, (_, i) => data.subarray(4 * i, 4 * i + 4));
  return Math.max(...inked.filter((pixel) => pixel[3] > 200).map((pixel) => pixel[0]));
})"""
"""Returns how bright the ink is in the two pictures, from 0 to 255."""


def test_repaints_in_the_dark(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    draw(page, "7")
    assert max(page.evaluate(INK)) < 100
    page.emulate_media(color_scheme="dark")
    # Media queries are looked at before a frame's callbacks are called.
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert min(page.evaluate(INK)) > 150


def test_says_when_the_model_can_not_be_loaded(browser: Browser, tmp_path: Path) -> None:
    with serve(PAGE, tmp_path) as server, browser.new_context() as context:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.get_by_text("The model can't be loaded").wait_for()
        server.shutdown()
        thread.join()
