"""Random small networks: chains of layers that fit, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812, what everybody calls it
from torch import nn

MOST = 60_000
"""Elements of a layer's result."""

Layer = Callable[[torch.Tensor], torch.Tensor]
Draw = Callable[["Draft"], tuple[str, Layer] | None]


@dataclass
class Draft:
    """A network under construction: what its last layer gives."""

    pick: random.Random
    shape: tuple[int, ...]

    def size(self, low: int, high: int) -> int:
        """Return a random integer of `low` to `high`."""
        return self.pick.randint(low, high)


class RandomNetwork(nn.Module):
    """The layers that a seed draws; `text` says which, for a failing test to show."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        pick = random.Random(seed)
        torch.manual_seed(seed)
        self.kind = pick.choice(["image", "image", "sequence", "matrix"])
        first = _FIRST[self.kind](pick)
        self.shape = first
        self.dynamic = pick.random() < 0.4
        draft = Draft(pick, first)
        self.texts: list[str] = []
        self.layers: list[Layer] = []
        self.modules_of_layers = nn.ModuleList()
        for _ in range(pick.randint(2, 6)):
            self._add(draft)
        _randomise(self)
        self.eval()

    @property
    def text(self) -> str:
        """The network in a line."""
        return f"{list(self.shape)}{' dynamic' if self.dynamic else ''}: {'; '.join(self.texts)}"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x

    def _add(self, draft: Draft) -> None:
        for _ in range(20):
            draw = draft.pick.choice(_CATALOGUE[len(draft.shape)])
            drawn = draw(draft)
            if drawn is None:
                continue
            text, layer = drawn
            example = torch.zeros(draft.shape)
            try:
                with torch.no_grad():
                    result = (layer.eval() if isinstance(layer, nn.Module) else layer)(example)
            except RuntimeError:
                continue  # A kernel larger than the picture, say.
            if not 0 < result.numel() < MOST or not result.is_floating_point() or result.ndim < 2:
                continue
            if isinstance(layer, nn.Module):
                self.modules_of_layers.append(layer)
            self.layers.append(layer)
            self.texts.append(text)
            draft.shape = tuple(result.shape)
            return


def _randomise(network: nn.Module) -> None:
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.uniform_(-0.5, 0.5)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)


def _image(pick: random.Random) -> tuple[int, ...]:
    return (2, pick.choice([1, 3, 4, 6, 8, 12]), pick.randint(5, 14), pick.randint(5, 14))


def _sequence(pick: random.Random) -> tuple[int, ...]:
    return (2, pick.randint(2, 12), pick.choice([1, 4, 6, 8, 16, 17]))


def _matrix(pick: random.Random) -> tuple[int, ...]:
    return (2, pick.choice([1, 3, 8, 16, 31]))


_FIRST: dict[str, Callable[[random.Random], tuple[int, ...]]] = {
    "image": _image,
    "sequence": _sequence,
    "matrix": _matrix,
}


def _conv2d(draft: Draft) -> tuple[str, Layer]:
    channels = draft.shape[1]
    groups = draft.pick.choice([g for g in (1, 1, 2, 3, channels) if channels % g == 0])
    out = groups * draft.size(1, 4) if groups > 1 else draft.size(1, 17)
    kernel = (draft.size(1, 4), draft.size(1, 4))
    module = nn.Conv2d(
        channels,
        out,
        kernel,
        stride=(draft.size(1, 3), draft.size(1, 2)),
        padding=(draft.size(0, 2), draft.size(0, 3)),
        dilation=(draft.size(1, 2), 1),
        groups=groups,
        bias=draft.pick.random() < 0.5,
        padding_mode=draft.pick.choice(["zeros", "zeros", "reflect", "replicate", "circular"]),
    )
    return str(module), module


def _conv_norm(draft: Draft) -> tuple[str, Layer]:
    channels = draft.shape[1]
    out = draft.pick.choice([4, 8, 9])
    module = nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1, bias=draft.pick.random() < 0.5),
        nn.BatchNorm2d(out),
        draft.pick.choice([nn.ReLU(), nn.ReLU6(), nn.SiLU(), nn.Hardswish(), nn.Identity()]),
    )
    return "Conv2d 3x3, BatchNorm2d, activation", module


def _conv_transpose(draft: Draft) -> tuple[str, Layer]:
    channels = draft.shape[1]
    groups = draft.pick.choice([g for g in (1, 2, channels) if channels % g == 0])
    stride = draft.size(1, 3)
    module = nn.ConvTranspose2d(
        channels,
        groups * draft.size(1, 5),
        (draft.size(1, 4), draft.size(1, 4)),
        stride=stride,
        padding=draft.size(0, 1),
        output_padding=draft.size(0, stride - 1),
        groups=groups,
    )
    return str(module), module


def _conv1d(draft: Draft) -> tuple[str, Layer]:
    channels = draft.shape[1]
    groups = draft.pick.choice([g for g in (1, 2, channels) if channels % g == 0])
    module = nn.Conv1d(
        channels,
        groups * draft.size(1, 5),
        draft.size(1, 3),
        stride=draft.size(1, 2),
        padding=draft.size(0, 2),
        dilation=draft.size(1, 2),
        groups=groups,
    )
    return str(module), module


def _conv_transpose1d(draft: Draft) -> tuple[str, Layer]:
    module = nn.ConvTranspose1d(draft.shape[1], draft.size(1, 5), 3, stride=2, padding=1)
    return str(module), module


def _pool(draft: Draft) -> tuple[str, Layer]:
    kernel, stride = draft.size(2, 3), draft.size(1, 3)
    ceil = draft.pick.random() < 0.5
    padding = draft.size(0, kernel // 2)
    if draft.pick.random() < 0.5:
        module: nn.Module = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)
    else:
        include = draft.pick.random() < 0.5
        module = nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil, count_include_pad=include)
    return str(module), module


def _pool1d(draft: Draft) -> tuple[str, Layer]:
    kernel = draft.size(1, 3)
    module = draft.pick.choice([nn.MaxPool1d, nn.AvgPool1d])(kernel, draft.size(1, 2), kernel // 2)
    return str(module), module


def _adaptive(draft: Draft) -> tuple[str, Layer]:
    size = draft.pick.choice([1, 2, 3])
    module = nn.AdaptiveAvgPool2d(size)
    return str(module), module


def _norm2d(draft: Draft) -> tuple[str, Layer]:
    channels = draft.shape[1]
    groups = draft.pick.choice([g for g in (1, 2, 3, channels) if channels % g == 0])
    module = draft.pick.choice(
        [
            nn.BatchNorm2d(channels),
            nn.InstanceNorm2d(channels, affine=draft.pick.random() < 0.5),
            nn.GroupNorm(groups, channels),
            nn.LayerNorm(draft.shape[1:]),
            nn.LayerNorm(draft.shape[-1]),
        ]
    )
    return str(module), module


def _norm(draft: Draft) -> tuple[str, Layer]:
    last = draft.shape[-1]
    module: nn.Module = draft.pick.choice([nn.LayerNorm(last), nn.RMSNorm(last)])
    if len(draft.shape) == 3 and draft.pick.random() < 0.3:
        module = nn.BatchNorm1d(draft.shape[1])
    return str(module), module


def _activation(draft: Draft) -> tuple[str, Layer]:
    module = draft.pick.choice(
        [
            nn.ReLU(),
            nn.ReLU6(),
            nn.GELU(),
            nn.GELU(approximate="tanh"),
            nn.SiLU(),
            nn.Hardswish(),
            nn.Hardsigmoid(),
            nn.Hardtanh(),
            nn.ELU(),
            nn.CELU(),
            nn.SELU(),
            nn.LeakyReLU(0.1),
            nn.PReLU(),
            nn.PReLU(draft.shape[1]),
            nn.Softplus(),
            nn.Softsign(),
            nn.Mish(),
            nn.Sigmoid(),
            nn.LogSigmoid(),
            nn.Tanh(),
            nn.Softmin(dim=-1),
        ]
    )
    return str(module), module


def _softmax(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1) - draft.pick.choice([0, len(draft.shape)])
    function = draft.pick.choice([F.softmax, F.log_softmax])
    return f"{function.__name__}({axis})", lambda x: function(x, dim=axis)


def _linear(draft: Draft) -> tuple[str, Layer]:
    module = nn.Linear(draft.shape[-1], draft.size(1, 33), bias=draft.pick.random() < 0.7)
    return str(module), module


def _residual(draft: Draft) -> tuple[str, Layer]:
    if len(draft.shape) == 4:
        inner: nn.Module = nn.Conv2d(draft.shape[1], draft.shape[1], 3, padding=1)
    else:
        inner = nn.Linear(draft.shape[-1], draft.shape[-1])
    return f"residual({inner})", _Residual(inner)


class _Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.relu(self.inner(x))


def _binary(draft: Draft) -> tuple[str, Layer]:
    axes = [draft.pick.choice([1, size]) for size in draft.shape[1:]]
    other = nn.Parameter(torch.rand(axes) + 0.5)
    name = draft.pick.choice(["add", "sub", "mul", "div", "maximum", "minimum", "pow", "atan2"])
    module = _Binary(other, name)
    return f"{name}({axes})", module


class _Binary(nn.Module):
    def __init__(self, other: nn.Parameter, name: str) -> None:
        super().__init__()
        self.other = other
        self.name = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = x.abs() + 0.1 if self.name == "pow" else x
        result: torch.Tensor = getattr(torch, self.name)(first, self.other)
        return result


UNARY = (
    *("abs", "atan", "ceil", "cos", "erf", "exp", "expm1", "floor", "log1p", "neg", "reciprocal"),
    *("round", "rsqrt", "sign", "sin", "sqrt", "square", "tanh", "trunc"),
)
REDUCTIONS = ("sum", "mean", "amax", "amin", "var", "logsumexp", "norm", "std", "prod", "all")


def _unary(draft: Draft) -> tuple[str, Layer]:
    name = draft.pick.choice(UNARY)
    function = getattr(torch, name)
    if name in ("log1p", "sqrt", "rsqrt", "reciprocal"):
        return f"{name}(|x| + 0.1)", lambda x: function(x.abs() + 0.1)
    if name in ("floor", "ceil", "round", "trunc", "sign"):
        return f"{name}(x) + x", lambda x: function(x * 3 + 0.0137) + x
    return name, lambda x: function(x.clamp(-5, 5))


def _reduce(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1)
    keep = draft.pick.random() < 0.7
    name = draft.pick.choice(REDUCTIONS)
    text = f"{name}({axis}, keepdim={keep})"
    if name == "all":
        return f"where({text})", lambda x: torch.where((x > -9).all(axis, keepdim=True), x, -x)
    if name == "norm":
        return text, lambda x: torch.linalg.vector_norm(x, dim=axis, keepdim=keep)
    function = getattr(torch, name)
    return text, lambda x: function(x, dim=axis, keepdim=keep)


def _reduce_two(draft: Draft) -> tuple[str, Layer] | None:
    if len(draft.shape) != 4:
        return None
    axes = draft.pick.choice([(2, 3), (1, 3), (1, 2), (-1, -2)])
    keep = draft.pick.random() < 0.7
    function: Any = draft.pick.choice([torch.sum, torch.mean, torch.amax])
    text = f"{function.__name__}({axes}, keepdim={keep})"
    return text, lambda x: function(x, dim=axes, keepdim=keep)


def _concat(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1)
    return f"cat([x, relu(x), x * 2], {axis})", lambda x: torch.cat([x, torch.relu(x), x * 2], axis)


def _split(draft: Draft) -> tuple[str, Layer] | None:
    axis = draft.size(1, len(draft.shape) - 1)
    size = draft.shape[axis]
    if size < 2:
        return None
    cut = draft.size(1, size - 1)
    match draft.pick.choice(["chunk", "split", "narrow", "step", "roll", "flip"]):
        case "chunk":
            return f"chunk({axis})", lambda x: torch.cat(x.chunk(2, axis)[::-1], axis)
        case "split":
            return f"split({cut}, {axis})", lambda x: x.split([cut, size - cut], axis)[1] * 2
        case "narrow":
            return f"narrow({axis}, 0, {cut})", lambda x: x.narrow(axis, 0, cut)
        case "roll":
            return f"roll({cut}, {axis})", lambda x: x.roll(cut, axis)
        case "flip":
            return f"flip({axis})", lambda x: x.flip(axis)
        case _:
            index = [slice(None)] * axis + [slice(cut - 1, None, 2)]
            return f"[{cut - 1}::2] of axis {axis}", lambda x: x[tuple(index)]


def _permute(draft: Draft) -> tuple[str, Layer]:
    rest = list(range(1, len(draft.shape)))
    draft.pick.shuffle(rest)
    return f"permute(0, {rest})", lambda x: x.permute(0, *rest)


def _reshape(draft: Draft) -> tuple[str, Layer]:
    if len(draft.shape) == 4:
        if draft.pick.random() < 0.5:
            return "flatten(2)", lambda x: x.flatten(2)
        return "flatten(1)", lambda x: x.flatten(1)
    if len(draft.shape) == 3:
        return "unsqueeze(1)", lambda x: x.unsqueeze(1)
    width = draft.shape[1]
    factor = next((f for f in (4, 3, 2) if width % f == 0), 1)
    return f"reshape(-1, {factor}, …)", lambda x: x.reshape(x.shape[0], factor, width // factor)


def _upsample(draft: Draft) -> tuple[str, Layer]:
    mode = draft.pick.choice(["nearest", "bilinear", "bilinear aligned", "bicubic"])
    size = draft.pick.choice([None, (draft.size(3, 12), draft.size(3, 12))])
    module = nn.Upsample(
        size=size,
        scale_factor=None if size else draft.pick.choice([2, 3]),
        mode=mode.split()[0],
        align_corners=None if mode == "nearest" else mode.endswith("aligned"),
    )
    return str(module), module


def _shuffle(draft: Draft) -> tuple[str, Layer] | None:
    if draft.shape[1] % 4 == 0 and draft.pick.random() < 0.5:
        return "PixelShuffle(2)", nn.PixelShuffle(2)
    if draft.shape[2] % 2 == 0 and draft.shape[3] % 2 == 0:
        return "PixelUnshuffle(2)", nn.PixelUnshuffle(2)
    return None


def _attention(draft: Draft) -> tuple[str, Layer]:
    width = draft.shape[-1]
    heads = next(h for h in (4, 2, 1) if width % h == 0)
    return f"attention({width}, {heads})", _Attention(width, heads, draft.pick.random() < 0.5)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        result: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return result


def _product(draft: Draft) -> tuple[str, Layer]:
    match draft.pick.choice(["matmul", "bmm", "einsum", "outer"]):
        case "matmul":
            return "x @ xᵀ", lambda x: x @ x.transpose(-1, -2)
        case "bmm":
            return "bmm(xᵀ, x)", lambda x: torch.bmm(x.transpose(1, 2), x)
        case "einsum":
            return "einsum(bij,bkj->bik)", lambda x: torch.einsum("bij,bkj->bik", x, x)
        case _:
            return "einsum(bij,bik->bjk)", lambda x: torch.einsum("bij,bik->bjk", x, x)


def _masked(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1)
    match draft.pick.choice(["where", "masked_fill", "tril", "cumsum", "clamp", "argmax"]):
        case "where":
            return "where(x > 0.1)", lambda x: torch.where(x > 0.1, x * 2, x - 1)
        case "masked_fill":
            return "masked_fill", lambda x: x.masked_fill(~(x < 0.5), -3.0)
        case "tril":
            return "tril", lambda x: torch.tril(x, 1) + torch.triu(x, -1)
        case "cumsum":
            return f"cumsum({axis})", lambda x: torch.cumsum(x, axis)
        case "argmax":
            return f"argmax({axis})", lambda x: x + x.argmax(axis, keepdim=True)
        case _:
            return "clamp(min)", lambda x: x.clamp(min=-0.3)


def _embedding(draft: Draft) -> tuple[str, Layer]:
    return "embedding", _Embedding(draft.size(2, 9))


class _Embedding(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(7, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.table(x.abs().mul(3.3).long() % 7)
        return result


def _pad(draft: Draft) -> tuple[str, Layer]:
    sizes = [draft.size(0, 2) for _ in range(2 * (len(draft.shape) - 2))]
    mode = draft.pick.choice(["constant", "reflect", "replicate"])
    text = f"pad({sizes}, {mode})"
    if mode == "reflect" and min(draft.shape[2:], default=0) <= 2:
        mode = "constant"
    return text, lambda x: F.pad(x, sizes, mode)


_ANY: Sequence[Draw] = (
    *(_activation,) * 3,
    *(_unary, _binary, _reduce, _concat, _split, _permute, _masked, _softmax, _linear, _reshape),
)
_CATALOGUE: dict[int, Sequence[Draw]] = {
    5: _ANY,
    4: (
        *_ANY,
        *(_conv2d,) * 3,
        *(_conv_norm,) * 2,
        *(_conv_transpose, _pool, _pool, _adaptive, _norm2d, _norm2d, _residual, _reduce_two),
        *(_upsample, _upsample, _shuffle, _pad),
    ),
    3: (
        *_ANY,
        *(_conv1d, _conv1d, _conv_transpose1d, _pool1d, _norm, _residual, _attention),
        *(_product, _product, _pad),
    ),
    2: (*_ANY, _norm, _residual, _embedding),
}
