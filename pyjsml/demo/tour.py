"""The way of a model, from training to each engine: what `pyjsml demo` shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pyjsml import api
from pyjsml.demo.digits import Trained, predict
from pyjsml.engines import ENGINES
from pyjsml.errors import PyjsmlError

if TYPE_CHECKING:
    from pyjsml.api import Progress
    from pyjsml.bundle import Bundle
    from pyjsml.engines.protocol import Engine
    from pyjsml.program import Array

INPUT, OUTPUT = "image", "probabilities"


@dataclass(frozen=True)
class Result:
    """How a bundle did on the held-out digits in one engine.

    `agree` counts predictions that equal torch's; `max_error` is the largest difference between a
    probability and torch's; `milliseconds` is the median time of a run as Python sees it.
    `missing` says how to get an engine that is not here, `failed` what went wrong in one that is;
    nothing else is set then.
    """

    engine: str
    correct: int = 0
    agree: int = 0
    max_error: float = 0.0
    milliseconds: float = 0.0
    missing: str = ""
    failed: str = ""


def make_bundle(trained: Trained, progress: Progress) -> Bundle:
    """Compile the classifier for one image at a time."""
    example = (trained.images[:1],)
    return api.bundle(trained.module, example, name="digits", progress=progress)


def write_vectors(file: Path, trained: Trained) -> None:
    """Write one digit and torch's answer as test vectors for `pyjsml check`."""
    image = trained.images[:1]
    arrays = {f"in:{INPUT}": image, f"out:{OUTPUT}": predict(trained.module, image)}
    np.savez(file, allow_pickle=False, **arrays)


def run_everywhere(bundle: Bundle, trained: Trained) -> Iterator[Result]:
    """Classify the held-out digits in each engine; yield a result for each."""
    expected = predict(trained.module, trained.images)
    for engine in ENGINES:
        missing = engine.available()
        if missing:
            yield Result(engine.name, missing=missing)
            continue
        try:
            yield _run(engine, bundle, trained, expected)
        except PyjsmlError as error:
            yield Result(engine.name, failed=str(error))


def _run(engine: Engine, bundle: Bundle, trained: Trained, expected: Array) -> Result:
    rows, times = [], []
    with engine.open(bundle) as session:
        for image in trained.images:
            start = time.perf_counter()
            outputs = session.run({INPUT: image[np.newaxis]})
            times.append(time.perf_counter() - start)
            rows.append(outputs[OUTPUT][0])
    actual = np.stack(rows)
    answers = actual.argmax(axis=1)
    return Result(
        engine.name,
        correct=int((answers == trained.labels).sum()),
        agree=int((answers == expected.argmax(axis=1)).sum()),
        max_error=float(np.abs(actual - expected).max()),
        milliseconds=float(np.median(times)) * 1000,
    )
