"""The GPT: it looks back only, learns, and writes the same with a memory as without."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.data import DataLoader, Text
from tinygrad_ml.errors import OptionError, RangeError, ShapeError
from tinygrad_ml.models import GPT, generate, next_token_loss, stream
from tinygrad_ml.models.generation import draw
from tinygrad_ml.training import Trainer

KINDS = [{}, {"positions": "rotary"}, {"tied": False}]


def small(seed=0, **options):
    """A GPT whose logits are far apart, as those of a trained one are."""
    tg.manual_seed(seed)
    model = GPT(**{"vocab_size": 11, "context": 8, "width": 16, "layers": 2, "heads": 2} | options)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.assign(parameter * 20)
    return model


@pytest.mark.parametrize("options", KINDS)
def test_each_place_is_judged_by_what_stands_before_it(options):
    model = small(**options).eval()
    tokens = np.arange(8)[None] % 5
    whole = model(tokens).numpy()
    assert whole.shape == (1, 8, 11)
    for n in range(1, 8):
        np.testing.assert_allclose(model(tokens[:, :n]).numpy(), whole[:, :n], rtol=1e-4, atol=1e-5)
        other = tokens.copy()
        other[:, n:] = 10
        np.testing.assert_allclose(model(other).numpy()[:, :n], whole[:, :n], rtol=1e-4, atol=1e-5)
        other[:, n - 1] = 10
        assert np.abs(model(other).numpy()[:, n - 1] - whole[:, n - 1]).max() > 1e-3


@pytest.mark.parametrize("options", KINDS)
def test_places_are_told_apart(options):
    model = small(**options).eval()
    a, b = (model(np.array([tokens])).numpy()[0, -1] for tokens in ([1, 2, 3], [2, 1, 3]))
    assert np.abs(a - b).max() > 1e-3


@pytest.mark.parametrize("options", KINDS)
def test_every_parameter_learns_and_a_tied_table_is_one(options):
    model = small(**options)
    next_token_loss(model(np.arange(8)[None]), tg.tensor(np.arange(1, 9)[None])).backward()
    assert all(np.abs(parameter.grad.numpy()).max() > 0 for parameter in model.parameters())
    names = {name for name, _ in model.named_parameters()}
    assert ("head.weight" in names) == (options.get("tied") is False)
    assert ("places.weight" in names) == (options.get("positions") != "rotary")


def test_the_first_loss_is_that_of_knowing_nothing():
    tg.manual_seed(0)
    model = GPT(vocab_size=50, context=16, width=32, layers=3)
    tokens = tg.random.integers(50, size=(8, 17))
    loss = float(next_token_loss(model(tokens[:, :-1]), tokens[:, 1:]))
    assert abs(loss - np.log(50)) < 0.1
    parts = {name: float(p.numpy().std()) for name, p in model.named_parameters() if p.ndim == 2}
    assert parts["blocks.1.down.weight"] == pytest.approx(0.02 / 6**0.5, rel=0.1)
    assert parts["blocks.1.up.weight"] == pytest.approx(0.02, rel=0.1)


def test_a_compiled_training_learns_a_text_and_the_model_writes_it():
    tg.manual_seed(0)
    text = Text("the cat sat on the mat. " * 20, length=16)
    model = GPT(text.vocab_size, context=16, width=32, layers=1, heads=2)
    trainer = Trainer(model, optim.AdamW(model.parameters(), lr=3e-3), loss=next_token_loss, metrics={})
    history = trainer.fit(DataLoader(text, batch_size=32, shuffle=True, seed=0), epochs=8)
    assert history["loss"][-1] < 0.3 < 1.5 < history["loss"][0]
    written = text.decode(generate(model, text.encode("the cat"), 30, temperature=0))
    assert written == ("the cat sat on the mat. " * 2)[:37]


# -- writing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("how", [{}, {"temperature": 0}, {"temperature": 0.7, "top_k": 3}, {"top_p": 0.8}])
def test_the_same_is_written_with_a_memory_as_without(options, how):
    model = small(**options)
    assert generate(model, [[1], [2]], 2, **how).shape == (2, 3)  # nothing is known yet of how many there are
    made = []
    for cache in (True, False):
        tg.manual_seed(5)
        made.append(generate(model, [[1, 2, 3], [4, 5, 6]], 20, cache=cache, **how).numpy())  # over the context of 8
    np.testing.assert_array_equal(*made)
    assert made[0].shape == (2, 23) and made[0].dtype == np.int64
    assert made[0][:, :3].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert made[0].min() >= 0 and made[0].max() < 11


@pytest.mark.parametrize("options", KINDS)
def test_the_logits_of_reading_on_are_those_of_reading_at_once(options):
    model = small(**options).eval()
    tokens = tg.tensor([[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]])
    with tg.no_grad():
        whole, memory = model(tokens).numpy(), model.empty_cache(2)
        for i in range(8):
            logits, memory = model.read_on(tokens[:, i : i + 1], memory)
            np.testing.assert_allclose(logits.numpy()[:, 0], whole[:, i], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cache", [True, False])
def test_a_start_beyond_the_context_is_read_from_its_end(cache):
    model = small()
    for start in (np.arange(8), np.arange(20) % 11):
        written = generate(model, start, 1, temperature=0, cache=cache).numpy()
        assert written[-1] == model(start[None, -8:]).numpy()[0, -1].argmax()


def test_of_a_full_context_the_later_half_is_read_on(monkeypatch):
    model, read, forward = small(), [], GPT.forward

    def watched(self, tokens):
        read.append(tokens.numpy()[0].tolist())
        return forward(self, tokens)

    monkeypatch.setattr(GPT, "forward", watched)
    written = generate(model, [1, 2, 3], 14, cache=False).numpy().tolist()
    assert [len(window) for window in read] == [3, 4, 5, 6, 7, 8, 4, 5, 6, 7, 8, 4, 5, 6]
    for end, window in enumerate(read, 3):
        assert window == written[end - len(window) : end]


def test_the_seed_rules_what_is_written():
    model, made = small(), []
    for seed in (3, 3, 4):
        tg.manual_seed(seed)
        made.append(generate(model, [1], 30).numpy().tolist())
    assert made[0] == made[1] != made[2]


def test_a_model_is_left_in_training_and_writes_without_dropout():
    model = small(dropout=0.5)
    a, b = (generate(model, [1], 12, temperature=0).numpy() for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert model.training and all(module.training for module in model.modules())
    assert np.abs(model([[1, 2]]).numpy() - model([[1, 2]]).numpy()).max() > 0


def test_tokens_come_one_by_one_and_as_many_as_are_asked_for():
    model = small()
    tg.manual_seed(1)
    tokens = stream(model, [[1, 2]], 5)
    first = next(tokens)
    assert first.shape == (1, 1) and model.training
    tg.manual_seed(1)
    assert [int(t.item()) for t in (first,)] == generate(model, [1, 2], 1)[2:].numpy().tolist()
    assert len(list(tokens)) == 4
    assert generate(model, [1, 2], 0).numpy().tolist() == [1, 2]


def frequencies(logits, **how):
    how = {"temperature": 1.0, "top_k": None, "top_p": None} | how
    rows = tg.tensor(np.tile(np.array(logits, "float32"), (20_000, 1)))
    tg.manual_seed(0)
    return np.bincount(draw(rows, **how).numpy()[:, 0], minlength=len(logits)) / 20_000


def test_what_is_drawn_has_the_frequencies_that_are_asked_for():
    p = np.array([0.1, 0.5, 0.15, 0.25])
    logits = np.log(p)
    np.testing.assert_allclose(frequencies(logits), p, atol=0.015)
    cold = p**2 / (p**2).sum()
    np.testing.assert_allclose(frequencies(logits, temperature=0.5), cold, atol=0.015)
    np.testing.assert_allclose(frequencies(logits, top_k=2), [0, 2 / 3, 0, 1 / 3], atol=0.015)
    np.testing.assert_allclose(frequencies(logits, top_p=0.76), [0, 5 / 9, 1.5 / 9, 2.5 / 9], atol=0.015)
    np.testing.assert_allclose(frequencies(logits, top_p=0.74), [0, 2 / 3, 0, 1 / 3], atol=0.015)
    for greedy in ({"temperature": 0}, {"top_k": 1}, {"top_p": 0.01}):
        assert frequencies(logits, **greedy).tolist() == [0, 1, 0, 0]
    assert frequencies([-np.inf, 0, -np.inf, 0]).tolist()[::2] == [0, 0]


def test_mistakes_are_said():
    model = small()
    with pytest.raises(OptionError, match=r"text.encode\(start\)"):
        generate(model, "Emma", 3)
    for cache in (True, False):
        with pytest.raises(RangeError, match="99 is out of range"):
            generate(model, [1, 99], 3, cache=cache)
    for options in ({"width": 15}, {"layers": 0}, {"positions": "none"}):
        with pytest.raises(OptionError, match="multiple of the heads"):
            small(**options)
    with pytest.raises(ShapeError, match=r"context of 8, but got \(1, 9\)"):
        model(np.zeros((1, 9), "int64"))
    with pytest.raises(ShapeError, match=r"at least one, but got shape \(1, 0\)"):
        generate(model, np.zeros(0, "int64"), 3)
    for wrong in ({"temperature": -1}, {"top_k": 0}, {"top_p": 0}, {"top_p": 1.5}, {"length": -1}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            generate(model, [1], **{"length": 3} | wrong)
