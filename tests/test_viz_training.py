"""Pictures of training: what they show, that nothing is cut off, and that drawing changes nothing."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import strict
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import tinygrad_ml as tg
import viz
from tinygrad_ml import nn
from viz.training import LayerRecorder, activations, confusion, curves, gradients, images, surface

HISTORY = {
    "loss": [0.9, 0.5, 0.3],
    "accuracy": [0.6, 0.8, 0.9],
    "val_loss": [0.8, 0.6, 0.7],
    "val_accuracy": [0.65, 0.75, 0.7],
}


def line(axes, label: str) -> np.ndarray:
    """The points of the line with that label, of shape (points, 2)."""
    (found,) = [drawn for drawn in axes.lines if drawn.get_label() == label]
    return np.column_stack(found.get_data())


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_visible()]


def assert_nothing_is_cut(figure: Figure) -> None:
    figure.draw_without_rendering()
    whole, used = figure.bbox_inches, figure.get_tightbbox()
    assert used.x0 >= whole.x0 - 0.05 and used.x1 <= whole.x1 + 0.05
    assert used.y0 >= whole.y0 - 0.05 and used.y1 <= whole.y1 + 0.05


# -- curves --------------------------------------------------------------------------------------------


def test_curves_put_training_and_validation_of_each_metric_into_one_panel():
    figure = curves(HISTORY)
    loss, accuracy = figure.axes
    assert [loss.get_title("left"), accuracy.get_title("left")] == ["loss", "accuracy"]
    np.testing.assert_allclose(line(loss, "training"), [[1, 0.9], [2, 0.5], [3, 0.3]], rtol=1e-6)
    np.testing.assert_allclose(line(accuracy, "validation"), [[1, 0.65], [2, 0.75], [3, 0.7]], rtol=1e-6)
    assert "lowest: 0.6, epoch 2" in words(figure)
    assert loss.get_xlabel() == "epoch"
    assert_nothing_is_cut(figure)


def test_curves_tell_lines_apart_without_colour():
    loss = curves(HISTORY).axes[0]
    looks = {(drawn.get_linestyle(), drawn.get_marker()) for drawn in loss.lines[:2]}
    assert len(looks) == 2


def test_curves_take_what_fit_returns_other_metrics_tensors_and_one_epoch():
    class Returned:
        history = {"loss": tg.tensor([0.5]), "top_5_accuracy": np.array([0.9])}

    figure = curves(Returned(), title="a run")
    assert [axes.get_title("left") for axes in figure.axes] == ["loss", "top 5 accuracy"]
    assert "a run" in words(figure)


def test_curves_mark_the_epochs_at_which_a_loss_was_no_number():
    figure = curves({"loss": [1.0, 0.5, np.nan], "val_loss": [1.0, np.inf, np.nan, -np.inf]})
    said = words(figure)
    assert "lowest: 1, epoch 1" in said
    assert {"training: nan in epoch 3", "validation: nan and infinite in 3 epochs, from 2"} <= set(said)
    crosses = [list(drawn.get_xdata()) for drawn in figure.axes[0].lines if drawn.get_marker() == "x"]
    assert crosses == [[3], [2, 3, 4]]
    assert_nothing_is_cut(figure)
    alone = curves({"loss": [np.nan], "val_loss": [np.nan]})
    assert "validation: nan in epoch 1" in words(alone)


def test_many_metrics_stand_in_rows_and_no_legend_hides_a_curve():
    figure = curves({f"metric {i}": [1.0, 2.0] for i in range(7)})
    assert len(figure.axes) == 7 and figure.get_size_inches()[0] <= 13.5
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_legend().get_window_extent().y1 < axes.xaxis.label.get_window_extent().y0
    assert_nothing_is_cut(figure)


@pytest.mark.parametrize(
    ("history", "error", "said"),
    [
        ({}, tg.errors.OptionError, "train for an epoch first"),
        ({"loss": []}, tg.errors.OptionError, "empty"),
        ({"loss": [[1.0, 2.0]]}, tg.errors.ShapeError, "'loss'"),
        ({"loss": 0.5}, tg.errors.ShapeError, "'loss' in the history has shape"),
        ([0.9, 0.5], tg.errors.DTypeError, "a history is a dictionary.*not list"),
        (None, tg.errors.DTypeError, "not NoneType"),
        ({3: [0.9, 0.5]}, tg.errors.DTypeError, "with other keys"),
    ],
)
def test_curves_refuse_what_is_no_history(history, error, said):
    with pytest.raises(error, match=said):
        curves(history)


# -- the error surface ---------------------------------------------------------------------------------


@pytest.fixture
def fitted():
    """w·x + b fitted to a line for a few steps: (loss_fn, [w, b], path)."""
    x = tg.linspace(-1, 1, 9)
    w, b = (tg.tensor(value, requires_grad=True, name=name) for value, name in ((2.0, "w"), (-1.0, "b")))

    def loss():
        return ((w * x + b - 0.5 * x) ** 2).mean()

    path = [(w.item(), b.item())]
    for _ in range(5):
        dw, db = tg.grad(loss(), (w, b))
        w.assign(w - 0.3 * dw)
        b.assign(b - 0.3 * db)
        path.append((w.item(), b.item()))
    return loss, [w, b], path


@pytest.fixture
def network():
    tg.manual_seed(3)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = tg.random.randn(8, 3)
    return model, lambda: (model(x) ** 2).mean()


def test_two_numbers_are_drawn_over_themselves_with_the_path(fitted):
    loss, params, path = fitted
    figure = surface(loss, params, path, resolution=7)
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("w", "b")
    np.testing.assert_allclose(line(axes, "path"), path, rtol=1e-6)
    np.testing.assert_allclose(line(axes, "start"), path[:1], rtol=1e-6)
    np.testing.assert_allclose(line(axes, "end"), path[-1:], rtol=1e-6)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert all(left < x < right and bottom < y < top for x, y in path)
    assert figure.axes[1].get_ylabel() == "loss"
    assert_nothing_is_cut(figure)


def test_the_surface_is_the_loss_at_each_point(fitted):
    _, (w, b), _ = fitted
    seen = {}

    def loss():
        value = (w - 1) ** 2 + 3 * b
        seen[round(w.item(), 4), round(b.item(), 4)] = value.item()
        return value

    here = (w.item(), b.item())
    surface(loss, [w, b], span=(1, 2), resolution=3)
    expected = [(round(here[0] + i, 4), round(here[1] + 2 * j, 4)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    np.testing.assert_allclose(sorted(seen), sorted(expected), atol=2e-4)
    assert not any(np.isnan(list(seen.values())))


def test_parameters_come_back_bit_for_bit_also_after_an_error(network):
    model, loss = network
    params = list(model.parameters())
    before = [p.numpy().tobytes() for p in params]
    kept = [p.data for p in params]
    surface(loss, params, resolution=3)
    assert [p.numpy().tobytes() for p in params] == before

    def broken():
        if params[0].numpy().tobytes() != before[0]:
            raise RuntimeError("in the middle")
        return 0.0

    with pytest.raises(RuntimeError, match="in the middle"):
        surface(broken, params, resolution=3)
    assert [p.numpy().tobytes() for p in params] == before
    assert all(p.data is array for p, array in zip(params, kept, strict=True))
    assert all(p.grad is None for p in params)
    loss().backward()  # and training goes on


def test_random_directions_are_as_long_as_the_filters(network):
    model, loss = network
    params = list(model.parameters())
    now = [p.numpy() for p in params]
    visited = []

    def spy():
        visited.append([p.numpy() for p in params])
        return loss()

    surface(spy, params, directions="random", resolution=3)
    for moved, start in zip(visited[5], now, strict=True):  # one step along the first direction
        step = (moved - start).reshape(len(start) if start.ndim > 1 else 1, -1)
        filters = start.reshape(step.shape)
        np.testing.assert_allclose(np.linalg.norm(step, axis=1), np.linalg.norm(filters, axis=1), rtol=1e-5)


def test_a_path_through_many_parameters_is_drawn_in_its_own_plane(network):
    model, loss = network
    params = list(model.parameters())
    path = []
    for _ in range(6):
        path.append([p.numpy() for p in params])
        for p, g in zip(params, tg.grad(loss(), params), strict=True):
            p.assign(p - 0.1 * g)
    path.append([p.numpy() for p in params])
    figure = surface(loss, params, path, resolution=5)
    drawn = line(figure.axes[0], "path")
    np.testing.assert_allclose(drawn[-1], [0, 0], atol=1e-6)
    true_length = np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(path[0], path[-1], strict=True)))
    assert 0.9 * true_length < np.linalg.norm(drawn[0]) <= true_length * 1.0001
    (share,) = [word for word in words(figure) if "of the path's movement" in word]
    assert int(share.split("%")[0].split()[-1]) > 95
    assert_nothing_is_cut(figure)


def test_two_directions_of_ones_own(network):
    model, loss = network
    params = list(model.parameters())
    one = [np.ones(p.shape) for p in params]
    other = [p.numpy() for p in params]
    figure = surface(loss, params, directions=(one, other), span=0.5, resolution=3)
    assert figure.axes[0].get_xlabel() == "first direction"
    assert figure.axes[0].get_xlim() == (-0.5, 0.5)


def test_contours_are_spaced_by_factors_where_the_loss_spans_many(fitted):
    _, (w, b), _ = fitted
    steep = surface(lambda: (3 * w).exp() + b * 0, [w, b], resolution=5, span=2)
    flat = surface(lambda: w * w + b + 100, [w, b], resolution=5)
    assert isinstance(steep.axes[0].collections[0].norm, LogNorm)
    assert not isinstance(flat.axes[0].collections[0].norm, LogNorm)


@pytest.mark.filterwarnings("error")
def test_a_loss_that_is_nan_or_constant_is_drawn(fitted):
    _, (w, b), _ = fitted
    surface(lambda: (w - 0.5).log() + b, [w, b], resolution=5)
    surface(lambda: w * np.nan, [w, b], resolution=3)
    surface(lambda: w * 0 + 1, [w, b], resolution=3)


def test_surface_refuses_what_it_cannot_draw(fitted, network):
    loss, params, _ = fitted
    model, of_network = network
    many = list(model.parameters())
    with pytest.raises(tg.errors.OptionError, match="no parameters"):
        surface(loss, [])
    with pytest.raises(tg.errors.ShapeError, match=r"3 numbers.*have 2"):
        surface(loss, params, [(1, 2, 3)])
    with pytest.raises(tg.errors.OptionError, match="needs a path"):
        surface(of_network, many, directions="path")
    with pytest.raises(tg.errors.OptionError, match="'sideways'"):
        surface(of_network, many, directions="sideways")
    with pytest.raises(tg.errors.OptionError, match="no plane"):
        surface(loss, params, directions=([1, 2], [2, 4]))
    with pytest.raises(tg.errors.DTypeError, match="loss_fn is called at every point.*not Tensor"):
        surface(loss(), params)
    with pytest.raises(tg.errors.DTypeError, match=r"not Linear; pass its parameters\(\)"):
        surface(loss, nn.Linear(1, 1))
    with pytest.raises(tg.errors.DTypeError, match="params are tensors.*not float"):
        surface(loss, [1.0, 2.0])
    with pytest.raises(tg.errors.DTypeError, match="a path is a list"):
        surface(loss, params, path=3)
    with pytest.raises(tg.errors.ShapeError, match=r"loss_fn gave shape \(3,\)"):
        surface(lambda: tg.ones(3), params)
    with pytest.raises(tg.errors.OptionError, match="span"):
        surface(loss, params, span=-1)


# -- mistakes ------------------------------------------------------------------------------------------


def test_confusion_counts_rows_by_truth_and_columns_by_prediction():
    figure = confusion(predicted=[0, 1, 1, 1], true=[0, 0, 1, 1], labels=["cat", "dog"])
    axes = figure.axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "1", (1, 0): "1", (1, 1): "2"}  # (column, row)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog"]
    said = words(figure)
    assert "3 of 4 right (75.00%)" in said
    assert {"50%", "100%", "67%"} <= set(said)  # recall of cat, of dog; precision of dog
    assert_nothing_is_cut(figure)


def test_confusion_takes_scores_and_tensors_and_long_names():
    scores = tg.tensor([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]])
    figure = confusion(scores, tg.tensor([1, 2]), ["Ankle boot", "T-shirt/top", "Trouser"])
    assert {text.get_position() for text in figure.axes[0].texts} == {(1, 1), (0, 2)}
    assert_nothing_is_cut(figure)


def test_confusion_of_a_hundred_classes_is_a_picture_of_colours_and_words():
    true = np.arange(100).repeat(3)
    predicted = np.where((true == 7) & (np.arange(300) % 3 < 2), 8, true)
    figure = confusion(predicted, true)
    assert max(figure.get_size_inches()) < 15 and not figure.axes[0].texts
    assert "most often taken: 7 for 8 (2×)" in words(figure)
    assert len(figure.axes[0].get_xticklabels()) <= 30
    assert_nothing_is_cut(figure)


def test_confusion_refuses_what_does_not_fit():
    with pytest.raises(tg.errors.ShapeError, match="1 predictions and 2 true"):
        confusion([0], [0, 1])
    with pytest.raises(tg.errors.RangeError, match="class 2 occurs"):
        confusion([2], [0], labels=["a", "b"])
    with pytest.raises(tg.errors.DTypeError, match="integers from 0"):
        confusion([0.5], [0])


@pytest.mark.parametrize("shape", [(4, 6, 6), (4, 1, 6, 6), (4, 36), (4, 3, 6, 6), (4, 6, 6, 3)])
def test_images_of_every_layout_in_a_grid(shape):
    figure = images(np.arange(np.prod(shape)).reshape(shape), [0, 1, 2, 3], columns=3)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 4 and len(figure.axes) == 6
    assert shown[0].images[0].get_array().shape[:2] == (6, 6)
    assert [axes.get_title() for axes in shown] == ["0", "1", "2", "3"]


def test_wrong_images_are_marked_by_words_and_a_thick_frame():
    pixels = tg.random.rand(3, 5, 5)
    figure = images(pixels, tg.tensor([0, 1, 2]), predicted=tg.tensor([0, 2, 2]))
    titles = [axes.get_title() for axes in figure.axes]
    frames = [axes.spines["left"].get_linewidth() for axes in figure.axes]
    assert titles == ["0", "✗ 2, not 1", "2"]
    assert frames[1] > 2 * frames[0] == 2 * frames[2]
    assert "3 images, 1 of them wrong" in words(figure)


def test_images_stop_at_the_limit_and_make_room_for_long_names():
    names = ["Ankle boot", "T-shirt/top"]
    figure = images(np.zeros((9, 4, 4)), [0] * 9, [1] * 9, classes=names, columns=2, limit=4)
    assert len(figure.axes) == 4
    assert "4 of 9 images, 4 of them wrong" in words(figure)
    assert figure.axes[0].get_title() == "✗ T-shirt/top\nnot Ankle boot"
    assert_nothing_is_cut(figure)
    boxes = [axes.title.get_window_extent() for axes in figure.axes[:2]]
    assert boxes[0].x1 <= boxes[1].x0


def test_images_refuse_what_does_not_fit():
    with pytest.raises(tg.errors.ShapeError, match="holds no images"):
        images(np.zeros((3, 7)))
    with pytest.raises(tg.errors.ShapeError, match="2 entries for 3 images"):
        images(np.zeros((3, 4, 4)), [0, 1])
    with pytest.raises(tg.errors.RangeError, match="class 1 occurs"):
        images(np.zeros((2, 4, 4)), [0, 1], classes=["only"])
    with pytest.raises(tg.errors.OptionError, match="limit"):
        images(np.zeros((2, 4, 4)), limit=0)


# -- layers --------------------------------------------------------------------------------------------


def step(model, x) -> None:
    model.zero_grad()
    (model(x) ** 2).mean().backward()


def test_a_recorder_hears_outputs_and_gradients_of_each_step():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = tg.random.randn(8, 3)
    with LayerRecorder(model) as recorder:
        step(model, x)
        step(model, x)
        with tg.no_grad():
            model(x)
    step(model, x)  # after the end: not heard
    assert recorder.numbers == [1, 2]
    heard = recorder.activations("std")
    assert list(heard) == ["0 Linear", "1 Tanh", "2 Linear"]
    np.testing.assert_allclose(heard["0 Linear"], [model[0](x).numpy().std()] * 2, rtol=1e-5)
    np.testing.assert_allclose(
        recorder.activations("mean")["1 Tanh"][0], model[1](model[0](x)).numpy().mean(), rtol=1e-4
    )
    norms = recorder.gradients("norm")
    assert list(norms) == ["0 Linear", "2 Linear"]
    own = np.concatenate([p.grad.numpy().ravel() for p in model[0].parameters()])
    np.testing.assert_allclose(norms["0 Linear"], [np.linalg.norm(own)] * 2, rtol=1e-5)
    np.testing.assert_allclose(recorder.gradients("rms")["0 Linear"], np.sqrt((own**2).mean()), rtol=1e-5)
    np.testing.assert_allclose(recorder.gradients("std")["0 Linear"], own.std(), rtol=1e-5)


def test_a_recorder_changes_no_gradient_and_keeps_no_graph():
    model = nn.Sequential(nn.Linear(3, 2))
    x = tg.random.randn(4, 3)
    step(model, x)
    plain = [p.grad.numpy() for p in model.parameters()]
    with LayerRecorder(model) as recorder:
        step(model, x)
    for p, expected in zip(model.parameters(), plain, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), expected)
    assert all(not m.mean.requires_grad for layer in recorder.forward[0].values() for m in layer)


def test_every_nth_step_frozen_layers_and_missing_gradients():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    with LayerRecorder(model, every=2) as recorder:
        for _ in range(4):
            step(model, tg.ones((1, 2)))
        model(tg.ones((1, 2)))  # no backward
    assert recorder.numbers == [1, 3, 5]
    norms = recorder.gradients()
    assert list(norms) == ["1 Linear"]
    assert np.isfinite(norms["1 Linear"][:2]).all() and np.isnan(norms["1 Linear"][2])
    figure = gradients(recorder)
    assert "none" in words(figure)


def test_the_smallest_gradients_do_not_vanish_in_the_recording():
    model = nn.Linear(2, 1, bias=False)
    with LayerRecorder(model) as recorder:
        (model(tg.tensor([[3.0, -4.0]])) * 1e-30).sum().backward()
    np.testing.assert_allclose(recorder.gradients()["Linear"], [5e-30], rtol=1e-6)


@pytest.mark.parametrize("kind", ["heat", "lines"])
@pytest.mark.parametrize("statistic", ["norm", "mean", "std", "rms"])
@pytest.mark.parametrize("draw", [activations, gradients])
def test_layers_over_steps_as_heat_or_lines(draw, statistic, kind):
    model = nn.Sequential(*[nn.Linear(4, 4) if i % 2 == 0 else nn.Sigmoid() for i in range(5)])
    with LayerRecorder(model) as recorder:
        for _ in range(3):
            step(model, tg.random.randn(4, 4))
    figure = draw(recorder, statistic, kind)
    axes = figure.axes[0]
    expected = getattr(recorder, draw.__name__)(statistic)
    if kind == "heat":
        assert [tick.get_text() for tick in axes.get_yticklabels()] == list(expected)
        np.testing.assert_allclose(axes.images[0].get_array(), np.stack(list(expected.values())))
        assert isinstance(axes.images[0].norm, LogNorm) == (statistic != "mean")
    else:
        assert [drawn.get_label() for drawn in axes.lines] == list(expected)
        np.testing.assert_allclose(line(axes, "0 Linear")[:, 0], [1, 2, 3])
        assert axes.get_yscale() == ("linear" if statistic == "mean" else "log")
    assert axes.get_xlabel() == "step"
    assert_nothing_is_cut(figure)


@pytest.mark.parametrize("kind", ["heat", "lines"])
def test_sixty_layers_stay_readable(kind):
    model = nn.Sequential(*[nn.Linear(2, 2) if i % 2 == 0 else nn.Sigmoid() for i in range(61)])
    with LayerRecorder(model) as recorder:
        for _ in range(2):
            step(model, tg.random.randn(2, 2))
    figure = activations(recorder, "std", kind)
    assert figure.get_size_inches()[1] < 11
    assert {"0 Linear", "60 Linear"} <= set(words(figure))
    assert_nothing_is_cut(figure)
    for axes in figure.axes:
        boxes = [tick.get_window_extent() for tick in axes.get_yticklabels() if tick.get_text()]
        boxes = sorted((box for box in boxes if box.height), key=lambda box: box.y0)
        assert all(upper.y0 > lower.y1 - 2 for lower, upper in itertools.pairwise(boxes))


def test_layers_refuse_an_empty_recording_and_unknown_words():
    model = nn.Linear(2, 1)
    with LayerRecorder(model) as recorder:
        with pytest.raises(tg.errors.OptionError, match="nothing was recorded"):
            gradients(recorder)
        step(model, tg.ones((1, 2)))
    with pytest.raises(tg.errors.OptionError, match="'median'"):
        activations(recorder, "median")
    with pytest.raises(tg.errors.OptionError, match="'pie'"):
        activations(recorder, kind="pie")
    for draw, name in ((activations, "activations"), (gradients, "gradients")):
        with pytest.raises(tg.errors.DTypeError, match=rf"viz.{name} draws what a viz.LayerRecorder.*not Sequential"):
            draw(nn.Sequential())
    with pytest.raises(tg.errors.DTypeError, match="listens to a module, and not to list"):
        LayerRecorder([])
    with pytest.raises(tg.errors.OptionError, match="every=0"):
        LayerRecorder(model, every=0)


# -- all of them ---------------------------------------------------------------------------------------


def test_pictures_are_the_same_whatever_the_users_settings_and_leave_them():
    with matplotlib.rc_context({"font.size": 31, "lines.linewidth": 9}):
        figure = curves(HISTORY)
        assert matplotlib.rcParams["font.size"] == 31
    assert figure.axes[0].lines[0].get_linewidth() < 3
    assert figure.axes[0].xaxis.label.get_size() < 15


def test_a_picture_shows_itself_in_a_notebook_and_writes_files(tmp_path):
    figure = curves(HISTORY)
    assert figure._repr_png_().startswith(b"\x89PNG")
    for kind in ("png", "svg", "pdf"):
        figure.savefig(tmp_path / f"curves.{kind}")
        assert (tmp_path / f"curves.{kind}").stat().st_size > 1000


def python(code: str, **env: str) -> str:
    """What a process of its own prints."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **env}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_viz_offers_all_of_them_and_imports_matplotlib_only_then():
    for name in viz.training.__all__:
        assert getattr(viz, name) is getattr(viz.training, name)
        assert name in dir(viz)
    assert python("import sys, viz; print('matplotlib' in sys.modules)") == "False"


def test_a_missing_matplotlib_is_named_with_what_to_do():
    said = python(
        "import sys, viz; sys.modules['matplotlib'] = None\n"
        "try: viz.curves({'loss': [1.0]})\n"
        "except ImportError as error: print(error.name, error)"
    )
    assert said.startswith("matplotlib ") and "pip install 'tinygrad_ml[viz]'" in said


def test_no_display_and_no_pyplot():
    code = "import sys, viz; viz.curves({'loss': [1.0]}).canvas.draw(); print('matplotlib.pyplot' in sys.modules)"
    assert python(code, DISPLAY="") == "False"


# -- inside of networks --------------------------------------------------------------------------------


def shown(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


@pytest.fixture
def convnet():
    tg.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 16, 4))


def test_filters_are_the_weights_on_one_scale_around_0(convnet):
    figure = viz.filters(convnet[0], columns=4)
    weights = convnet[0].weight.numpy().reshape(6, 3, 3)
    for axes, weight in zip(figure.axes, weights, strict=False):
        np.testing.assert_array_equal(shown(axes), weight)
        low, high = axes.images[0].get_clim()
        assert -low == high == abs(weights).max()
    assert {"0, 1", "2, 0", "6 (filter, channel)"} <= set(words(figure))
    assert_nothing_is_cut(figure)
    assert "2 of 6 (filter, channel)" in words(viz.filters(convnet[0].weight, limit=2))


def test_filters_of_three_channels_are_in_colour():
    figure = viz.filters(np.random.default_rng(0).standard_normal((2, 3, 4, 5)))
    assert [shown(axes).shape for axes in figure.axes] == [(4, 5, 3)] * 2
    assert shown(figure.axes[0]).min() == 0 and shown(figure.axes[0]).max() == 1


def test_feature_maps_are_what_each_layer_puts_out(convnet):
    image = np.random.default_rng(0).random((2, 6, 6), "float32")
    figure = viz.feature_maps(convnet, image, limit=2)
    assert "1 ReLU\n2 of 3 of 4 × 4" in "".join(words(figure))
    with tg.no_grad():
        maps = convnet[1](convnet[0](tg.tensor(image[None]))).numpy()[0]
    np.testing.assert_allclose(shown(figure.axes[4]), maps[0], 1e-6)
    assert not convnet[0]._hooks and convnet[0].weight.grad is None
    assert_nothing_is_cut(figure)


class Looks(nn.Module):
    def forward(self, x):
        return nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)


def test_attention_of_a_module_is_what_its_calls_weighed():
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 4)).astype("float32")
    figure = viz.attention(nn.Sequential(Looks(), Looks()), tg.tensor(x), tokens=["a", "b", "c"])
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["0 head 0", "0 head 1", "1 head 0", "1 head 1"]
    weights = np.exp(np.where(np.tri(3, dtype=bool), x[0, 1] @ x[0, 1].T / 2, -np.inf))
    np.testing.assert_allclose(shown(panels[1]), weights / weights.sum(1, keepdims=True), 1e-5)
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["a", "b", "c"]
    assert_nothing_is_cut(figure)


def test_a_decision_boundary_lies_where_the_model_changes_its_mind():
    points, labels = np.array([[-1, 0], [1, 0], [-1, 1], [2, 1]], "float32"), [0, 1, 0, 0]
    figure = viz.decision_boundary(lambda x: x[:, :1] * 9, points, labels, classes=["left", "right"], resolution=40)
    (axes,) = figure.axes
    assert axes.get_title("left") == "75.0% of 4 points are on their side"
    paint = shown(axes)
    assert (paint[:, 0] == paint[0, 0]).all() and (paint[:, 0] != paint[:, -1]).any()
    both = viz.decision_boundary(lambda x: tg.stack([x[:, 0] * 0, x[:, 0] * 9], -1), points, labels, resolution=40)
    np.testing.assert_allclose(
        shown(both.axes[0]), paint, atol=1e-6
    )  # two scores, of which the logit is the difference
    assert_nothing_is_cut(figure)


def test_networks_on_another_device_are_asked_there(convnet):
    assert strict.BACKEND
    convnet.to("strict")
    assert "1 ReLU" in "".join(words(viz.feature_maps(convnet, np.ones((2, 6, 6), "float32"))))
    points = tg.tensor([[-1.0, 0.0], [1.0, 0.0]]).to("strict")
    figure = viz.decision_boundary(nn.Linear(2, 2, device="strict"), points, [0, 1], resolution=5)
    assert figure.axes[0].get_title("left").endswith("of 2 points are on their side")


def test_histograms_show_how_far_a_step_moved_the_weights(convnet):
    before = convnet.state_dict()
    with tg.no_grad():
        convnet[3].weight.assign(convnet[3].weight * 1.5)
    figure = viz.histograms(convnet, before=before)
    assert {"0.weight", "3.bias", "5.0e-01", "0.0e+00"} <= set(words(figure))
    assert_nothing_is_cut(figure)
    deep = nn.Sequential(*[nn.Linear(2, 2) for _ in range(70)])
    assert "130 of 140 parameters" in words(viz.histograms(deep))


@pytest.mark.parametrize(
    ("draw", "error", "said"),
    [
        (lambda: viz.filters(np.ones((3, 3))), tg.errors.ShapeError, r"\(out_channels, in_channels, height, width\)"),
        (lambda: viz.filters(nn.ReLU()), tg.errors.DTypeError, "ReLU has no weight"),
        (lambda: viz.feature_maps(nn.Flatten(), np.ones((1, 4, 4))), tg.errors.ShapeError, "no layer of Flatten"),
        (
            lambda: viz.attention(nn.ReLU(), tg.ones(3)),
            tg.errors.OptionError,
            "ReLU calls no attention",
        ),
        (lambda: viz.attention(Looks()), tg.errors.OptionError, "give its inputs= too"),
        (lambda: viz.attention(np.eye(3), tokens=["a"]), tg.errors.ShapeError, "tokens has 1 words"),
        (lambda: viz.decision_boundary(nn.ReLU(), np.ones((4, 3)), [0] * 4), tg.errors.ShapeError, r"points \(N, 2\)"),
        (
            lambda: viz.decision_boundary(lambda x: x[:1], np.ones((4, 2)), [0] * 4),
            tg.errors.ShapeError,
            "62504 points",
        ),
        (lambda: viz.histograms(nn.ReLU()), tg.errors.OptionError, "no parameters"),
        (lambda: viz.histograms(nn.Linear(1, 1), before={}), tg.errors.ShapeError, "has no 'weight'"),
    ],
)
def test_pictures_of_networks_say_what_they_take(draw, error, said):
    with pytest.raises(error, match=said):
        draw()


# -- many layers, many classes ---------------------------------------------------------------------------


def test_mistakes_among_a_hundred_long_names_are_told_in_lines_that_fit():
    true = np.arange(100).repeat(3)
    predicted = (true + (np.arange(300) % 3 == 0)) % 100
    figure = viz.confusion(predicted, true, [f"a class with the number {i}" for i in range(100)])
    assert_nothing_is_cut(figure)
    assert any("most often taken" in text and "\n" in text for text in words(figure))


def test_a_hundred_classes_are_named_in_their_regions_and_few_in_a_legend():
    points = np.random.default_rng(0).normal(size=(300, 2)).astype("float32")
    labels = np.arange(300) % 100
    model = nn.Linear(2, 100)
    figure = viz.decision_boundary(model, points, labels, resolution=40)
    (axes,) = figure.axes
    named = {text.get_text() for text in axes.texts}
    assert 1 < len(named) <= 100 and not figure.legends
    low, high = axes.get_xlim()
    assert all(low <= text.get_position()[0] <= high for text in axes.texts)
    few = viz.decision_boundary(nn.Linear(2, 3), points, labels % 3, resolution=10)
    assert few.legends and not few.axes[0].texts


def test_feature_maps_of_sixty_layers_stand_in_columns():
    layers = [nn.Conv2d(1, 1, 3, padding=1) for _ in range(60)]
    figure = viz.feature_maps(nn.Sequential(*layers), np.ones((1, 4, 4), "float32"), limit=2)
    wide, high = figure.get_size_inches()
    labels = [axes.get_ylabel().partition("\n")[0] for axes in figure.axes if axes.get_ylabel()]
    assert high < 2.5 * wide and labels == ["the image", *(f"{i} Conv2d" for i in range(60))]


@pytest.mark.parametrize(("positions", "brightest"), [(50, 0.02), (2, 1)])
def test_small_weights_of_attention_are_bright_enough_to_be_seen(positions, brightest):
    figure = viz.attention(np.full((positions, positions), 1 / positions))
    assert figure.axes[0].images[0].get_clim() == pytest.approx((0, brightest))
