"""What the optimize and lower stages make of networks whose right answer is known."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn
from tvm import relax

from pyjsml import api
from pyjsml.dump import dump
from pyjsml.errors import UnsupportedOpError
from pyjsml.frontend.options import parse_dims, parse_inputs
from pyjsml.optimize.legalize import legalize
from pyjsml.program import Origin, Program
from tests.support.golden import check_golden
from tests.support.networks import Attention, Residual, seeded


def lowered(module: nn.Module, *args: torch.Tensor, inputs: str = "", dims: str = "") -> Program:
    """Return a module's program behind the lower stage."""
    stages = api.compile_stages(
        seeded(module),
        args,
        inputs=parse_inputs([inputs] if inputs else []),
        dims=parse_dims([dims] if dims else []),
    )
    return [next(stages) for _ in range(3)][-1]


def kinds(program: Program) -> Counter[str]:
    return Counter(op.kind for op in program.graph.main.ops if op.kind != "view")


def test_a_residual_network_becomes_one_op_per_layer() -> None:
    program = lowered(Residual(), torch.zeros(1, 3, 8, 8))
    assert kinds(program) == {
        "transpose": 1,  # the input comes in as NCHW; nothing else is ever transposed
        "conv2d": 2,  # the stem, and the shortcut with its stride
        "depthwise_conv2d": 1,
        "matmul": 2,  # the pointwise convolution, and the classifier
        "sum": 2,  # rows, then columns, of the average pool
    }


def test_an_embedding_that_is_also_the_last_layer_is_held_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(20, 8)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(torch.relu(self.words(ids)), self.words.weight)

    one = lowered(Tied(), torch.zeros(1, 1, dtype=torch.int64))
    assert kinds(one)["vector_matmul"] == 1
    assert not one.graph.load.ops
    several = lowered(Tied(), torch.zeros(1, 3, dtype=torch.int64))
    assert kinds(several)["matmul"] == 1


def test_batch_norm_is_folded_at_load_time() -> None:
    program = lowered(Residual(), torch.zeros(1, 3, 8, 8))
    load = Counter(op.kind for op in program.graph.load.ops)
    assert load["scaled_weight"] == load["normalization_shift"] == 1
    weights = {value.constant for value in program.graph.values.values() if value.constant}
    assert {"stem.0.weight", "stem.1.running_var", "classifier.weight"} <= weights


def test_batch_norm_without_a_convolution_is_a_scale_and_a_shift() -> None:
    program = lowered(nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), torch.zeros(1, 4, 5, 5))
    assert set(kinds(program)) <= {"multiply", "add", "relu"}
    assert len([op for op in program.graph.main.ops if op.kernel]) == 1


def test_a_convolution_that_is_read_twice_keeps_its_weights() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            scaled: torch.Tensor = y * self.norm(y)
            return scaled

    program = lowered(Twice(), torch.zeros(1, 3, 5, 5))
    assert not any(op.kind == "scaled_weight" for op in program.graph.load.ops)


def test_element_wise_work_behind_a_reshape_joins_the_product() -> None:
    program = lowered(Attention(), torch.zeros(2, 6, 16))
    last = program.graph.main.ops[-2]
    assert last.kind == "matmul"
    assert [origin.kind.split(".")[1] for origin in last.origins] == ["linear", "gelu", "add"]
    assert program.graph.main.ops[-1].kind == "view"


def test_an_activation_that_is_read_twice_joins_the_convolution() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Conv2d(8, 8, 1), nn.Hardswish())
    program = lowered(network, torch.zeros(1, 3, 8, 8))
    assert kinds(program) == {"transpose": 2, "conv2d": 1, "matmul": 1}


def test_few_outputs_take_no_panel() -> None:
    program = lowered(nn.Conv2d(8, 3, 5, padding=2), torch.zeros(1, 8, 9, 9))
    assert kinds(program) == {"transpose": 2, "narrow_conv2d": 1}


def test_a_transposed_convolution_is_cut_where_its_phases_end_apart() -> None:
    program = lowered(nn.ConvTranspose2d(8, 8, 3, 2, bias=False), torch.zeros(1, 8, 4, 4))
    assert kinds(program) == {
        "transpose": 2,
        "pad": 1,
        "conv2d_transpose": 1,  # of 10 by 10
        "strided_slice": 1,  # 9 by 9
    }
    program = lowered(nn.ConvTranspose2d(8, 8, 4, 2, 1), torch.zeros(1, 8, 4, 4))
    assert kinds(program) == {"transpose": 2, "pad": 1, "conv2d_transpose": 1}


def test_pack_kernels_serve_every_shape() -> None:
    module = nn.Sequential(*(nn.Linear(size, size + 3) for size in (4, 7, 10)))
    program = lowered(module, torch.zeros(2, 4))
    packs = [op for op in program.graph.load.ops if op.kind.startswith("pack")]
    assert len(packs) == 3
    assert len({op.kernel for op in packs}) == 1
    assert [op.dims for op in packs] == [(7, 4), (10, 7), (13, 10)]


def test_every_op_knows_where_it_comes_from() -> None:
    program = lowered(Residual(), torch.zeros(1, 3, 8, 8))
    for op in (*program.graph.load.ops, *program.graph.main.ops):
        assert op.origins, op.name
    modules = {origin.module for op in program.graph.main.ops for origin in op.origins}
    assert {"stem.0", "stem.1", "depthwise", "pointwise", "shortcut", "classifier"} <= modules


def test_dims_stay_symbolic() -> None:
    program = lowered(
        Attention(), torch.zeros(2, 6, 16), inputs="tokens=float32[2,length,16]", dims="length=1:64"
    )
    assert program.graph.values["tokens"].shape == (2, "length", 16)
    product = next(op for op in program.graph.main.ops if op.kind == "matmul")
    assert [str(dim) for dim in product.dims] == ["(2 * length)"]


def test_operators_without_a_kernel_are_all_named() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total: torch.Tensor = torch.linalg.inv(x) + torch.linalg.det(x)
            return total

    with pytest.raises(UnsupportedOpError) as caught:
        lowered(Odd(), torch.eye(4)[None])
    assert any("linalg_inv" in problem for problem in caught.value.problems)
    assert any("linalg_det" in problem for problem in caught.value.problems)


def test_operators_that_fail_to_be_lowered_are_all_named() -> None:
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType([1, 8, 6, 6], "float32"))
    with builder.function("main", [x], attrs={"num_input": 1}):
        size = relax.ShapeExpr([3, 3])
        first = builder.emit(relax.op.image.resize2d(x, size, method="lanczos"), "first")
        last = builder.emit(relax.op.image.resize2d(first, size, method="lanczos"), "last")
        builder.emit_func_output(builder.emit(relax.op.nn.relu(last)))
    with pytest.raises(UnsupportedOpError) as caught:
        legalize(builder.finalize(), {"first": Origin("up"), "last": Origin("down")})
    assert caught.value.problems == ("image.resize2d at up", "image.resize2d at down")


@pytest.mark.parametrize("stage", ["optimize", "lower"])
@pytest.mark.parametrize("network", [Residual, Attention])
def test_dumps(stage: str, network: type[nn.Module]) -> None:
    shape = (1, 3, 8, 8) if network is Residual else (2, 6, 16)
    stages = api.compile_stages(seeded(network()), (torch.zeros(shape),))
    program = next(p for name, p in zip(api.STAGES, stages, strict=False) if name == stage)
    check_golden(f"program/{network.__name__}.{stage}.txt", dump(program))
