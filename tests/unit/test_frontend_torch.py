"""PyTorch modules in memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from tvm import relax

from pyjsml.errors import InputError, ModelError, OptionError, UnsupportedOpError
from pyjsml.frontend import load, open_reference, parse_dims, parse_inputs
from pyjsml.program import Dim, TensorSpec
from tests.support.models import (
    BATCH,
    IMAGE,
    Attention,
    SmallNet,
    Stateful,
    Structured,
    image,
    seeded,
)
from tests.support.models_native import assert_close, evaluate


def test_importing_the_frontend_imports_no_framework() -> None:
    script = (
        "import sys, pyjsml.frontend; "
        "print([name for name in ('tvm', 'torch', 'onnx', 'onnxruntime') if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_modules() -> None:
    module = seeded(SmallNet)
    program = load(module, inputs=IMAGE)
    assert program.name == "SmallNet"
    assert program.signature.inputs == (TensorSpec("image", "float32", (1, 3, 16, 16)),)
    assert program.signature.outputs == (TensorSpec("output", "float32", (1, 5)),)
    state = module.state_dict()
    assert set(program.constants) == {name for name in state if "num_batches" not in name}
    for name, array in program.constants.items():
        np.testing.assert_array_equal(array, state[name].numpy())
    expected = module(torch.from_numpy(image())).detach().numpy()
    assert_close(evaluate(program, {"image": image()})["output"], expected)


def test_origins_name_modules_and_lines() -> None:
    program = load(seeded(SmallNet), inputs=IMAGE)
    conv = next(o for o in program.origins.values() if o.module == "blocks.1.conv")
    assert conv.kind == "aten.convolution"
    assert conv.source.startswith("models.py:")
    assert conv.output == conv.node
    assert program.origins[conv.node] is conv
    norm = next(o for o in program.origins.values() if o.module == "blocks.1.norm")
    assert norm.output != norm.node  # Its first result, of several.


def test_training_mode_is_left_as_it_was() -> None:
    module = SmallNet().train()
    load(module, inputs=IMAGE)
    assert module.training
    reference = open_reference(module, inputs=IMAGE)
    first, second = (reference.run({"image": image()})["output"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert module.training


def test_dynamic_axes() -> None:
    module = seeded(SmallNet)
    program = load(module, inputs=BATCH, dims=parse_dims(["batch=1:8"]))
    assert program.signature.inputs[0].shape == ("batch", 3, 16, 16)
    assert program.signature.dims == (Dim("batch", 1, 8),)
    for batch in (1, 3):
        expected = module(torch.from_numpy(image(batch))).detach().numpy()
        assert_close(evaluate(program, {"image": image(batch)})["output"], expected)


def test_dynamic_sequences() -> None:
    module = seeded(Attention)
    program = load(module, inputs=parse_inputs(["ids=int64[1,seq]"]), dims=parse_dims(["seq=1:32"]))
    assert program.signature.outputs[0].shape == (1, "seq", 12)
    for length in (1, 7):
        ids = np.arange(length, dtype=np.int64)[None] % 20
        expected = module(torch.from_numpy(ids)).detach().numpy()
        assert_close(evaluate(program, {"ids": ids})["output"], expected)


def test_example_arguments() -> None:
    assert load(seeded(SmallNet), args=(image(2),)).signature.inputs[0].shape == (2, 3, 16, 16)
    assert load(seeded(SmallNet), kwargs={"image": torch.zeros(4, 3, 16, 16)}).signature.inputs[
        0
    ].shape == (4, 3, 16, 16)


def test_containers_are_flattened_by_name() -> None:
    ones = torch.ones(2, 3)
    module = Structured()
    args, kwargs = (ones, (ones * 2, ones * 3)), {"scale": ones * 4}
    program = load(module, args=args, kwargs=kwargs)
    assert [spec.name for spec in program.signature.inputs] == [
        "x",
        "others_0",
        "others_1",
        "scale",
    ]
    names = [spec.name for spec in program.signature.outputs]
    assert names == ["scaled", "pair_total", "pair_product"]
    inputs = {
        spec.name: np.full((2, 3), index + 1, np.float32)
        for index, spec in enumerate(program.signature.inputs)
    }
    values = evaluate(program, inputs)
    assert [float(values[name][0, 0]) for name in names] == [4, 5, 6]
    reference = open_reference(module, args=args, kwargs=kwargs).run(inputs)
    for name in names:
        assert_close(values[name], reference[name])


def test_missing_examples_say_which_input_to_give() -> None:
    with pytest.raises(OptionError, match="--input image="):
        load(SmallNet())
    with pytest.raises(OptionError, match="its inputs are image"):
        load(SmallNet(), inputs=parse_inputs(["x=float32[1]"]))
    with pytest.raises(OptionError, match="its dims are batch"):
        load(SmallNet(), inputs=BATCH, dims=parse_dims(["seq=1:2"]))


def test_arguments_without_names_are_refused() -> None:
    class Sum(nn.Module):
        def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
            return x + sum(others)

    one = torch.ones(2)
    with pytest.raises(OptionError, match=r"3 arguments .* Sum has names for 1 \(x\)"):
        load(Sum(), args=(one, one, one))
    assert load(Sum(), args=(one,)).signature.inputs == (TensorSpec("x", "float32", (2,)),)


def test_exports_that_fail_say_why() -> None:
    with pytest.raises(ModelError, match="can't export SmallNet"):
        load(SmallNet(), inputs=parse_inputs(["image=float32[1,4,16,16]"]))


class Chooses(nn.Module):
    """Branches by the values of its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:
            return x
        return -x


def test_exports_that_depend_on_values_say_where() -> None:
    with pytest.raises(ModelError) as caught:
        load(Chooses(), args=(torch.zeros(2),))
    message = str(caught.value)
    assert "can't export Chooses: at test_frontend_torch.py:" in message
    assert "in forward, the model needs to know the values of a tensor" in message


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_modules_quantised_in_eager_mode_are_named() -> None:
    layer = torch.ao.nn.quantized.Linear(3, 2)  # type: ignore[no-untyped-call]
    with pytest.raises(ModelError, match=r"modules quantised in torch's eager mode \('1'\)"):
        load(nn.Sequential(nn.ReLU(), layer), args=(torch.zeros(1, 3),))


def test_axes_that_the_model_fixes_are_named() -> None:
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.ones(7)

    with pytest.raises(ModelError, match=r"Constraints violated.*width.*7"):
        load(Fixed(), inputs=parse_inputs(["x=float32[2,width]"]), dims=parse_dims(["width=7:9"]))


class Norms(nn.Module):
    """Normalisations that torch writes with repeated weights, and repetition itself."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = nn.InstanceNorm2d(3, eps=0.5)
        self.affine = nn.InstanceNorm2d(3, affine=True, track_running_stats=True)
        self.group = nn.GroupNorm(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = torch.arange(4.0).repeat(x.shape[0], 3, 2, 1)
        result: torch.Tensor = self.group(self.affine(self.plain(x))) + rows.repeat(1, 1, 2, 1)
        return result


def test_normalisations_with_a_dynamic_batch() -> None:
    module = seeded(Norms)
    program = load(module, inputs=parse_inputs(["x=float32[batch,3,4,4]"]))
    x = np.random.default_rng(2).standard_normal((3, 3, 4, 4)).astype(np.float32)
    expected = module(torch.from_numpy(x)).detach().numpy()
    assert_close(evaluate(program, {"x": x})["output"], expected)


def test_state_is_refused() -> None:
    with pytest.raises(ModelError, match="writes to 'calls'"):
        load(Stateful(), args=(torch.zeros(2),))


def test_unsupported_operators_are_listed_with_their_origins() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = torch.nonzero(x).float().sum() + torch.linalg.det(x)
            return result

    with pytest.raises(UnsupportedOpError) as caught:
        load(Odd(), args=(torch.zeros(3, 3),))
    problems = "\n".join(caught.value.problems)
    assert "aten.nonzero.default ×1: nonzero (test_frontend_torch.py:" in problems
    assert len(caught.value.problems) >= 2


def test_values_that_numpy_lacks_are_refused() -> None:
    with pytest.raises(ModelError, match=r"'weight' is bfloat16.*float\(\)"):
        load(nn.Linear(2, 2).bfloat16(), args=(torch.zeros(1, 2, dtype=torch.bfloat16),))


def test_float16_keeps_its_dtype() -> None:
    program = load(nn.Linear(2, 2).half(), args=(torch.zeros(1, 2, dtype=torch.float16),))
    assert {str(array.dtype) for array in program.constants.values()} == {"float16"}
    assert program.signature.outputs[0].dtype == "float16"


def test_libraries_stay_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    load(seeded(SmallNet), inputs=BATCH)
    with pytest.raises(ModelError):
        load(SmallNet(), inputs=parse_inputs(["image=float32[1,4,16,16]"]))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_axes_that_are_multiples_of_an_unknown_are_refused() -> None:
    class Halves(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(-1, 2, 3) * 2

    half = torch.export.Dim("half", max=8)
    program = torch.export.export(Halves(), (torch.zeros(8, 3),), dynamic_shapes=({0: 2 * half},))
    with pytest.raises(ModelError, match="Axis 0 of 'x' is exported as 2"):
        load(program)


def test_the_reference_interprets_what_was_imported() -> None:
    module = seeded(SmallNet)
    program = load(module, inputs=IMAGE)
    reference = open_reference(module, inputs=IMAGE)
    names = [origin.output for origin in program.origins.values()]
    values = reference.intermediates({"image": image()}, names)
    assert set(values) == set(names)
    types = {
        binding.var.name: binding.var.ty
        for block in program.module["main"].body.blocks
        for binding in block.bindings
    }
    for variable, origin in program.origins.items():
        shape = tuple(int(size) for size in types[variable].shape)
        assert values[origin.output].shape == shape, origin
    relax.analysis.well_formed(program.module)


def test_the_reference_checks_its_inputs() -> None:
    reference = open_reference(seeded(SmallNet), inputs=IMAGE)
    with pytest.raises(InputError) as caught:
        reference.run({"picture": image()})
    assert len(caught.value.problems) == 2
    with pytest.raises(InputError, match="refuses the inputs"):
        reference.run({"image": image()[:, :2]})
