"""Pictures of models."""

from __future__ import annotations

from typing import Any

import viz

from ...functional import symbol
from ...structure import mapped

_ALWAYS = ("show_shapes", "show_layer_names", "show_dtype", "show_layer_activations", "show_trainable")
_ALWAYS += ("dpi", "splines", "subgraph")


def plot_model(model: Any, to_file: Any = "model.png", expand_nested: bool = True, **drawing: Any) -> Any:
    """Draw a model with `viz.draw`, save the picture and return it.

    to_file   its ending says the kind: .svg, .png, .pdf, .dot; None only returns the picture
    expand_nested  whether models and layers in which others are called are opened; one box for each layer of the model,
              if not
    drawing   options of `viz.draw`: level="operations" opens all layers

    Keras's `show_shapes`, `show_layer_names`, `show_dtype`, `show_layer_activations`, `show_trainable` are always on.
    """
    picture = _draw(model, expand_nested, **drawing)
    if to_file is not None:
        picture.save(to_file)
    return picture


def model_to_dot(model: Any, expand_nested: bool = False, **drawing: Any) -> Any:
    """The picture of a model as a graph in the language of Graphviz: its `source` is the text.

    The options are those of `plot_model`.
    """
    return _draw(model, expand_nested, **drawing)


def _draw(model: Any, expand_nested: bool, **drawing: Any) -> Any:
    for always in _ALWAYS:
        drawing.pop(always, None)
    inputs = mapped(lambda t: symbol(t.shape, t.dtype, name=t.name), model.input)
    depth: dict[str, Any] = {} if expand_nested or "level" in drawing else {"depth": 2}
    return viz.draw(model(inputs), **depth | drawing)
