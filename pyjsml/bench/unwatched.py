"""Pages of Chromium that nobody watches."""

from __future__ import annotations

import json
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
        ask = json.dumps({"id": 1, "method": "Page.navigate", "params": {"url": url}})
        session.send("Target.sendMessageToTarget", {"sessionId": attached, "message": ask})
        session.send("Target.detachFromTarget", {"sessionId": attached})
        yield
    finally:
        session.send("Target.disposeBrowserContext", {"browserContextId": context})
        session.detach()
