"""JAX with optax: the whole step under `jit`, its parameters and moments donated, so that they are updated in place.

The settings are the best that were found: images as (batch, height, width, channels), and the pooling by a reshape, which
XLA makes faster on a CPU than its window.
"""

import functools
from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
import optax
from tasks import Task, all_images, random_batch

ADAM = optax.adam(1e-3)


def steps(task: Task) -> Callable[[], None]:
    images, labels = arrays(task, *random_batch(task))
    parameters = initial(task)
    state = parameters, ADAM.init(parameters)
    step = jax.jit(functools.partial(training_step, task), donate_argnums=0)

    def train() -> None:
        nonlocal state
        for _ in range(task.steps):
            state, loss = step(state, images, labels)
        loss.block_until_ready()

    return train


def resident(task: Task) -> Callable[[], None]:
    """A round of steps in one `scan`, each of which gathers its own batch from all of MNIST on the device."""
    if task.device == "gpu" and jax.default_backend() == "cpu":
        raise RuntimeError(f"this JAX has no GPU, only {jax.devices()}")
    # Without being asked, XLA may take TensorFloat-32 for products of float32.
    jax.config.update("jax_default_matmul_precision", {"float32": "float32", "tf32": "tensorfloat32"}[task.products])
    images, labels, order = all_images(task)
    images, labels = arrays(task, images, labels)
    order = jnp.asarray(order)
    parameters = initial(task)
    state = (parameters, ADAM.init(parameters)), jnp.int32(0)

    def step(state, _):
        learned, position = state
        batch = jax.lax.dynamic_slice(order, (position,), (task.batch,))
        learned, loss = training_step(task, learned, images[batch], labels[batch])
        return (learned, (position + task.batch) % len(order)), loss

    epoch = jax.jit(lambda state: jax.lax.scan(step, state, length=task.steps), donate_argnums=0)

    def train() -> None:
        nonlocal state
        state, losses = epoch(state)
        losses.block_until_ready()

    return train


def training_step(task: Task, state: tuple, images: jax.Array, labels: jax.Array) -> tuple[tuple, jax.Array]:
    """From (parameters, state of Adam) and a batch to the next such pair, and the loss."""
    parameters, moments = state

    def loss_of(parameters):
        logits = NETWORKS[task.network](parameters, images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    loss, slope = jax.value_and_grad(loss_of)(parameters)
    update, moments = ADAM.update(slope, moments, parameters)
    return (optax.apply_updates(parameters, update), moments), loss


def arrays(task: Task, images, labels) -> tuple[jax.Array, jax.Array]:
    """Images and labels on the device, channels last."""
    return jnp.asarray(images.transpose(0, 2, 3, 1) if task.network == "cnn" else images), jnp.asarray(labels)


def initial(task: Task) -> list[tuple[jax.Array, jax.Array]]:
    """Weight and bias of each layer, drawn as PyTorch draws them: uniform in ±1/√fan_in."""
    if task.network == "cnn":
        shapes = [(5, 5, 1, 8), (5, 5, 8, 16), (256, 128), (128, 10)]
    else:
        shapes = list(pairwise((784, task.width, task.width, 10)))
    found = []
    for key, shape in zip(jax.random.split(jax.random.key(0), len(shapes)), shapes, strict=True):
        *incoming, outgoing = shape
        bound = jnp.prod(jnp.array(incoming)) ** -0.5
        found.append((jax.random.uniform(key, shape, minval=-bound, maxval=bound), jnp.zeros(outgoing)))
    return found


def _perceptron(parameters, x):
    *hidden, (weight, bias) = parameters
    for w, b in hidden:
        x = jax.nn.sigmoid(x @ w + b)
    return x @ weight + bias


def _convolutional(parameters, x):
    for weight, bias in parameters[:2]:
        x = jax.lax.conv_general_dilated(x, weight, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + bias
        n, h, w, c = x.shape
        x = jax.nn.relu(x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4)))
    (w, b), (weight, bias) = parameters[2:]
    return jax.nn.relu(x.reshape(len(x), -1) @ w + b) @ weight + bias


NETWORKS = {"mlp": _perceptron, "cnn": _convolutional}
