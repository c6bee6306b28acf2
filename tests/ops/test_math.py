"""Transcendental functions stay within the errors that their docstrings state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tvm import te, tirx

from pyjsml.kernels.math.functions import EXTERN, FLOAT32
from pyjsml.kernels.ops.softmax import power
from pyjsml.program import ISAS
from tests.ops.functions import from_te
from tests.ops.machine import Compiled, Machine

pytest.importorskip("py_mini_racer", reason="kernels are tested in V8: pip install mini-racer")

Array = NDArray[Any]
COUNT = 8192
SPECIAL = np.array(
    [0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, -0.5, 2, -3, 1e-38, -1e-38, 3e38, -3e38],
    np.float32,
)
DOMAINS = {
    "exp": (-104.0, 89.0),
    "exp2": (-150.0, 128.0),
    "exp10": (-45.0, 39.0),
    "log": (0.0, 1e5),
    "log2": (0.0, 1e5),
    "log10": (0.0, 1e5),
    "log1p": (-1.0, 1e5),
    "sigmoid": (-87.0, 30.0),
    "tanh": (-10.0, 10.0),
    "erf": (-5.0, 5.0),
    "sin": (-1e5, 1e5),
    "cos": (-1e5, 1e5),
    "tan": (-1e5, 1e5),
    "atan": (-1e3, 1e3),
    "asin": (-1.0, 1.0),
    "acos": (-1.0, 1.0),
    "sinh": (-90.0, 90.0),
    "cosh": (-90.0, 90.0),
    "asinh": (-1e5, 1e5),
    "acosh": (1.0, 1e5),
    "atanh": (-1.0, 1.0),
}
PAIRS: dict[str, Callable[..., Any]] = {
    "pow": np.power,
    "atan2": np.arctan2,
    "hypot": np.hypot,
    "fmod": np.fmod,
}
REFERENCES: dict[str, Callable[[Array], Any]] = {
    "exp10": lambda x: 10.0**x,
    "sigmoid": lambda x: torch.sigmoid(torch.from_numpy(x)).numpy(),
    "erf": lambda x: torch.erf(torch.from_numpy(x)).numpy(),
    "atan": np.arctan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
}


def unary(name: str) -> Any:
    return from_te(
        lambda x: te.compute(x.shape, lambda i: getattr(tirx, name)(x[i]), "y"), (COUNT,)
    )


def binary(function: Callable[..., Any]) -> Any:
    return from_te(
        lambda x, y: te.compute(x.shape, lambda i: function(x[i], y[i]), "z"), (COUNT,), (COUNT,)
    )


@pytest.fixture(scope="module", params=ISAS)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    functions = {name: unary(name) for name in [*DOMAINS, "round"]}
    functions |= {name: binary(getattr(tirx, name)) for name in PAIRS}
    functions["exp_to_one"] = from_te(
        lambda x: te.compute(x.shape, lambda i: power(x(i)), "y"), (COUNT,)
    )
    functions["times_sigmoid"] = binary(lambda x, y: tirx.sigmoid(x) * y)
    functions |= {"maximum": binary(tirx.max), "minimum": binary(tirx.min)}
    functions["clip"] = from_te(
        lambda x: te.compute(
            x.shape,
            lambda i: tirx.min(tirx.max(x[i], tirx.const(-1.5, "float32")), tirx.const(6.0)),
            "y",
        ),
        (COUNT,),
    )
    made = Machine(Compiled(functions, request.param))
    yield made
    made.close()


def call(machine: Machine, name: str, *inputs: Array) -> Array:
    return machine.run(name, inputs, [((COUNT,), "float32")])[0]


def stated_error(name: str) -> float:
    """Return the ulp that a function's docstring promises."""
    found = re.match(r"(\d+) ulp", {**FLOAT32, **EXTERN}[name].__doc__ or "")
    assert found, f"{name} states no error"
    return float(found[1])


def samples(low: float, high: float) -> Array:
    """Return a uniform sample of the domain, a logarithmic one near zero, and special values."""
    random = np.random.default_rng(0)
    uniform = random.uniform(low, high, COUNT // 2)
    small = random.choice([-1, 1], COUNT // 2) * 10.0 ** random.uniform(-20, 0, COUNT // 2)
    joined = np.concatenate([uniform, small]).astype(np.float32)
    joined[-len(SPECIAL) :] = SPECIAL
    return joined


def assert_within(found: Array, exact: Array, ulp: float) -> None:
    """Check finite results in ulp of float32, and the others for equality."""
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(rounded))
    # Below the normal numbers an ulp is an absolute size.
    normal = np.isfinite(rounded)
    size = np.spacing(np.maximum(np.abs(rounded[normal]), np.finfo(np.float32).tiny))
    error = np.abs(found[normal].astype(np.float64) - exact[normal]) / size.astype(np.float64)
    # Where the exact value rounds to the greatest float32, one ulp may be infinity.
    edge = np.abs(rounded[normal]) > 3.4028e38
    assert error[~edge].max() <= ulp
    infinite = np.isinf(rounded)
    np.testing.assert_array_equal(found[infinite], rounded[infinite])


@pytest.mark.parametrize("name", DOMAINS)
def test_functions_stay_within_the_error_that_they_state(machine: Machine, name: str) -> None:
    low, high = DOMAINS[name]
    x = samples(low, high)
    if name in ("sin", "cos", "tan"):
        x[np.abs(x) > 2.0**30] = np.nan
    with np.errstate(all="ignore"):
        exact = REFERENCES.get(name, getattr(np, name, None))(x.astype(np.float64))  # type: ignore[misc]
    assert_within(call(machine, name, x), exact, stated_error(name))


@pytest.mark.parametrize("name", ["pow", "atan2", "hypot"])
def test_functions_of_two_stay_within_the_error_that_they_state(
    machine: Machine, name: str
) -> None:
    random = np.random.default_rng(1)
    x, y = (random.uniform(-10, 10, COUNT).astype(np.float32) for _ in range(2))
    x[::2] = np.abs(x[::2])
    y[1::2] = np.round(y[1::2])
    pairs = np.array(np.meshgrid(SPECIAL, SPECIAL)).reshape(2, -1)
    x[: pairs.shape[1]], y[: pairs.shape[1]] = pairs
    with np.errstate(all="ignore"):
        exact = PAIRS[name](x.astype(np.float64), y.astype(np.float64))
    assert_within(call(machine, name, x, y), exact, stated_error(name))


def test_powers_that_are_summed_up_stay_within_the_error_that_they_state(machine: Machine) -> None:
    x = -np.abs(samples(-87.0, 0.0))
    exact = np.where(x < -87, 0, np.exp(x.astype(np.float64)))
    assert_within(call(machine, "exp_to_one", x), exact, stated_error("exp_to_one"))


def test_products_with_a_sigmoid_stay_within_the_error_of_a_sigmoid(machine: Machine) -> None:
    x, y = samples(-87.0, 30.0), samples(-1e3, 1e3)[::-1].copy()
    pairs = np.array(np.meshgrid(SPECIAL, SPECIAL)).reshape(2, -1)
    x[: pairs.shape[1]], y[: pairs.shape[1]] = pairs
    with np.errstate(all="ignore"):
        exact = y.astype(np.float64) * REFERENCES["sigmoid"](x.astype(np.float64))
    # The quotient is 0 beside a power of infinity, where the exact product may be a normal number.
    exact[x < -87] *= 0
    assert_within(call(machine, "times_sigmoid", x, y), exact, stated_error("sigmoid"))


def test_fmod_is_exact(machine: Machine) -> None:
    random = np.random.default_rng(2)
    x, y = (random.uniform(-100, 100, COUNT).astype(np.float32) for _ in range(2))
    np.testing.assert_array_equal(call(machine, "fmod", x, y), np.fmod(x, y))


def test_rounding_takes_halves_to_even(machine: Machine) -> None:
    x = np.linspace(-8, 8, COUNT, dtype=np.float32)
    x[:6] = [0.5, 1.5, 2.5, -0.5, -1.5, np.nan]
    np.testing.assert_array_equal(call(machine, "round", x), np.round(x))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_extremes_of_a_nan_are_nan(machine: Machine, name: str) -> None:
    pairs = np.array(np.meshgrid(SPECIAL, SPECIAL), np.float32).reshape(2, -1)
    x, y = np.zeros((2, COUNT), np.float32)
    x[: pairs.shape[1]], y[: pairs.shape[1]] = pairs
    np.testing.assert_array_equal(call(machine, name, x, y), getattr(np, name)(x, y))


def test_clipping_keeps_nan(machine: Machine) -> None:
    x = np.linspace(-9, 9, COUNT, dtype=np.float32)
    x[: len(SPECIAL)] = SPECIAL
    x[100:103] = [6.0, np.nextafter(np.float32(6), np.float32(0)), -1.5]
    np.testing.assert_array_equal(call(machine, "clip", x), np.clip(x, -1.5, 6))
