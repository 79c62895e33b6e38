"""Machine code for other processors than this one: as wide as they have it, the same numbers to rounding, and refused where it cannot run."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tinygrad_ml.machine.processors import X86_LEVELS, chosen

native = pytest.importorskip("tinygrad_ml.machine.llvm.native", reason="needs llvmlite: tinygrad_ml[fast]")
compiler = pytest.importorskip("tinygrad_ml.machine.llvm.compiler", reason="needs llvmlite: tinygrad_ml[fast]")
pytestmark = pytest.mark.host_only

STEP = """
import sys
import numpy as np
import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.machine.llvm import compiler

F, random = nn.functional, np.random.default_rng(0)

def drawn(*shape, scale=1.0):
    return tg.tensor(random.standard_normal(shape).astype("float32") * scale, requires_grad=True)

table, kernel, wide, narrow = drawn(50, 48), drawn(16, 3, 3, 3, scale=0.2), drawn(600, 144, scale=0.1), drawn(7, 144, scale=0.1)
weights = [table, kernel, wide, narrow]
optimizer = tg.optim.SGD(weights, lr=1e-2, momentum=0.9)

@tg.compile
def step(tokens, images, labels):
    optimizer.zero_grad()
    found = F.relu(F.conv2d(images, kernel, padding=1)).mean(axis=(2, 3))
    words = table[tokens].reshape(len(tokens), -1)
    x = F.gelu(words @ wide[:144].T + tg.tanh(found) @ wide[144:160]) @ wide[:144]
    scores = F.layer_norm(x, (144,)) @ narrow.T
    loss = F.cross_entropy(scores, labels) + (words @ wide.T).logsumexp(axis=-1).mean()
    loss.backward()
    optimizer.step()
    return loss, scores, scores.argmax(axis=-1)

tokens = tg.tensor(random.integers(0, 50, (20, 3)))
labels = tg.tensor(random.integers(0, 7, 20))
images = tg.tensor(random.standard_normal((20, 3, 9, 11)).astype("float32"))
for _ in range(3):
    results = step(tokens, images, labels)
np.savez(sys.argv[1], *[x.detach().numpy() for x in (*results, *weights)])
print(compiler.register_bytes())
"""


def trained(level: str, path) -> tuple[list[np.ndarray], int]:
    """What three steps leave, in a process that writes code for processors of a level; and the bytes of its vectors."""
    env = os.environ | {"TINYGRAD_ML_PROCESSOR": level}
    done = subprocess.run([sys.executable, "-c", STEP, str(path)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with np.load(path) as kept:
        return list(kept.values()), int(done.stdout)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return trained("", tmp_path_factory.mktemp("usual") / "found.npz")[0]


@pytest.mark.parametrize(("level", "wide"), [("x86-64-v3", 32), ("x86-64-v4", 64)])
def test_a_step_is_the_same_to_rounding(level, wide, usual, tmp_path):
    if X86_LEVELS[level] - compiler.features():
        pytest.skip("not on this processor")
    found, register = trained(level, tmp_path / "found.npz")
    assert register == wide
    for one, other in zip(found, usual, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4)


def test_what_is_no_level_is_refused(monkeypatch):
    monkeypatch.setenv("TINYGRAD_ML_PROCESSOR", "haswell")
    with pytest.raises(ValueError, match="is one of x86-64, .* not 'haswell'"):
        chosen(X86_LEVELS["x86-64-v4"])


def test_what_this_processor_cannot_do_is_refused(monkeypatch):
    monkeypatch.setenv("TINYGRAD_ML_PROCESSOR", "x86-64-v4")
    assert chosen(X86_LEVELS["x86-64-v4"] | {"sha"}) == "x86-64-v4"
    with pytest.raises(ValueError, match="does not have avx512bw, avx512cd, .*Unset it"):
        chosen(X86_LEVELS["x86-64-v3"])
    monkeypatch.delenv("TINYGRAD_ML_PROCESSOR")
    assert chosen(frozenset()) == ""


def test_code_of_another_level_has_another_name(monkeypatch):
    """So a folder that machines share has all of it."""
    names = set()
    for level in ("x86-64", "x86-64-v2"):
        monkeypatch.setattr(native, "processor", lambda level=level: level)
        native._surroundings.cache_clear()
        names.add(native._fingerprint(test_code_of_another_level_has_another_name, ()))
    native._surroundings.cache_clear()
    assert len(names) == 2


def test_code_of_a_writer_that_has_changed_has_another_name(tmp_path):
    """A writer is not in the room of machine code: products' are in `compile/`."""
    text, kept, names = "def write(module):\n    pass\n", {}, set()
    path = tmp_path / "writer.py"
    exec(compile(text, path, "exec"), kept)
    for more in ("", "# and more\n"):
        path.write_text(text + more)
        for known in (native._surroundings, native._digest_of_files):
            known.cache_clear()
        names.add(native._fingerprint(kept["write"], ()))
    assert len(names) == 2
