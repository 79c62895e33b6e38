"""The page: one file that needs nothing else, right without JavaScript, and with it in a real browser."""

import base64
import hashlib
import json
import shutil
import sys
from html.parser import HTMLParser

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.render import NoRenderer, _commands

needs_graphviz = pytest.mark.skipif(not _commands("svg"), reason="there is no Graphviz on this machine")
HOSTILE = '</script><img src=x onerror="alert(1)">&amp;<!--'


class Page(HTMLParser):
    """The elements of a page: their tags and attributes, and the text of each script and style."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.content, self.inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = dict(attributes).get("id", tag) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.content[self.inside] = self.content.get(self.inside, "") + data

    @property
    def data(self):
        return json.loads(self.content["data"])

    @property
    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def small_loss(name="W"):
    w = tg.tensor([[0.5, -1.0, 0.3], [2.0, 0.1, -0.7]], requires_grad=True, name=name)
    b = tg.tensor([0.1, 0.2, 0.3], requires_grad=True, name="b")
    x = tg.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5], [0.0, 1.0]], name="x")
    return ((x @ w + b).tanh() ** 2).mean()


def page_of(loss, tmp_path, **options):
    return Page(viz.explain(loss, tmp_path / "page.html", **options).read_text(encoding="utf-8"))


def test_the_page_says_what_its_figures_are(tmp_path):
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    path = viz.explain(x.exp().sum(), tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert "one random direction" in text and "parameters and inputs, are not counted" in text
    viz.explain(x.exp().sum(), path, check=False)
    assert "random direction" not in path.read_text(encoding="utf-8")


@needs_graphviz
def test_the_page_needs_nothing_from_elsewhere(tmp_path):
    page = page_of(small_loss(), tmp_path)
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "a", "base")
        assert not {"src", "href", "style"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    (policy,) = [attributes["content"] for tag, attributes in page.elements if attributes.get("http-equiv")]
    assert policy.startswith("default-src 'none'")
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.content[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


@needs_graphviz
def test_every_id_that_a_step_names_is_in_the_picture_once(tmp_path):
    page = page_of(small_loss(), tmp_path)
    assert len(page.ids) == len(set(page.ids))
    named = {part for step in page.data["steps"] for part in (step["box"], *step["arrows"])}
    assert named and {f"{page.data['picture']}-{part}" for part in (*named, *page.data["nodes"])} <= set(page.ids)
    assert {step["box"] for step in page.data["steps"]} == set(page.data["nodes"])


@needs_graphviz
def test_the_table_of_all_steps_is_in_the_page_itself(tmp_path):
    loss = small_loss()
    page = page_of(loss, tmp_path)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    steps = viz.steps(loss)
    assert len(page.data["steps"]) == len(steps) == text.count('<tr class="')
    assert "<td>∂loss/∂W = xᵀ @ ∂loss/∂v₁</td>" in text


@needs_graphviz
def test_what_is_shown_of_an_operation(tmp_path):
    data = page_of(small_loss(), tmp_path).data
    (tanh,) = [node for node in data["nodes"].values() if node["name"] == "v₃"]
    assert ["∂y/∂x", "1 - y²"] in tanh["facts"]
    assert "lambda g, y: g * (1 - y * y)" in data["sources"]["tanh"]
    share = next(step for step in data["steps"] if step["operation"] == "back through tanh")
    assert (share["local"]["rows"], share["local"]["columns"]) == (12, 12)
    assert (share["heat"]["rows"], share["heat"]["columns"]) == (4, 3)


@needs_graphviz
def test_hostile_names_are_text_and_nan_is_no_number_of_json(tmp_path):
    w = tg.tensor([1.0, -1.0], requires_grad=True, name=HOSTILE)
    page = page_of(tg.log(w).sum(), tmp_path, title=HOSTILE, check=False)
    assert sum(tag == "script" for tag, _ in page.elements) == 2
    assert not any(tag == "img" for tag, _ in page.elements)
    names = {node["name"] for node in page.data["nodes"].values()}
    assert HOSTILE in names
    (heat,) = [step["heat"] for step in page.data["steps"] if step["rule"].startswith("v₁ =")]
    assert heat["values"] == [0, "nan"]


def test_without_graphviz_the_page_has_all_but_the_picture(tmp_path, monkeypatch):
    def missing(*_):
        raise NoRenderer("there is no Graphviz on this machine")

    monkeypatch.setattr(sys.modules["viz.draw"], "render", missing)
    with pytest.warns(UserWarning, match="no picture.*pip install pygraphviz"):
        page = page_of(small_loss(), tmp_path)
    assert len(page.data["steps"]) == 18


@needs_graphviz
def test_closed_and_folded_modules_have_their_steps(tmp_path):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    page = page_of(model(tg.ones((2, 4))).sum(), tmp_path, depth=1)
    boxes = {step["box"] for step in page.data["steps"]}
    assert {f"{page.data['picture']}-{box}" for box in boxes} <= set(page.ids)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A page in the browser, which must not complain and must ask for nothing but itself."""
    path = viz.explain(small_loss(), tmp_path / "page.html")
    page = browser.new_page()
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert not complaints
    assert requests == [path.as_uri()]


@needs_graphviz
def test_every_step_can_be_clicked_through_and_the_keys_go_the_same_way(opened):
    steps = viz.steps(small_loss(), check=True)
    assert opened.locator("#what").inner_text() == "The whole picture"
    assert opened.locator(".later").count() == 0
    for number, step in enumerate(steps, start=1):
        opened.click("#next")
        assert opened.locator("#what").inner_text().startswith(f"Step {number} of {len(steps)}")
        assert opened.locator("#rule").inner_text() == step.rule
        assert opened.locator("#check").inner_text() == step.check
        assert opened.locator(".now.node").count() == 1
        assert opened.locator("tr[aria-current]").count() == 1
    assert opened.locator("#next").is_disabled()
    opened.locator("body").press("Home")
    for _ in range(3):
        opened.locator("body").press("ArrowRight")
    opened.locator("body").press("ArrowLeft")
    assert opened.locator("#what").inner_text().startswith("Step 2 of")
    opened.locator("#slider").focus()
    opened.keyboard.press("ArrowRight")
    assert opened.locator("#what").inner_text().startswith("Step 3 of")


@needs_graphviz
def test_predicting_hides_the_next_result_until_it_is_asked_for(opened):
    opened.check("#predict")
    opened.click("#next")
    assert opened.locator("#reveal").is_visible() and not opened.locator("#result").is_visible()
    assert not opened.locator("tbody tr .result").first.is_visible()
    opened.click("#reveal")
    assert opened.locator("#result").is_visible() and not opened.locator("#reveal").is_visible()
    assert opened.locator("tbody tr .result").first.is_visible()


@needs_graphviz
def test_a_chosen_box_shows_how_its_operation_is_defined(opened):
    box = opened.locator('.node[aria-label="v₃"]')
    box.press("Enter")
    assert "lambda g, y: g * (1 - y * y)" in opened.locator("#source").inner_text()
    assert opened.locator("#detail-heats rect").count() == 12
    opened.locator('.node[aria-label="∂L/∂W"]').click()
    assert opened.locator("#detail-name").inner_text() == "∂L/∂W"


@needs_graphviz
def test_the_wheel_zooms_to_the_pointer_a_drag_moves_and_fit_shows_the_whole(opened):
    pane, picture = opened.locator("#pane"), opened.locator("#pane > svg")
    zoom = opened.locator("#zoom").bounding_box()
    assert zoom["y"] + zoom["height"] <= pane.bounding_box()["y"]
    opened.click("#larger")
    opened.click("#larger")
    box = opened.locator('.node[aria-label="v₃"]')
    before = box.bounding_box()
    opened.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
    opened.mouse.wheel(0, -200)
    opened.wait_for_timeout(100)
    after = box.bounding_box()
    assert after["width"] > 1.3 * before["width"]
    assert after["x"] + after["width"] / 2 == pytest.approx(before["x"] + before["width"] / 2, abs=3)
    assert after["y"] + after["height"] / 2 == pytest.approx(before["y"] + before["height"] / 2, abs=3)
    opened.mouse.down()
    opened.mouse.move(before["x"] + before["width"] / 2 - 30, before["y"] + before["height"] / 2 - 20)
    opened.mouse.up()
    moved = box.bounding_box()
    assert (moved["x"] - after["x"], moved["y"] - after["y"]) == pytest.approx((-30, -20), abs=2)
    assert not opened.locator("#detail").is_visible()
    opened.click("#fit")
    frame, all_of_it = pane.bounding_box(), picture.bounding_box()
    assert all_of_it["width"] <= frame["width"] and all_of_it["height"] <= frame["height"]
    opened.click("#smaller")
    assert picture.bounding_box()["width"] < all_of_it["width"]


@needs_graphviz
def test_a_phone_shows_the_picture_and_the_formula_together(opened):
    opened.set_viewport_size({"width": 390, "height": 844})
    for part in ("#pane", "#rule", "#result"):
        box = opened.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844 and box["x"] + box["width"] <= 390


@needs_graphviz
def test_without_javascript_it_is_the_whole_still_picture_with_the_table(browser, tmp_path):
    path = viz.explain(small_loss(), tmp_path / "page.html")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.locator("svg g.node").count() > 10 and page.locator(".later").count() == 0
    assert page.locator("tbody tr").count() == 18
    assert not page.locator("#controls").is_visible()
    context.close()
