"""A profile as a page of HTML that needs nothing beside itself."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyjsml.resources import resource_directory
from pyjsml.templating import render, to_json

if TYPE_CHECKING:
    from pyjsml.profile.collect import Profile


@dataclass(frozen=True)
class PageView:
    """What `profile.html.jinja` shows."""

    model: str
    subtitle: str
    style: str
    script: str
    style_digest: str
    """As a Content Security Policy wants it, as is `script_digest`."""
    script_digest: str
    data: str
    """The profile as JSON, fit for the inside of a script element."""


def page(profile: Profile) -> str:
    """Write `profile` as HTML. The same profile gives the same text."""
    folder = resource_directory("templates")
    style = (folder / "profile.css").read_text(encoding="utf-8")
    script = (folder / "profile.js").read_text(encoding="utf-8")
    threads = "1 thread" if profile.threads == 1 else f"{profile.threads} threads"
    dims = [f"{name} = {size}" for name, size in profile.dims.items()]
    view = PageView(
        model=profile.model,
        subtitle=" · ".join([profile.engine, profile.isa, threads, *dims]),
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
        data=to_json(profile.to_json()).replace("<", "\\u003c"),
    )
    return render("profile.html.jinja", view)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
