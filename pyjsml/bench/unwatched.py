"""Pages of Chromium that nobody watches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def unwatched_page(browser: Browser, url: str) -> Iterator[None]:
    """Load `url` in a new tab of a context of its own, which has no cache, and then let it be.

    Playwright has Chromium report every piece of a file that one of its own pages fetches, and keep
    the files. That takes time on the page's thread: 20 ms for a file of 14 MB, once it is there.
    """
    session = browser.new_browser_cdp_session()
    context = session.send("Target.createBrowserContext")["browserContextId"]
    try:
        tab = {"url": "about:blank", "browserContextId": context}
        target = session.send("Target.createTarget", tab)["targetId"]
        attached = session.send("Target.attachToTarget", {"targetId": target})["sessionId"]

        def tell(number: int, method: str, params: dict[str, str]) -> None:
            message = json.dumps({"id": number, "method": method, "params": params})
            session.send("Target.sendMessageToTarget", {"sessionId": attached, "message": message})

        # The tab's process is to be there before, as it is where a user follows a link.
        replied = threading.Event()
        session.once("Target.receivedMessageFromTarget", lambda _: replied.set())
        tell(1, "Runtime.evaluate", {"expression": "0"})
        while not replied.is_set():
            session.send("Target.getTargetInfo", {"targetId": target})
        tell(2, "Page.navigate", {"url": url})
        session.send("Target.detachFromTarget", {"sessionId": attached})
        yield
    finally:
        session.send("Target.disposeBrowserContext", {"browserContextId": context})
        session.detach()
