"""Layers that move elements: to cut, join, turn, pad and enlarge."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812, what everybody calls it
from torch import nn

from tests.support.random_networks.draft import Draft, Layer


def concat(draft: Draft) -> tuple[str, Layer]:
    axis = draft.size(1, len(draft.shape) - 1)
    return f"cat([x, relu(x), x * 2], {axis})", lambda x: torch.cat([x, torch.relu(x), x * 2], axis)


def split(draft: Draft) -> tuple[str, Layer] | None:
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


def permute(draft: Draft) -> tuple[str, Layer]:
    rest = list(range(1, len(draft.shape)))
    draft.pick.shuffle(rest)
    return f"permute(0, {rest})", lambda x: x.permute(0, *rest)


def reshape(draft: Draft) -> tuple[str, Layer]:
    if len(draft.shape) == 4:
        if draft.pick.random() < 0.5:
            return "flatten(2)", lambda x: x.flatten(2)
        return "flatten(1)", lambda x: x.flatten(1)
    if len(draft.shape) == 3:
        return "unsqueeze(1)", lambda x: x.unsqueeze(1)
    width = draft.shape[1]
    factor = next((f for f in (4, 3, 2) if width % f == 0), 1)
    return f"reshape(-1, {factor}, …)", lambda x: x.reshape(x.shape[0], factor, width // factor)


def pad(draft: Draft) -> tuple[str, Layer]:
    sizes = [draft.size(0, 2) for _ in range(2 * (len(draft.shape) - 2))]
    mode = draft.pick.choice(["constant", "reflect", "replicate"])
    text = f"pad({sizes}, {mode})"
    if mode == "reflect" and min(draft.shape[2:], default=0) <= 2:
        mode = "constant"
    return text, lambda x: F.pad(x, sizes, mode)


def upsample(draft: Draft) -> tuple[str, Layer]:
    mode = draft.pick.choice(["nearest", "bilinear", "bilinear aligned", "bicubic"])
    size = draft.pick.choice([None, (draft.size(3, 12), draft.size(3, 12))])
    module = nn.Upsample(
        size=size,
        scale_factor=None if size else draft.pick.choice([2, 3]),
        mode=mode.split()[0],
        align_corners=None if mode == "nearest" else mode.endswith("aligned"),
    )
    return str(module), module


def shuffle(draft: Draft) -> tuple[str, Layer] | None:
    if draft.shape[1] % 4 == 0 and draft.pick.random() < 0.5:
        return "PixelShuffle(2)", nn.PixelShuffle(2)
    if draft.shape[2] % 2 == 0 and draft.shape[3] % 2 == 0:
        return "PixelUnshuffle(2)", nn.PixelUnshuffle(2)
    return None
