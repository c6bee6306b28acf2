"""Where pyjsml keeps what it copies, fills in or serves: templates, the runtime, the demo page.

An installed wheel carries them in `pyjsml/_data`; a checkout has them in `templates`, `demo`
and, once `npm run build` has run, in `js/dist`. Nothing else in the package knows this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pyjsml.errors import ResourceError

Resource = Literal["templates", "runtime", "demo"]


def resource_directory(resource: Resource) -> Path:
    """Return the directory of `resource`; raise ResourceError if it is not there."""
    package = Path(__file__).parent
    checkout = {"templates": "templates", "runtime": "js/dist", "demo": "demo"}
    for directory in (package / "_data" / resource, package.parent / checkout[resource]):
        if directory.is_dir():
            return directory
    raise ResourceError(
        f"pyjsml's {resource} is not in {package / '_data'}, nor in {checkout[resource]} of a "
        "checkout; in a checkout run `make setup`, otherwise reinstall pyjsml"
    )
