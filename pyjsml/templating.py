"""Fill in Jinja2 templates: one environment, strict about names, for every generated file.

A template takes one frozen dataclass (its *view*), whose fields become the template's variables.
A field that the view lacks is an error, never an empty string.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pyjsml.resources import resource_directory

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def render(template: str, view: DataclassInstance) -> str:
    """Fill in `template` (a path below `templates/`) with the fields of `view`."""
    # Not dataclasses.asdict: nested views stay objects, so that templates may call their methods.
    variables = {field.name: getattr(view, field.name) for field in fields(view)}
    return environment().get_template(template).render(variables, template=template)


def environment() -> Environment:
    """Return the environment in which every template is filled in."""
    result = Environment(
        loader=FileSystemLoader(resource_directory("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # The output is source code; `json` does the quoting.
    )
    result.filters.update(json=to_json, comment=to_comment, code=to_code_span, property=to_property)
    return result


def to_json(value: Any) -> str:
    """Write `value` as a line of JSON, a JavaScript literal too; keys keep their order."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_refuse
    )


def _refuse(value: object) -> NoReturn:
    # Where a view lacks a field, writing `value` raises Jinja's own error, which names the field.
    raise TypeError(f"{value} has no form in JSON")


def to_property(name: str) -> str:
    """Write `name` as a property's name in JavaScript and TypeScript: quoted where it must be."""
    if name == "__proto__":
        return '["__proto__"]'  # Plainly written, it would set the object's prototype.
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name, flags=re.ASCII) else to_json(name)


def to_comment(text: str) -> str:
    """Make `text` fit for a comment of JavaScript: on one line, and without the comment's end."""
    return re.sub(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+", " ", text).replace("*/", "*\\/")


def to_code_span(text: object) -> str:
    """Write `text` as a Markdown code span that is also fit for a table's cell."""
    line = to_comment(str(text)).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    if not longest:
        return f"`{line}`" if line.strip() else '""'
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"
