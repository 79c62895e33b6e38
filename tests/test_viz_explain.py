"""The page: one file that needs nothing else, right without JavaScript, and with it in a real browser."""

import base64
import gc
import hashlib
import itertools
import json
import shutil
import sys
from html.parser import HTMLParser

import pytest

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from tinygrad_ml.errors import OptionError, ShapeError
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
def test_every_id_that_a_step_names_is_on_the_map(tmp_path):
    page = page_of(small_loss(), tmp_path)
    assert len(page.ids) == len(set(page.ids))
    rooms = page.data["rooms"]
    boxes = {box["id"] for room in rooms for box in room["boxes"]}
    arrows = {arrow["id"] for room in rooms for arrow in room["arrows"]}
    assert {step["box"] for step in page.data["steps"]} <= boxes == set(page.data["boxes"])
    assert {arrow for step in page.data["steps"] for arrow in step.get("arrows", ())} <= arrows


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
    (tanh,) = [node for node in data["boxes"].values() if node["name"] == "v₃"]
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
    names = {box["name"] for box in page.data["boxes"].values()}
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
def test_garbage_is_collected_as_before_when_a_page_is_written(tmp_path):
    for collects in (gc.disable, gc.enable):
        collects()
        before = gc.isenabled()
        viz.explain(tg.tensor([1.0], requires_grad=True).exp(), tmp_path / "page.html")
        assert gc.isenabled() == before
        with pytest.raises(OptionError):
            viz.explain(tg.tensor([1.0], requires_grad=True).exp(), tmp_path / "page.html", limit=1)
        assert gc.isenabled() == before


def test_what_is_open_at_first_can_be_chosen(tmp_path):
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Linear(3, 2))
    loss = model(tg.ones((2, 4))).sum()

    def opened(**options):
        data = page_of(loss, tmp_path, check=False, **options).data
        return data["open"] if not data["open"] else sorted(r["name"] for r in data["rooms"] if r["id"] in data["open"])

    assert opened() is None
    assert opened(level="network") == []
    assert opened(level="layers") == ["1", "Sequential"]
    assert opened(level="layers", open=["2"]) == ["1", "2", "Sequential"]
    assert opened(depth=1) == ["Sequential"]
    with pytest.raises(OptionError, match="give one of them"):
        opened(level="layers", depth=1)
    with pytest.raises(OptionError, match="there is no 'conv' to open"):
        opened(open=["conv"])


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
def shown(browser, tmp_path):
    """Shows a page in the browser, which must not complain and must ask for nothing but itself."""
    complaints, requests, pages = [], [], []

    def show(_loss, *, size=(1280, 800), touch=False, **options):
        path = viz.explain(_loss, tmp_path / "page.html", **options)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=touch, reduced_motion="reduce"
        )
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        pages.append(context)
        return page

    yield show
    for context in pages:
        context.close()
    assert not complaints
    assert set(requests) == {(tmp_path / "page.html").as_uri()}


@pytest.fixture
def opened(shown):
    page = shown(small_loss())
    page.click("#open-all")
    return page


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


def middle(box):
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def settle(page):
    """Let the browser draw what it was asked for."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@needs_graphviz
def test_the_wheel_zooms_to_the_pointer_a_drag_moves_and_fit_shows_the_whole(opened):
    pane, world = opened.locator("#pane"), opened.locator("#boxes")
    zoom = opened.locator("#zoom").bounding_box()
    assert zoom["y"] + zoom["height"] <= pane.bounding_box()["y"] + 1
    box = opened.locator('.node[aria-label="v₃"]')
    before = box.bounding_box()
    opened.mouse.move(*middle(before))
    opened.mouse.wheel(0, -200)
    settle(opened)
    after = box.bounding_box()
    assert after["width"] > 1.3 * before["width"]
    assert middle(after) == pytest.approx(middle(before), abs=3)
    opened.mouse.down()
    opened.mouse.move(middle(before)[0] - 30, middle(before)[1] - 20, steps=3)
    opened.mouse.up()
    settle(opened)
    moved = box.bounding_box()
    assert (moved["x"] - after["x"], moved["y"] - after["y"]) == pytest.approx((-30, -20), abs=2)
    assert not opened.locator("#detail").is_visible()
    opened.click("#fit")
    settle(opened)
    frame, whole = pane.bounding_box(), world.bounding_box()
    assert whole["width"] <= frame["width"] and whole["height"] <= frame["height"]
    opened.click("#smaller")
    settle(opened)
    assert world.bounding_box()["width"] < whole["width"]
    opened.click("#larger")
    settle(opened)
    assert world.bounding_box()["width"] == pytest.approx(whole["width"], rel=0.02)


def layers():
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 3), nn.ReLU()), nn.Linear(3, 2))
    return model(tg.tensor([[1.0, -2.0, 0.5, 3.0]], name="x")).sum()


@needs_graphviz
def test_a_closed_box_opens_in_place_with_its_backward_pass_and_closes_again(shown):
    page = shown(layers(), level="network")
    network = page.locator('.node[aria-label^="Sequential, closed box"]')
    assert network.get_attribute("aria-expanded") == "false"
    boxes = page.locator(".node").count()
    network.click()
    assert network.count() == 0
    assert page.locator('.frame[data-frame^="m"]').count() == page.locator('.frame[data-frame^="w"]').count() == 1
    inner = page.locator('.node[aria-label="1 Sequential, closed box: opens in place"]')
    inner.press("Enter")
    assert page.locator(".frame").count() == 4 and page.locator(".node").count() > boxes + 4
    # What is inside lies in its frame, which lies in the one around it.
    outer, frame = (page.locator(".frame").nth(k).bounding_box() for k in (0, 2))
    relu = page.locator('.node[aria-label^="1 ReLU"]').bounding_box()
    for around, inside in ((outer, frame), (frame, relu)):
        assert around["x"] <= inside["x"] and inside["x"] + inside["width"] <= around["x"] + around["width"]
        assert around["y"] <= inside["y"] and inside["y"] + inside["height"] <= around["y"] + around["height"]
    page.locator('[aria-label="Close Sequential"]').press("Enter")
    assert page.locator(".frame").count() == 0 and page.locator(".node").count() == boxes
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Sequential, closed box")
    page.click("#open-all")
    assert page.locator(".node.module").count() == 0
    page.click("#close-all")
    assert page.locator(".frame").count() == 0


@needs_graphviz
def test_no_box_lies_on_another_and_arrows_end_at_boxes_whatever_is_open(shown):
    page = shown(layers(), level="network")
    for opening in ("Sequential,", "1 Sequential", "0 Linear", "2 Linear"):
        page.locator(f'.node[aria-label^="{opening}"]').first.press("Enter")
        assert page.evaluate(OVERLAPPING) == []
        assert page.evaluate(LOOSE_ENDS) == []
    page.click("#open-all")
    assert page.evaluate(OVERLAPPING) == [] and page.evaluate(LOOSE_ENDS) == []


OVERLAPPING = """() => {
  const places = [...seenNow.boxes.values()].map(({ box, x, y }) => [box.id, x, y, x + box.at[2], y + box.at[3]]);
  return places.flatMap((a, i) => places.slice(0, i).filter((b) => a[1] < b[3] && b[1] < a[3] && a[2] < b[4] && b[2] < a[4]).map((b) => [a[0], b[0]]));
}"""
LOOSE_ENDS = """() => {
  const boxes = [...seenNow.boxes.values()].map(({ box, x, y }) => [x, y, x + box.at[2], y + box.at[3]]);
  const frames = seenNow.frames.map((f) => [f.x, f.y, f.x + f.width, f.y + f.height]);
  const off = ([x, y], [a, b, c, d]) => Math.max(a - x, x - c, b - y, y - d, 0);
  const wall = ([x, y], [a, b, c, d]) => Math.max(a - x, x - c, 0) + Math.min(Math.abs(y - b), Math.abs(y - d));
  return [...seenNow.arrows.values()].filter(({ points }) => [points[0], points[points.length - 1]].some((p) =>
    boxes.every((b) => off(p, b) > 5) && frames.every((f) => wall(p, f) > 5))).map(({ arrow }) => arrow.id);
}"""


@needs_graphviz
def test_a_closed_box_is_one_step_and_inside_it_are_its_own(shown):
    page = shown(layers(), level="network")
    parts = page.evaluate("story.length")
    page.click("#last")
    assert page.locator("#what").inner_text().startswith(f"Step {parts} of {parts} · backward")
    page.click("#first")
    page.click("#next")
    page.click("#next")
    assert "forward · Sequential" in page.locator("#what").inner_text()
    assert page.locator("#rule").inner_text() == "Sequential(x)"
    assert page.locator("#shapes").inner_text() == "(1, 4) → (1, 2)"
    inside = page.locator("tr[aria-current]").count()
    assert inside > 8 and f"{inside} steps inside" in page.locator("#what").inner_text()
    page.click("#inside")
    assert page.locator(".frame").count() > 0 and page.evaluate("story.length") > parts
    assert page.locator("tr[aria-current]").count() == 1
    told = [page.locator("#rule").inner_text()]
    while page.locator(".now.node").get_attribute("data-box")[0] != "n" or len(told) < 4:
        page.click("#next")
        told.append(page.locator("#rule").inner_text())
    assert told[0] == "0.weight"
    page.locator("tbody tr").last.click()  # a row of the table opens what its step happens in
    assert page.locator(".now.node").get_attribute("data-box")[0] == "g"


@needs_graphviz
def test_the_first_view_is_the_whole_network_at_the_level_that_fits(shown):
    small, large = (shown(layers(), size=size) for size in ((700, 420), (1600, 1400)))
    for page in (small, large):
        pane, world = page.locator("#pane").bounding_box(), page.locator("#boxes").bounding_box()
        assert pane["x"] <= world["x"] and world["x"] + world["width"] <= pane["x"] + pane["width"]
        assert pane["y"] <= world["y"] and world["y"] + world["height"] <= pane["y"] + pane["height"]
        assert page.evaluate("camera.k") >= page.evaluate("READABLE")
    assert small.locator(".node").count() < large.locator(".node").count()


@needs_graphviz
def test_what_opens_at_first_is_the_network_and_not_the_function_of_its_loss(shown):
    def loss(layers):
        widths = [3 + k % 3 for k in range(layers + 1)]
        model = nn.Sequential(*[nn.Linear(a, b) for a, b in itertools.pairwise(widths)])
        return nn.functional.cross_entropy(model(tg.ones((2, 3))), tg.tensor([0, 1], name="labels"))

    opened = "[...open].filter(Boolean).map((id) => rooms.get(id).name)"
    few = shown(loss(3), check=False).evaluate(opened)
    assert few[0] == "Sequential" and "cross_entropy" not in few
    assert shown(loss(60), fold=False, check=False).evaluate(opened) == []  # of so many layers none could be read
    both = shown(loss(1), size=(1600, 1400), check=False)  # where there is room for all, functions open, too
    assert {"Sequential", "0", "cross_entropy"} <= set(both.evaluate(opened))


@needs_graphviz
def test_a_breadcrumb_says_where_one_is_and_leads_back(shown):
    page = shown(layers(), level="network")
    assert page.locator("#crumbs").inner_text() == "all"
    page.locator('.node[aria-label^="Sequential"]').click()
    page.locator('.node[aria-label^="1 Sequential"]').click()
    for _ in range(6):
        page.mouse.move(*middle(page.locator('.node[aria-label^="0 Linear"]').last.bounding_box()))
        page.mouse.wheel(0, -200)
        settle(page)
    page.evaluate("glide(fitted(partOf(seenNow.frames.at(-1).room.id), 3))")
    page.evaluate("zoom(3, 200, 200)")
    settle(page)
    assert page.locator("#crumbs button").all_inner_texts()[:2] == ["all", "Sequential"]
    page.locator("#crumbs button").first.click()
    settle(page)
    assert page.locator("#crumbs").inner_text() == "all"


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


@needs_graphviz
def test_search_finds_names_and_operations_and_opens_the_way_to_them(shown):
    page = shown(layers(), level="network")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("relu")
    found = page.locator("#found li")
    assert found.count() >= 2 and "in Sequential › 1" in found.first.inner_text()
    assert page.locator("#said").inner_text().endswith("found")
    page.keyboard.press("ArrowDown")
    assert found.nth(1).get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert not page.locator("#found").is_visible() and page.locator("#search").input_value() == ""
    assert page.locator("#detail-name").inner_text() == "1 ReLU"
    assert page.locator(".chosen").get_attribute("aria-label").startswith("1 ReLU")
    pane, box = page.locator("#pane").bounding_box(), page.locator(".chosen").bounding_box()
    assert pane["x"] <= box["x"] and box["x"] + box["width"] <= pane["x"] + pane["width"]
    assert pane["y"] <= box["y"] and box["y"] + box["height"] <= pane["y"] + pane["height"]
    page.fill("#search", "0.weight")
    page.locator("#found li").first.click()
    assert page.locator("#detail-name").inner_text().endswith("0.weight")
    page.fill("#search", "nothing of that name")
    assert not page.locator("#found").is_visible() and page.locator("#said").inner_text() == "0 found"
    page.locator("#search").press("Escape")
    assert page.evaluate("document.activeElement.id") != "search"


@needs_graphviz
def test_the_overview_frames_what_is_seen_and_moves_the_map(shown):
    page = shown(layers(), level="operations")
    page.click("#fit")
    settle(page)
    assert not page.locator("#overview").is_visible()
    for _ in range(6):
        page.click("#larger")
    settle(page)
    overview, frame = page.locator("#overview"), page.locator("#overview-seen")
    assert overview.is_visible()
    around = overview.bounding_box()
    page.mouse.click(around["x"] + around["width"] / 2, around["y"] + 4)
    settle(page)
    high = frame.bounding_box()["y"]
    page.mouse.click(around["x"] + around["width"] / 2, around["y"] + around["height"] - 4)
    settle(page)
    assert frame.bounding_box()["y"] > high + 20
    assert page.locator("#overview-parts rect").count() == page.locator(".node, .frame").count()


@needs_graphviz
def test_the_map_goes_by_keys_and_says_what_happens(shown):
    page = shown(layers(), level="network")
    reachable = page.locator('#map [tabindex="0"]')
    assert reachable.count() == 1
    reachable.focus()
    page.keyboard.press("ArrowDown")
    on = "document.activeElement.dataset.box ?? document.activeElement.getAttribute('aria-label')"
    assert page.evaluate("data.boxes[document.activeElement.dataset.box].name") == "Sequential"
    described = page.locator('.node[data-box^="m"]').first.get_attribute("aria-description")
    assert "(1, 4) → (1, 2)" in described
    page.keyboard.press("Enter")
    assert page.evaluate(on) == "Close Sequential"
    assert page.locator("#said").inner_text().startswith("Sequential is open: ")
    page.keyboard.press("Escape")
    assert page.locator(".frame").count() == 0
    assert page.locator("#said").inner_text() == "Sequential is closed"
    assert page.evaluate(on).startswith("m")
    before = page.evaluate("camera.k")
    page.keyboard.press("+")
    settle(page)
    assert page.evaluate("camera.k") == pytest.approx(1.25 * before)
    page.keyboard.press("-")
    page.keyboard.press("0")
    settle(page)
    assert page.evaluate("camera.k") == pytest.approx(page.evaluate("fitted(whole()).k"))
    page.keyboard.press("ArrowRight")
    assert page.locator("#what").inner_text().startswith("Step 1 of")


@needs_graphviz
def test_two_fingers_pinch_and_one_moves(shown):
    page = shown(layers(), size=(390, 844), touch=True, level="network")
    pane = page.locator("#pane").bounding_box()
    x, y = middle(pane)
    touch = page.context.new_cdp_session(page)

    def fingers(kind, *places):
        points = [{"x": a, "y": b, "id": number} for number, (a, b) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = page.evaluate("camera.k")
    fingers("touchStart", (x - 30, y), (x + 30, y))
    for away in range(30, 95, 5):
        fingers("touchMove", (x - away, y), (x + away, y))
    fingers("touchEnd")
    settle(page)
    assert page.evaluate("camera.k") == pytest.approx(before * 3, rel=0.1)
    left = page.evaluate("camera.x")
    fingers("touchStart", (x, y))
    for along in range(0, 45, 5):
        fingers("touchMove", (x - along, y))
    fingers("touchEnd")
    settle(page)
    assert page.evaluate("camera.x") == pytest.approx(left - 40, abs=6)
    assert page.locator(".frame").count() == 0  # a drag opens nothing
    page.click("#fit")
    settle(page)
    for _ in range(5):  # on a busy machine a tap may last so long that it is none
        if not page.locator(".frame").count():
            page.touchscreen.tap(*middle(page.locator('.node[data-box^="m"]').first.bounding_box()))
            page.wait_for_timeout(200)
    assert page.locator(".frame").count() > 0


class Skip(nn.Module):
    """A layer and a way around it."""

    def __init__(self):
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        hidden = self.layer(x)
        return x + hidden


@needs_graphviz
def test_pointing_at_a_line_lights_its_boxes_and_at_a_box_its_lines(shown):
    page = shown(Skip(), input_shape=(2, 4), level="layers")
    line = page.locator("#program li", has_text="hidden = self.layer(x)")
    line.hover()
    lit = page.locator(".lit.node").evaluate_all("(found) => found.map((box) => box.dataset.box[0]).join('')")
    assert lit == "mw"  # the layer, and its backward pass
    assert page.locator(".lit.node").first.get_attribute("aria-label").startswith("layer Linear, closed")
    page.locator("#program li", has_text="return x + hidden").locator("code").focus()
    assert page.locator(".lit.node.output").count() == 1 and page.locator(".lit.node").count() == 2
    page.mouse.move(5, 5)
    page.locator('.node[aria-label^="layer"]').first.hover()
    assert page.locator("#program li.lit").all_inner_texts() == ["    hidden = self.layer(x)"]
    page.locator('.node[aria-label^="layer"]').first.press("Enter")
    line.hover()
    assert page.locator(".lit.node").count() == 4  # what it made, and the gradients of it
    line.click()
    settle(page)
    pane = page.locator("#pane").bounding_box()
    for box in page.locator(".lit.node").all():
        assert pane["x"] <= box.bounding_box()["x"] and pane["y"] <= box.bounding_box()["y"]
    page.evaluate("go(story.findIndex((part) => steps[part.from].kind === 'compute') + 1)")
    assert page.locator("#program li.now").count() == 1


@needs_graphviz
def test_a_line_that_failed_is_marked_and_the_failed_operation_is_the_last_step(shown):
    with pytest.raises(ShapeError) as raised, viz.lines():
        Skip()(tg.ones((2, 3)))
    page = shown(raised.value)
    failed = [line.strip() for line in page.locator("#program li.failed").all_inner_texts()]
    assert failed == ["Skip()(tg.ones((2, 3)))", "hidden = self.layer(x)"]
    page.click("#last")
    assert page.locator(".now.node.failed").count() == 1
    assert "(2, 3)" in page.locator("#shapes").inner_text() and "(4, 4)" in page.locator("#shapes").inner_text()


@needs_graphviz
def test_predict_takes_an_answer_and_says_whether_it_is_right(shown):
    x = tg.tensor(3.0, requires_grad=True, name="x")
    w = tg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], requires_grad=True, name="w")
    page = shown((w * x).sum(), level="operations")
    page.check("#predict")
    while page.locator("#what").inner_text().count("mul") == 0:
        page.click("#next")
    assert page.locator("#question").inner_text() == "Which shape comes out?"
    assert page.locator("#shapes").inner_text().endswith("→ ?")
    page.fill("#answer", "(2, 4)")
    page.click("#check-answer")
    assert "(2, 4) is not right" in page.locator("#verdict").inner_text()
    assert not page.locator("#result").is_visible()
    page.fill("#answer", "(4, 2)")
    page.locator("#answer").press("Enter")
    assert page.locator("#verdict").inner_text() == "(4, 2) is right. 1 of 2 answers were."
    assert page.locator("#result").is_visible() and not page.locator("#asking").is_visible()
    page.click("#next")
    assert page.locator("#question").inner_text() == "Which number comes out?"
    page.fill("#answer", "107")
    page.click("#check-answer")
    assert page.locator("#verdict").inner_text().startswith("107 is right")  # 108, as near as a head comes
    page.click("#next")
    page.fill("#answer", "0")
    page.click("#check-answer")
    assert "not right" in page.locator("#verdict").inner_text()
    page.click("#reveal")
    assert page.locator("#result").is_visible()


@needs_graphviz
def test_the_width_of_an_arrow_is_the_size_of_the_gradient_along_it(shown):
    x = tg.tensor(8.0, requires_grad=True, name="x")
    y = x
    for _ in range(3):
        y = y.tanh()  # flat at 8: the gradient dies
    page = shown(y * 1.0, level="operations")
    width = "id => parseFloat(getComputedStyle(drawnArrows.get(id).firstChild).strokeWidth)"
    arrows = page.evaluate("[...seenNow.arrows.values()].map(({ arrow }) => [arrow.id, data.flows[arrow.id] ?? null])")
    before = {arrow: page.evaluate(width, arrow) for arrow, _ in arrows}
    page.check("#widths")
    known = sorted((size, page.evaluate(width, arrow)) for arrow, size in arrows if size is not None)
    assert len(known) >= 6 and known[0][0] < 1e-5 < 0.1 < known[-1][0]
    assert [wide for _, wide in known] == sorted(wide for _, wide in known) and known[-1][1] > 5 * known[0][1]
    page.uncheck("#widths")
    assert {arrow: page.evaluate(width, arrow) for arrow, _ in arrows} == before


@needs_graphviz
def test_of_a_large_map_only_what_lies_near_the_pane_is_drawn(shown):
    widths = [3 + k % 3 for k in range(81)]
    model = nn.Sequential(*[nn.Linear(a, b) for a, b in itertools.pairwise(widths)])
    page = shown(model(tg.ones((2, 3))).sum(), level="layers", fold=False, check=False)
    page.click("#fit")
    settle(page)
    drawn = "[...drawnBoxes.values()].filter((box) => box.isConnected && box.style.display !== 'none').length"
    boxes = page.evaluate("seenNow.boxes.size")
    assert boxes > 160 and page.evaluate(drawn) == boxes
    page.evaluate("glide(fitted(partOf(seenNow.boxes.keys().next().value), 2))")
    settle(page)
    near = page.evaluate(drawn)
    assert 0 < near < boxes / 3
    unseen = """[...seenNow.boxes.values()].filter(({ box, x, y }) => {
      const there = seen(), inside = x < there.x + there.width && x + box.at[2] > there.x && y < there.y + there.height && y + box.at[3] > there.y;
      return inside && drawnBoxes.get(box.id).style.display === 'none';
    }).length"""
    assert page.evaluate(unseen) == 0
    for _ in range(12):  # wherever one goes, all that is seen there is drawn
        page.evaluate("look(camera.x - pane.clientWidth / 3, camera.y - pane.clientHeight / 3, camera.k)")
        settle(page)
        assert page.evaluate(unseen) == 0
    page.click("#fit")
    settle(page)
    assert page.evaluate(drawn) == boxes


@needs_graphviz
def test_a_large_map_moves_as_an_image_and_is_drawn_anew_when_it_rests(shown):
    widths = [3 + k % 3 for k in range(81)]
    model = nn.Sequential(*[nn.Linear(a, b) for a, b in itertools.pairwise(widths)])
    page = shown(model(tg.ones((2, 3))).sum(), level="layers", fold=False, check=False)
    page.evaluate("look(100, 100, 0.5)")
    settle(page)
    told = page.evaluate("""() => new Promise((done) => {
      const drawn = world.getAttribute("transform"), where = () => at("boxes").children[4].getBoundingClientRect().toJSON();
      const before = where();
      look(60, 80, 0.7);
      requestAnimationFrame(() => {
        const image = sheet.style.transform !== "" && world.getAttribute("transform") === drawn, moved = where();
        const wait = () => sheet.style.transform ? requestAnimationFrame(wait) : done({ before, image, moved, after: where() });
        wait();
      });
    })""")
    assert told["image"] and told["moved"]["width"] == pytest.approx(1.4 * told["before"]["width"], rel=0.02)
    assert "scale(0.7" in page.locator("#world").get_attribute("transform")
    assert middle(told["after"]) == pytest.approx(middle(told["moved"]), abs=1)
    for farther in (
        "look(60, 80, 2)",
        "look(-3000, -3000, 0.7)",
    ):  # letters as large as that would be a blur; there was nothing
        page.evaluate(farther)
        settle(page)
        assert not page.evaluate("sheet.style.transform")


@needs_graphviz
def test_words_stand_beside_the_attention_over_them(shown, tmp_path):
    tg.manual_seed(0)
    model = nn.Sequential(nn.Embedding(10, 8), nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True))
    loss, words = (model(tg.tensor([[1, 2, 3]])) ** 2).mean(), ["a", "<b>", " "]
    page = shown(loss, tokens=words, check=False)
    page.evaluate("""() => {
      const [id] = [...roomOf].find(([id, room]) => room.boxes.find((box) => box.id === id && box.picture?.words));
      reveal(id);
      look(0, 0, 1);
    }""")
    said = page.locator(".token").all_text_contents()
    assert said == [text for word in ("a", "<b>", "␣") for text in (word, word)] * 2  # of two heads, rows and columns
    with pytest.raises(OptionError, match="tokens has 2 words, but nothing here has a row and a column for each"):
        viz.explain(loss, tmp_path / "other.html", tokens=["a", "b"], check=False)


@needs_graphviz
def test_a_large_room_that_is_opened_is_shown_where_it_begins_in_letters_that_can_be_read(shown):
    model = nn.Sequential(*[Skip() for _ in range(2)], nn.TransformerEncoderLayer(4, 2, 8))
    loss = (model(tg.ones((3, 2, 4))) ** 2).mean()
    page = shown(loss, size=(900, 600), level="layers")
    page.evaluate("setOpen([...rooms.values()].find((room) => room.name === 'self_attn'), true)")
    settle(page)
    assert page.evaluate("camera.k") >= page.evaluate("READABLE")
    frame = page.locator(".frame", has_text="self_attn").first.bounding_box()
    pane = page.locator("#pane").bounding_box()
    assert pane["y"] <= frame["y"] <= pane["y"] + pane["height"] / 2
