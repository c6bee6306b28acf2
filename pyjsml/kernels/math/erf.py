"""The error function."""

from __future__ import annotations

from typing import Any

from pyjsml.kernels.math.values import clamp, let, poly


def erf(x: Any) -> Any:
    """10 ulp; the rational function is Eigen's."""

    def ratio(x: Any) -> Any:
        def value(z: Any) -> Any:
            p = poly(
                z,
                -2.72614225801306e-10,
                2.77068142495902e-08,
                -2.10102402082508e-06,
                -5.69250639462346e-05,
                -7.34990630326855e-04,
                -2.95459980854025e-03,
                -1.60960333262415e-02,
            )
            q = poly(
                z,
                -1.45660718464996e-05,
                -2.13374055278905e-04,
                -1.68282697438203e-03,
                -7.37332916720468e-03,
                -1.42647390514189e-02,
            )
            return x * p / q

        return let(clamp(x * x, 0.0, 16.0), value)

    return let(let(x, ratio), lambda y: clamp(y, -1.0, 1.0))
