"""`python tests/compare/nn_numbers.py`: writes what PyTorch gives for each row of `nn_operations.py`, for the default run."""

import json
import sys
from pathlib import Path

import numpy as np
import torch

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from nn_operations import TABLE  # noqa: E402
from test_nn_operations import first, projections  # noqa: E402


def of_torch(operation) -> list[float]:
    x = [torch.tensor(np.ascontiguousarray(a), requires_grad=a.dtype.kind == "f") for a in operation.inputs]
    y = first(operation.torch(torch, *x))
    found = torch.autograd.grad((y * y).sum() * 0.5, [part for part in x if part.requires_grad])
    return projections(y.detach().numpy(), [g.numpy() for g in found])


if __name__ == "__main__":
    rows = [f"{json.dumps(operation.name)}: {json.dumps(of_torch(operation))}" for operation in TABLE]
    (TESTS / "nn_numbers.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
