"""The first stage: a model in any form becomes a Program with a signature and a Relax module.

Nothing of torch, onnx or tvm is imported before a model is loaded.
"""

from pyjsml.frontend.load import load

__all__ = ["load"]
