"""A pixel of a convolution on the page: its window, its products and their sum are those of the layer."""

import numpy as np
import pytest
from test_viz_explain import browser, needs_graphviz, page_of, shown  # noqa: F401

import tinygrad_ml as tg
from tinygrad_ml import nn
from viz import convolutions

LAYERS = {
    "plain": lambda: nn.Conv2d(2, 4, 3),
    "padded and strided": lambda: nn.Conv2d(2, 4, (3, 2), stride=(2, 3), padding=(1, 2)),
    "groups, wide apart, no bias": lambda: nn.Conv2d(2, 4, 2, dilation=2, groups=2, bias=False),
    "as large as the image": lambda: nn.Conv2d(2, 4, (4, 3), padding="same"),
}


def images(batch=2, requires_grad=False):
    numbers = np.random.default_rng(0).standard_normal((batch, 2, 7, 8)).astype("float32")
    return tg.tensor(numbers, requires_grad=requires_grad)


def carried(layer, tmp_path, x=None):
    tg.manual_seed(0)
    loss = (nn.Sequential(layer, nn.Tanh())(images() if x is None else x) ** 2).sum()
    return page_of(loss, tmp_path, check=False).data


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("learns", [False, True], ids=["data", "learned"])
def test_the_numbers_of_each_kind_of_convolution_are_carried(layer, learns, tmp_path):
    x = images(requires_grad=learns)
    module = LAYERS[layer]()
    (found,) = carried(module, tmp_path, x)["convolutions"]
    output = module(x)
    assert np.allclose(found["input"]["values"], x.numpy()[0].ravel(), rtol=1e-4)
    assert np.allclose(found["output"]["values"], output.numpy()[0].ravel(), rtol=1e-4, atol=1e-5)
    g = 2 * np.tanh(output.numpy()[0]) * (1 - np.tanh(output.numpy()[0]) ** 2)
    assert np.allclose(found["gradient"]["values"], g.ravel(), rtol=1e-3, atol=1e-5)
    assert found["gradient"]["shape"] == list(output.shape[1:])


def test_a_result_that_is_not_the_plain_sum_is_left_out(tmp_path):
    class Louder(nn.Conv2d):
        def forward(self, input):
            return super().forward(input) * 2

    assert carried(Louder(2, 4, 3), tmp_path)["convolutions"] == []
    assert carried(nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), tmp_path)["convolutions"] == []
    assert carried(nn.Conv2d(2, 4, 3), tmp_path, tg.symbol((2, 2, 7, 8)))["convolutions"] == []


def test_a_page_carries_no_more_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr(convolutions, "MOST_NUMBERS", 500)
    assert carried(nn.Conv2d(2, 4, 3), tmp_path)["convolutions"] == []


@needs_graphviz
@pytest.mark.parametrize("layer", LAYERS)
def test_each_pixel_is_the_sum_that_the_page_says(layer, shown):  # noqa: F811
    tg.manual_seed(0)
    model, x = nn.Sequential(LAYERS[layer](), nn.Tanh()), images()
    page = shown((model(x) ** 2).sum(), level="layers", check=False)
    worst = page.evaluate("""() => {
      const conv = data.convolutions[0], [channels, high, wide] = conv.output.shape;
      let worst = 0;
      for (let o = 0; o < channels; o++) for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) {
        const sum = productsAt(conv, o, y, x).reduce((total, part) => total + part.sum, conv.bias ? conv.bias.values[o] : 0);
        worst = Math.max(worst, Math.abs(sum - numberAt(conv.output, o, y, x)));
      }
      return worst;
    }""")
    assert worst < 1e-3


@needs_graphviz
def test_pointing_at_a_pixel_shows_its_window_products_and_sum_and_the_way_back(shown):  # noqa: F811
    tg.manual_seed(0)
    model, x = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh()), images()
    page = shown((model(x) ** 2).sum(), level="layers", check=False)
    page.locator('.node[aria-label^="0 Conv2d"]').press("Enter")
    assert page.locator("#convolution").is_visible()
    result = page.locator("#conv-output")
    result.scroll_into_view_if_needed()
    result.hover(position={"x": 3, "y": 3})
    assert page.locator("#conv-sum").inner_text().startswith("Pixel (0, 0) of channel 0: ")
    captions = page.locator("#conv-parts figcaption").all_inner_texts()
    assert captions[0].startswith("what is seen of channel") and captions[-1].startswith("backward: the gradient")
    assert page.locator("#conv-parts rect").count() == 4 * 9
    result.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "PageDown"):
        page.keyboard.press(key)
    assert page.locator("#conv-sum").inner_text().startswith("Pixel (2, 1) of channel 1: ")
    assert page.locator("#what").inner_text() == "The whole picture"  # the keys of the story are not meant
    said = page.locator("#conv-sum").inner_text()
    value = page.evaluate("numberAt(shownConv.output, 1, 2, 1)")
    assert float(said.rpartition("= ")[2]) == pytest.approx(value, abs=1e-3)
    page.locator('.node[aria-label^="1 Tanh"]').press("Enter")
    assert not page.locator("#convolution").is_visible()
