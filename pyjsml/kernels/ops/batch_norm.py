"""Batch normalisation at inference, as what it does to the weights before it."""

from __future__ import annotations

from tvm import te, tirx


def scaled_weight(
    weight: te.Tensor, gamma: te.Tensor, variance: te.Tensor, epsilon: float
) -> te.Tensor:
    """Scale the output channels of `weight` [O, I, KH, KW] by gamma / sqrt(variance + epsilon)."""
    return te.compute(
        weight.shape,
        lambda o, i, h, w: weight[o, i, h, w] * _scale(gamma, variance, epsilon, o),
        name="scaled_weight",
    )


def normalization_shift(
    gamma: te.Tensor, beta: te.Tensor, mean: te.Tensor, variance: te.Tensor, epsilon: float
) -> te.Tensor:
    """Return what a normalised channel has at zero: beta - mean · scale."""
    return te.compute(
        beta.shape,
        lambda c: beta[c] - mean[c] * _scale(gamma, variance, epsilon, c),
        name="normalization_shift",
    )


def _scale(
    gamma: te.Tensor, variance: te.Tensor, epsilon: float, channel: tirx.Var
) -> tirx.PrimExpr:
    return gamma[channel] / tirx.sqrt(variance[channel] + tirx.const(epsilon, variance.dtype))
