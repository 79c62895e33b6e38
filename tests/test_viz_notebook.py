"""What a notebook shows: the page in a frame, the picture and the table in HTML, in the notebook's own light or dark."""

import copy
import pickle
from html.parser import HTMLParser
from pathlib import Path

import tinygrad_ml as tg
import viz


def loss():
    x = tg.tensor(3.0, requires_grad=True, name="x")
    return x * x + x


class Elements(HTMLParser):
    """The elements of what is shown: tags with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def only(self, tag):
        (attributes,) = [attributes for found, attributes in self.found if found == tag]
        return attributes


def test_explain_gives_a_path_that_shows_its_page(tmp_path):
    page = viz.explain(loss(), tmp_path / "page.html")
    assert isinstance(page, Path) and page == tmp_path / "page.html" and str(page) == str(tmp_path / "page.html")
    frame = Elements(page._repr_html_()).only("iframe")
    assert frame["srcdoc"] == page.read_text(encoding="utf-8") and frame["sandbox"] == "allow-scripts"
    for other in (copy.copy(page), pickle.loads(pickle.dumps(page)), page.resolve()):
        assert other == page and other._repr_html_()
    assert page.parent._repr_html_() is None
    page.unlink()
    assert page._repr_html_() is None
