"""Put the files that are not Python into the wheel: templates, the built runtime, the demo page.

An editable install reads them from the checkout, so it is left as it is.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATA = {"templates": "templates", "js/dist": "runtime", "demo": "demo"}


class DataFiles(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        missing = [folder for folder in DATA if not (Path(self.root) / folder).is_dir()]
        if missing:
            raise FileNotFoundError(f"{', '.join(missing)} not found: run `make build` first")
        build_data["force_include"] = {
            folder: f"pyjsml/_data/{name}" for folder, name in DATA.items()
        }
