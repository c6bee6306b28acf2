"""Train a small convolutional network on the handwritten digits that scikit-learn carries.

A digit is 8x8 values from 0 (paper) to 1 (ink). Each is the share of ink in a 4x4 block of a 32x32
bitmap, into which the digit was fitted; `demo/strokes.js` prepares drawings in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 8
EPOCHS = 30
BATCH = 128
HELD_OUT = 360
PLAIN_SEVENS = 60


@dataclass(frozen=True)
class Trained:
    """A trained classifier, the digits it has never seen, and what training it took.

    `images` is float32[count, 1, 8, 8], `labels` int64[count].
    """

    module: nn.Module
    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    seconds: float


class Classifier(nn.Module):
    """float32[batch, 1, 8, 8] in, the probabilities of the ten digits out: float32[batch, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(1, 32),
            *_convolution(32, 32),
            nn.MaxPool2d(2),
            *_convolution(32, 64),
            *_convolution(64, 64),
            nn.MaxPool2d(2),
        )
        self.dropout = nn.Dropout(0.3)
        self.classify = nn.Linear(64 * 2 * 2, 10)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return the probabilities of the ten digits, by the name that the bundle gives them."""
        return {"probabilities": functional.softmax(self.logits(image), dim=1)}

    def logits(self, image: Tensor) -> Tensor:
        """Return what training compares with the labels."""
        return cast(Tensor, self.classify(self.dropout(self.features(image).flatten(1))))


def train(progress: Callable[[int, int], None], seed: int = 0) -> Trained:
    """Train for a few seconds; `progress` is told how many epochs of how many are done."""
    start = time.perf_counter()
    images, labels = _load(seed)
    held, learn = np.split(images, [HELD_OUT])
    sevens = _plain_sevens(seed)
    learn = np.concatenate((learn, sevens))
    answers = np.concatenate((labels[HELD_OUT:], np.full(len(sevens), 7)))
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(seed)
        module = _fit(torch.from_numpy(learn), torch.from_numpy(answers), progress)
    return Trained(module, held, labels[:HELD_OUT], time.perf_counter() - start)


def predict(module: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of each image: float32[count, 10]."""
    with torch.inference_mode():
        result: NDArray[np.float32] = module(torch.from_numpy(images))["probabilities"].numpy()
    return result


def _load(seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    images = (digits.images[order] / 16).astype(np.float32).reshape(-1, 1, SIDE, SIDE)
    return images, digits.target[order].astype(np.int64)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: on tensors this small, more gain nothing and lose when busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _plain_sevens(seed: int) -> NDArray[np.float32]:
    """Draw sevens of two strokes: nearly all of the data's have a bar, or look much like a one."""
    random = np.random.default_rng(seed)
    low, high = [[4, 1], [20, 1], [6, 29]], [[9, 6], [29, 6], [18, 32]]
    corners = random.uniform(low, high, (PLAIN_SEVENS, 3, 2))[:, :, None, None]
    pens = random.uniform(4, 7, (PLAIN_SEVENS, 1, 1))
    points = np.stack(np.meshgrid(np.arange(32) + 0.5, np.arange(32) + 0.5), axis=-1)
    ink = np.zeros((PLAIN_SEVENS, 32, 32), dtype=bool)
    for start, end in ((corners[:, 0], corners[:, 1]), (corners[:, 1], corners[:, 2])):
        along = ((points - start) * (end - start)).sum(-1) / ((end - start) ** 2).sum(-1)
        nearest = start + along.clip(0, 1)[..., None] * (end - start)
        ink |= np.linalg.norm(points - nearest, axis=-1) <= pens / 2
    blocks = ink.astype(np.float32).reshape(-1, 1, SIDE, 4, SIDE, 4)
    result: NDArray[np.float32] = blocks.mean(axis=(3, 5))
    return result


def _fit(images: Tensor, labels: Tensor, progress: Callable[[int, int], None]) -> nn.Module:
    module = Classifier().train()
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=0.02)
    steps = EPOCHS * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    for epoch in range(EPOCHS):
        progress(epoch, EPOCHS)
        for batch in torch.split(torch.randperm(len(images)), BATCH):
            loss = functional.cross_entropy(
                module.logits(_vary(images[batch])), labels[batch], label_smoothing=0.02
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    progress(EPOCHS, EPOCHS)
    return module.eval()


def _vary(images: Tensor) -> Tensor:
    """Turn, shear, stretch and shift each image a little, and thin or thicken its strokes.

    People who draw with a mouse do all of these to digits; those who wrote on paper did less.
    """
    count = len(images)
    turn, shear = 0.2 * torch.randn(2, count).clamp(-2, 2)
    wide, high = 1 + 0.16 * torch.randn(2, count).clamp(-2, 2)
    across, down = 0.1 * torch.randn(2, count).clamp(-2, 2)
    rows = (
        torch.stack((wide * turn.cos(), shear - turn.sin(), across), dim=1),
        torch.stack((turn.sin(), high * turn.cos(), down), dim=1),
    )
    # Through the 32x32 grid that the 8x8 values were counted on, so that shapes stay sharp.
    fine = functional.interpolate(images, scale_factor=4, mode="bicubic", align_corners=False)
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(fine.shape), align_corners=False)
    moved = functional.grid_sample(fine, grid, align_corners=False)
    ink = functional.avg_pool2d(moved, 4).clamp(0, 1)
    return ink ** torch.empty(count, 1, 1, 1).uniform_(0.6, 1.6)


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
