"""Files that torch.save and safetensors of PyTorch really wrote, read by tg.load."""

import pytest
import torch
from safetensors.torch import save_file

import tinygrad_ml as tg
from tinygrad_ml import nn, optim


def network(nn):
    return nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))


def test_a_training_goes_on_here(tmp_path):
    theirs, ours = network(torch.nn), network(nn)
    updates = torch.optim.Adam(theirs.parameters(), lr=0.01)
    x, y = torch.randn(8, 1, 4, 4), torch.arange(8) % 2

    def step():
        updates.zero_grad()
        torch.nn.functional.cross_entropy(theirs(x), y).backward()
        updates.step()

    step()
    torch.save({"model": theirs.state_dict(), "optimizer": updates.state_dict(), "epoch": 1}, tmp_path / "run.pt")
    step()
    state = tg.load(tmp_path / "run.pt")
    ours.load_state_dict(state["model"])
    own = optim.Adam(ours.parameters(), lr=0.01)
    own.load_state_dict(state["optimizer"])
    nn.functional.cross_entropy(ours(tg.tensor(x.numpy())), tg.tensor(y.numpy())).backward()
    own.step()
    assert state["epoch"] == 1
    for (name, p), q in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        assert abs(p.detach().numpy() - q.numpy()).max() < 1e-4, name


DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_of_each_type(tmp_path, dtype):
    whole = torch.randint(0, 2, (3, 4)).to(getattr(torch, dtype))
    state = {"whole": whole, "turned": whole.T, "part": whole[1:, ::2], "tied": whole}
    torch.save(state, tmp_path / "state.pt")
    save_file({name: t.clone().contiguous() for name, t in state.items()}, tmp_path / "state.safetensors")
    for file in ("state.pt", "state.safetensors"):
        read = tg.load(tmp_path / file)
        for name, t in state.items():
            wanted = t.float() if dtype == "bfloat16" else t
            assert read[name].dtype == str(wanted.dtype).removeprefix("torch.")
            assert (read[name].numpy() == wanted.numpy()).all(), (file, name)
    read = tg.load(tmp_path / "state.pt")
    assert read["tied"] is read["whole"]


def test_parameters_sizes_devices_and_what_is_left_out(tmp_path):
    weight = torch.nn.Parameter(torch.ones(2))
    torch.save({"w": weight, "size": weight.shape, "device": weight.device, "lr": 0.1}, tmp_path / "state.pt")
    read = tg.load(tmp_path / "state.pt")
    assert read["w"].tolist() == [1, 1] and not read["w"].requires_grad
    assert (read["size"], read["device"], read["lr"]) == ((2,), "cpu", 0.1)


def test_whole_modules_and_the_format_before_1_6_are_refused(tmp_path):
    torch.save(network(torch.nn), tmp_path / "module.pt")
    with pytest.raises(tg.errors.CheckpointError, match=r"names torch\.nn\.modules\.container\.Sequential"):
        tg.load(tmp_path / "module.pt")
    torch.save({"a": torch.ones(1)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(tg.errors.CheckpointError, match="PyTorch 1.6 or newer"):
        tg.load(tmp_path / "old.pt")
