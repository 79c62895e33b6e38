"""The GPT has the loss, the gradients and the training of its twin in PyTorch."""

import numpy as np
import pytest
import torch
from gpt_twin import with_weights_of

import tinygrad_ml as tg
from tinygrad_ml import models, optim
from tinygrad_ml.data import DataLoader, Names


@pytest.mark.parametrize(
    "sizes",
    [
        {"vocab_size": 53, "context": 32, "width": 48, "layers": 3, "heads": 3},
        {"vocab_size": 7, "context": 5, "width": 8, "layers": 1, "heads": 1, "tied": False},
        {"vocab_size": 53},
    ],
)
def test_loss_and_gradients(sizes):
    tg.manual_seed(0)
    model = models.GPT(**sizes)
    twin = with_weights_of(model, **sizes)
    context = sizes.get("context", 64)
    for batch, length in ((3, context), (1, 1), (2, context - 1)):
        tokens = np.random.default_rng(length).integers(sizes["vocab_size"], size=(batch, length + 1))
        model.zero_grad(), twin.zero_grad()
        loss = models.next_token_loss(model(tokens[:, :-1]), tg.tensor(tokens[:, 1:]))
        loss.backward()
        theirs = twin.loss(torch.tensor(tokens[:, :-1]), torch.tensor(tokens[:, 1:]))
        theirs.backward()
        assert loss.item() == pytest.approx(theirs.item(), rel=1e-6)
        gradients = dict(model.named_parameters())
        for name, parameter in twin.named_parameters():
            expected = parameter.grad.numpy()
            atol = 1e-6 + 1e-5 * np.abs(expected).max()
            np.testing.assert_allclose(gradients[name].grad.numpy(), expected, rtol=1e-4, atol=atol, err_msg=name)


def test_a_compiled_training_has_the_twins_losses():
    tg.manual_seed(0)
    names = Names()
    sizes = {"vocab_size": names.vocab_size, "context": 32, "width": 32, "layers": 2, "heads": 2}
    model = models.GPT(**sizes)
    twin = with_weights_of(model, **sizes)
    optimizer, theirs = optim.AdamW(model.parameters(), lr=1e-3), torch.optim.AdamW(twin.parameters(), lr=1e-3)

    @tg.compile
    def step(x, y):
        loss = models.next_token_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    batches = iter(DataLoader(names, batch_size=12, shuffle=True, seed=0))
    for _ in range(30):
        x, y = next(batches)
        loss = twin.loss(torch.tensor(x.numpy()), torch.tensor(y.numpy()))
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        assert step(x, y).item() == pytest.approx(loss.item(), rel=2e-4)
