"""The operators whose result's elements each depend on the operands' elements at their index."""

from __future__ import annotations

_UNARY = (
    "abs acos acosh asin asinh atan atanh bitwise_not ceil clip cos cosh erf exp floor isfinite "
    "isinf isnan log logical_not negative round rsqrt sigmoid sign sin sinh sqrt square tan tanh "
    "trunc astype nn.relu nn.leakyrelu nn.gelu nn.gelu_tanh nn.selu nn.silu nn.softplus"
)
_BINARY = (
    "add atan2 divide floor_divide floor_mod log_add_exp maximum minimum mod multiply power "
    "subtract equal greater greater_equal less less_equal not_equal bitwise_and bitwise_or "
    "bitwise_xor left_shift right_shift logical_and logical_or logical_xor where"
)

ELEMENTWISE = frozenset(f"relax.{name}" for name in (_UNARY + " " + _BINARY).split())
"""With numpy's broadcasting between the operands."""
