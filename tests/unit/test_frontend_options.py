from __future__ import annotations

import pytest

from pyjsml.errors import OptionError
from pyjsml.frontend.options import check_dims, check_inputs, parse_dims, parse_inputs
from pyjsml.program import TensorSpec


def test_reads_inputs() -> None:
    assert parse_inputs(["image=float32[1,3,224,224]", "ids=int64[1, seq]", "t=float32[]"]) == {
        "image": TensorSpec("image", "float32", (1, 3, 224, 224)),
        "ids": TensorSpec("ids", "int64", (1, "seq")),
        "t": TensorSpec("t", "float32", ()),
    }


def test_input_names_may_hold_any_character_but_the_equals_sign() -> None:
    assert parse_inputs(["serving/x:0=uint8[2]"])["serving/x:0"].shape == (2,)


def test_lists_every_malformed_input_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        parse_inputs(["x", "y=float31[1]", "z=float32[1,-2]", "ok=bool[1]", "ok=bool[2]"])
    assert len(caught.value.problems) == 4
    for part in ("'x' is not NAME=DTYPE[SHAPE]", "'float31'", "'-2'", "given twice"):
        assert part in str(caught.value)


def test_reads_dims() -> None:
    assert parse_dims(["seq=1:512", "batch=2:"]) == {"seq": (1, 512), "batch": (2, None)}


@pytest.mark.parametrize("text", ["seq", "seq=1", "seq=0:4", "seq=9:4", "1x=1:2", "seq=-1:4"])
def test_refuses_malformed_dims(text: str) -> None:
    with pytest.raises(OptionError, match=text.partition("=")[0]):
        parse_dims([text])


def test_refuses_a_dim_given_twice() -> None:
    with pytest.raises(OptionError, match="twice"):
        parse_dims(["seq=1:2", "seq=1:3"])


def test_names_the_inputs_and_dims_that_a_model_has() -> None:
    with pytest.raises(OptionError, match="its inputs are ids, mask"):
        check_inputs(parse_inputs(["idz=int64[1]"]), ["ids", "mask"])
    with pytest.raises(OptionError, match="its dims are seq"):
        check_dims({"sec": (1, 2)}, ["seq"])
    with pytest.raises(OptionError, match="every one of its dims is fixed"):
        check_dims({"sec": (1, 2)}, [])
