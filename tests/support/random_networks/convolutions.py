"""Convolutions and pooling, of pictures and of sequences."""

from __future__ import annotations

from torch import nn

from tests.support.random_networks.draft import Draft, Layer


def conv2d(draft: Draft) -> tuple[str, Layer]:
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


def conv_norm(draft: Draft) -> tuple[str, Layer]:
    channels = draft.shape[1]
    out = draft.pick.choice([4, 8, 9])
    module = nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1, bias=draft.pick.random() < 0.5),
        nn.BatchNorm2d(out),
        draft.pick.choice([nn.ReLU(), nn.ReLU6(), nn.SiLU(), nn.Hardswish(), nn.Identity()]),
    )
    return "Conv2d 3x3, BatchNorm2d, activation", module


def conv_transpose(draft: Draft) -> tuple[str, Layer]:
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


def conv1d(draft: Draft) -> tuple[str, Layer]:
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


def conv_transpose1d(draft: Draft) -> tuple[str, Layer]:
    module = nn.ConvTranspose1d(draft.shape[1], draft.size(1, 5), 3, stride=2, padding=1)
    return str(module), module


def pool(draft: Draft) -> tuple[str, Layer]:
    kernel, stride = draft.size(2, 3), draft.size(1, 3)
    ceil = draft.pick.random() < 0.5
    padding = draft.size(0, kernel // 2)
    if draft.pick.random() < 0.5:
        module: nn.Module = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)
    else:
        include = draft.pick.random() < 0.5
        module = nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil, count_include_pad=include)
    return str(module), module


def pool1d(draft: Draft) -> tuple[str, Layer]:
    kernel = draft.size(1, 3)
    module = draft.pick.choice([nn.MaxPool1d, nn.AvgPool1d])(kernel, draft.size(1, 2), kernel // 2)
    return str(module), module


def adaptive(draft: Draft) -> tuple[str, Layer]:
    size = draft.pick.choice([1, 2, 3])
    module = nn.AdaptiveAvgPool2d(size)
    return str(module), module
