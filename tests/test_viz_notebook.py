"""What a notebook shows: the page in a frame, the picture and the table in HTML, in the notebook's own light or dark."""

import copy
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_viz_explain import browser, needs_graphviz  # noqa: F401

import tinygrad_ml as tg
import viz
from viz.notebook import DARK_PAGE_HEIGHT, PAGE_HEIGHT, digest
from viz.style import GROUND, LIGHT_TO_DARK


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
    assert frame["sandbox"] == "allow-scripts" and "How L is computed" in frame["srcdoc"]
    for other in (copy.copy(page), pickle.loads(pickle.dumps(page)), page.resolve()):
        assert other == page and other._repr_html_()
    assert page.parent._repr_html_() is None
    page.unlink()
    assert page._repr_html_() is None


def test_the_page_in_a_frame_knows_light_and_dark_by_its_height_and_its_policy_allows_that(tmp_path):
    page = viz.explain(loss(), tmp_path / "page.html")
    shown = Elements(page._repr_html_()).only("iframe")["srcdoc"]
    written = page.read_text(encoding="utf-8")
    assert (
        "prefers-color-scheme" in written
        and "prefers-color-scheme:dark" not in shown.replace(": ", ":").partition(":is(")[0]
    )
    (style,) = re.findall(r"<style>(.*?)</style>", shown, re.DOTALL)
    assert f"style-src 'sha256-{digest(style)}'" in shown
    assert re.findall(r"min-height:(\d+)px", style)[0] == str((PAGE_HEIGHT + DARK_PAGE_HEIGHT) // 2)
    assert shown.partition("</style>")[2] == written.partition("</style>")[2]


@needs_graphviz
def test_pictures_shown_twice_have_no_id_in_common():
    picture = viz.draw(loss(), direction="both")
    first, second = (Elements(picture._repr_mimebundle_()["text/html"]) for _ in range(2))
    ids = [attributes["id"] for shown in (first, second) for _, attributes in shown.found if "id" in attributes]
    assert len(ids) == len(set(ids)) > 20
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"] == picture.svg and bundle["text/plain"] == repr(picture)
    styles = re.findall(r"#(viz[\w-]+)", re.findall(r"<style>(.*?)</style>", bundle["text/html"], re.DOTALL)[0])
    assert set(styles) == {Elements(bundle["text/html"]).only("svg")["id"]}


@needs_graphviz
def test_a_picture_without_variables_keeps_its_colours():
    """Readers of SVG that know none drop the rules, and take what stands at the shapes."""
    root = ElementTree.fromstring(viz.draw(loss()).svg)
    filled = {
        element.get("fill") for element in root.iter() if element.get("fill") not in (None, "none", "transparent")
    }
    assert filled <= set(LIGHT_TO_DARK) and GROUND in filled


def test_steps_show_themselves_as_a_table_of_text():
    x = tg.tensor(3.0, requires_grad=True, name="<b>x</b>")
    y = x * x
    y.backward()
    steps = viz.steps(y, check=True)
    shown = steps._repr_html_()
    assert "<b>" not in shown and "&lt;b&gt;x" in shown and f"<p>{steps.notes[0]}</p>" in shown
    assert shown.count("<tr>") == len(steps) + 1 and shown.count("<th ") == 7
    assert viz.steps(y)._repr_html_().count("<th ") == 6
    assert Elements(shown).only("div")["id"] != Elements(steps._repr_html_()).only("div")["id"]


NOTEBOOKS = {
    'data-jp-theme-light="true"': False,
    'data-jp-theme-light="false"': True,
    'class="vscode-light"': False,
    'class="vscode-dark"': True,
    'class="vscode-high-contrast"': True,
    'class="vscode-high-contrast-light vscode-high-contrast"': False,
    'theme="dark"': True,
    'data-theme="dark"': True,
    'data-theme="light"': False,
    "": None,
}
"""What stands at the element around all outputs, and whether that is dark; None where the system decides."""


@needs_graphviz
@pytest.mark.parametrize("system", ["light", "dark"])
def test_all_is_light_or_dark_as_the_notebook_is(browser, tmp_path, system):  # noqa: F811
    picture, steps = viz.draw(loss()), viz.steps(loss())
    page = viz.explain(loss(), tmp_path / "page.html")
    shown = [picture._repr_mimebundle_()["text/html"], steps._repr_html_(), page._repr_html_()]
    context = browser.new_context(color_scheme=system)
    for mark, dark in NOTEBOOKS.items():
        if dark is None:
            dark = system == "dark"
        opened = context.new_page()
        opened.set_content(f"<html><body {mark}>{''.join(reversed(shown))}</body></html>")
        opened.wait_for_timeout(300)
        code = LIGHT_TO_DARK[GROUND] if dark else GROUND
        ground = f"rgb({', '.join(str(int(code[place : place + 2], 16)) for place in (1, 3, 5))})"
        look = "(selector) => getComputedStyle(document.querySelector(selector))"
        assert opened.evaluate(f"({look})('svg polygon').fill") == ground, mark
        framed = opened.frames[1]
        assert framed.evaluate(f"({look})('body').backgroundColor") == ground, mark
        assert framed.evaluate(f"({look})('html').colorScheme") == ("dark" if dark else "light")
        assert "scale(0.02" not in framed.locator("#world").get_attribute("transform")  # it has looked at its window
        framed.click("#next")
        assert framed.locator("#what").inner_text().startswith("Step 1")
        opened.close()
    context.close()


@needs_graphviz
def test_a_static_page_that_nbconvert_writes_shows_all_three(tmp_path):
    nbformat, nbconvert = pytest.importorskip("nbformat.v4"), pytest.importorskip("nbconvert")
    results = viz.draw(loss()), viz.steps(loss()), viz.explain(loss(), tmp_path / "page.html")
    bundles = [results[0]._repr_mimebundle_(), *({"text/html": result._repr_html_()} for result in results[1:])]
    outputs = [nbformat.new_output("execute_result", data=data) for data in bundles]
    notebook = nbformat.new_notebook(cells=[nbformat.new_code_cell("...", outputs=[one]) for one in outputs])
    text, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    found = [tag for tag, _ in Elements(text).found]
    assert {"svg", "table", "iframe"} <= set(found) and 'data-jp-theme-light="true"' in text
