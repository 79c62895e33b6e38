"""PyTorch's names and ours, as plain data: three columns, with two spaces or more between them.

PyTorch's    a call with its parameters: `x.clamp(min=None, max=None)`. `x` is a tensor, `model` a module; an
             attribute stands without brackets. A name that has several calls stands on several lines: the first
             that fits what was typed is taken
ours         the same in this library, where the names of parameters stand for what was given. An argument that
             was not given is left out; elsewhere it is its default. `-` where there is nothing to write
what differs  words for the error, if there is more to say
"""

from . import functions, networks, tensors, training

TEXTS = (
    tensors.METHODS,
    tensors.IN_PLACE,
    functions.FUNCTIONS,
    functions.OTHER_NAMES,
    networks.NETWORKS,
    training.TRAINING,
)
