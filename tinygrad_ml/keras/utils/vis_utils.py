"""Pictures of models."""

from __future__ import annotations

from typing import Any

import viz

from ...functional import symbol
from ...structure import mapped


def plot_model(model: Any, to_file: Any = "model.png", expand_nested: bool = True, **drawing: Any) -> Any:
    """Draw a model with `viz.draw`, save the picture and return it.

    to_file   its ending says the kind: .svg, .png, .pdf, .dot; None only returns the picture
    expand_nested  whether models and layers in which others are called are opened; one box for each layer of the model,
              if not
    drawing   options of `viz.draw`: level="operations" opens all layers

    Keras's `show_shapes`, `show_layer_names`, `show_dtype`, `show_layer_activations`, `show_trainable` are always on.
    """
    for always in ("show_shapes", "show_layer_names", "show_dtype", "show_layer_activations", "show_trainable"):
        drawing.pop(always, None)
    inputs = mapped(lambda t: symbol(t.shape, t.dtype, name=t.name), model.input)
    depth: dict[str, Any] = {} if expand_nested or "level" in drawing else {"depth": 2}
    picture = viz.draw(model(inputs), **depth | drawing)
    if to_file is not None:
        picture.save(to_file)
    return picture
