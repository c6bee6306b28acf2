"""Templates are strict, and their filters make any text harmless."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from pyjsml import templating
from pyjsml.templating import environment, to_code_span, to_comment, to_json, to_property


@dataclass(frozen=True)
class View:
    maker: str


def test_a_field_that_the_view_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="executor"):
        templating.render("index.js.jinja", View("test"))


def test_nothing_is_escaped_but_by_a_filter() -> None:
    template = environment().from_string("{{ a }} {{ a | json }}\n")
    assert template.render(a='<"&') == '<"& "<\\"&"\n'


@given(st.text())
def test_json_reads_back(text: str) -> None:
    line = to_json({text: [text]})
    assert json.loads(line) == {text: [text]}
    assert "\n" not in line


@given(st.text())
def test_comment_stays_in_its_line_and_does_not_end(text: str) -> None:
    comment = to_comment(text)
    assert "*/" not in comment
    assert not set(comment) & set("\n\r\u2028\u2029")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("logits", "logits"),
        ("class", "class"),
        ("$a_1", "$a_1"),
        ("input.1", '"input.1"'),
        ("0", '"0"'),
        ("", '""'),
        ("é", '"é"'),
        ("__proto__", '["__proto__"]'),
    ],
)
def test_property(name: str, written: str) -> None:
    assert to_property(name) == written


@pytest.mark.parametrize(
    ("text", "span"),
    [("x", "`x`"), ("a|b", "`a\\|b`"), ("`", "`` ` ``"), ("a``b", "``` a``b ```"), ("", '""')],
)
def test_code_span(text: str, span: str) -> None:
    assert to_code_span(text) == span
