"""The first stage: a model in any form becomes a Program with a signature and a Relax module.

Nothing of torch, onnx or tvm is imported before a model is opened.
"""

from pyjsml.frontend.load import load
from pyjsml.frontend.options import parse_dims, parse_inputs
from pyjsml.frontend.reference import Reference, open_reference

__all__ = ["Reference", "load", "open_reference", "parse_dims", "parse_inputs"]
