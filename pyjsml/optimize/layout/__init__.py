"""Choose the layout of activations: channels last wherever convolutions and pools are.

Vectors then run along the channels in every kernel. Each value may exist in two forms, as the model
has it (NCHW) and channels last (NHWC); a form is made when something first asks for it, so a
transpose stands only where a network enters or leaves its convolutional part.
"""

from pyjsml.optimize.layout.choose import choose_layout

__all__ = ["choose_layout"]
