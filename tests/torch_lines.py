"""Lines of PyTorch's as its users type them, and the loop that believes what errors say until a line runs.

`LINES` are the lines, in groups; `names(library)` what stands in them, `corrected(line, names)` the line with PyTorch's
names replaced by ours, as the errors tell it.
"""

import ast
import contextlib
import functools
import itertools
import linecache

import numpy as np

from tinygrad_ml.errors import SpellingError

COUNT = itertools.count()
ROUNDS = 9
"""So many mistakes may a line have."""

LINES = {
    "shapes": """
        x.size(0)
        x.size(-1)
        x.size()
        torch.Size
        x.dim()
        x.ndimension()
        x.numel()
        x.nelement()
        torch.numel(x)
        len(x)
        x.shape[0]
        x.view(-1)
        x.view(2, 6)
        x.view((6, 2))
        x.view(x.size(0), -1)
        x.view_as(x)
        x.reshape(4, -1)
        x.reshape((2, 6))
        torch.reshape(x, (2, 6))
        x.reshape_as(y)
        x.flatten()
        torch.flatten(B, 1)
        x.flatten(start_dim=0)
        x.ravel()
        torch.ravel(x)
        x.unsqueeze(0)
        x.unsqueeze(-1)
        x.unsqueeze(dim=1)
        torch.unsqueeze(x, 1)
        x.unsqueeze(0).squeeze(0)
        x.unsqueeze(0).squeeze(dim=0)
        torch.squeeze(x.unsqueeze(0))
        x.t()
        x.T
        B.mT
        torch.t(x)
        x.transpose(0, 1)
        B.transpose(1, 2)
        B.transpose(-2, -1)
        torch.transpose(x, 0, 1)
        x.swapaxes(0, 1)
        x.swapdims(0, 1)
        B.permute(2, 0, 1)
        B.permute((2, 0, 1))
        torch.permute(B, (2, 0, 1))
        B.movedim(0, 2)
        torch.movedim(B, 0, 2)
        x.expand(2, 3, 4)
        x.unsqueeze(1).expand(-1, 5, -1)
        x.unsqueeze(1).expand(3, 5, 4)
        x.expand_as(x)
        x.repeat(2, 1)
        x.repeat(2, 1, 1)
        x.repeat_interleave(2, dim=0)
        torch.repeat_interleave(x, 2, dim=1)
        x.tile(2, 1)
        torch.tile(x, (2, 1))
        x.contiguous()
        x.contiguous().view(-1)
        x.is_contiguous()
        x.unflatten(1, (2, 2))
        x.chunk(2, dim=1)
        torch.chunk(x, 2, dim=1)
        x.chunk(3)
        x.split(2, dim=1)
        x.split(2)
        torch.split(x, 2, dim=1)
        torch.split(x, [1, 3], dim=1)
        x.split([1, 2])
        x.unbind(0)
        x.unbind()
        torch.unbind(x, dim=1)
        x.flip(0)
        x.flip(0, 1)
        x.flip([0])
        torch.flip(x, dims=[1])
        torch.flip(x, [0, 1])
        x.fliplr()
        x.flipud()
        x.roll(1, 0)
        torch.roll(x, 1, dims=0)
        torch.roll(x, shifts=1, dims=1)
        x.narrow(1, 1, 2)
        x.select(1, 2)
        x.diagonal()
        sq.diag()
        torch.diag(sq)
        v.diag_embed()
        sq.trace()
        torch.trace(sq)
        sq.tril()
        torch.tril(sq, diagonal=-1)
        sq.triu(diagonal=1)
    """,
    "joining": """
        torch.cat([x, y])
        torch.cat([x, y], dim=1)
        torch.cat([x, y], 1)
        torch.cat((x, y), dim=-1)
        torch.concat([x, y], dim=1)
        torch.concatenate([x, y], dim=0)
        torch.stack([x, y])
        torch.stack([x, y], dim=1)
        torch.stack([x, y], 2)
        torch.hstack([x, y])
        torch.vstack([x, y])
        torch.meshgrid(v, s, indexing="ij")
        torch.broadcast_tensors(x, v)
        torch.tril_indices(3, 3)[0]
    """,
    "reductions": """
        x.sum()
        x.sum(0)
        x.sum(1)
        x.sum(dim=1)
        x.sum(-1, keepdim=True)
        x.sum(dim=(0, 1))
        torch.sum(x)
        torch.sum(x, dim=0)
        torch.sum(x, 1, keepdim=True)
        x.mean()
        x.mean(dim=0)
        x.mean(0, keepdim=True)
        torch.mean(x, dim=1)
        torch.mean(x, dim=1, keepdim=True)
        x.prod(1)
        x.prod(dim=1)
        torch.prod(x, dim=0)
        x.max()
        x.max(1)
        x.max(1)[0]
        x.max(1)[1]
        x.max(dim=1)
        x.max(dim=1)[0]
        x.max(0, keepdim=True)[0]
        x.max(dim=1, keepdim=True)[1]
        torch.max(x)
        torch.max(x, 1)
        torch.max(x, 1)[1]
        torch.max(x, dim=1)[1]
        torch.max(x, y)
        x.min(0)[0]
        x.min(dim=0)
        torch.min(x, 0)
        torch.min(x, y)
        x.amax(dim=1)
        x.amin(1, keepdim=True)
        torch.amax(x, dim=(0, 1))
        x.aminmax()
        x.argmax()
        x.argmax(1)
        x.argmax(dim=1)
        x.argmax(dim=1, keepdim=True)
        torch.argmax(x, dim=1)
        x.argmin(dim=0)
        x.std(0)
        x.std(dim=1)
        x.std(unbiased=False)
        x.std(dim=1, unbiased=False)
        x.std(1, keepdim=True)
        x.std(dim=0, correction=0)
        torch.std(x, dim=1)
        x.var(dim=1)
        x.var(0)
        x.var(dim=0, unbiased=False)
        torch.var(x, 1, unbiased=False)
        torch.var_mean(x, dim=1)
        x.norm()
        x.norm(dim=1)
        x.norm(p=1, dim=1)
        x.norm(2, 1)
        x.norm(p=2, dim=1, keepdim=True)
        torch.norm(x)
        torch.norm(x, dim=1)
        torch.norm(x, p=1)
        x.any(dim=1)
        x.all(dim=0)
        (x > 0).any()
        (x > 0).all(dim=1)
        torch.any(x > 0)
        x.logsumexp(dim=1)
        torch.logsumexp(x, dim=1)
        torch.logsumexp(x, 1, keepdim=True)
        x.softmax(dim=1)
        x.softmax(-1)
        torch.softmax(x, dim=1)
        x.log_softmax(dim=-1)
        torch.log_softmax(x, 1)
        x.cumsum(0)
        x.cumsum(dim=1)
        torch.cumsum(x, dim=0)
        x.cumprod(dim=1)
        torch.cumprod(x, 1)
        x.logcumsumexp(dim=1)
        x.diff(dim=0)
        s.median()
        x.median(dim=1)
        x.median(1)[0]
        x.kthvalue(2, dim=1)
        x.quantile(0.5)
        x.count_nonzero()
        torch.count_nonzero(x, dim=1)
        torch.dist(x, y)
        x.nansum()
        n.flatten().bincount()
        torch.cov(x)
    """,
    "elementwise": """
        x.add(y)
        x.add(y, alpha=2)
        torch.add(x, y)
        torch.add(x, y, alpha=10)
        torch.add(x, 1)
        torch.add(input=x, other=y)
        x.sub(y)
        x.sub(y, alpha=2)
        torch.sub(x, y)
        x.mul(y)
        torch.mul(x, 2)
        x.div(2)
        torch.div(x, y)
        torch.div(x, y, rounding_mode="floor")
        torch.true_divide(x, y)
        x.neg()
        torch.neg(x)
        x.pow(2)
        torch.pow(x, 2)
        torch.pow(x, exponent=2)
        x.abs().sqrt()
        x.abs().rsqrt()
        torch.rsqrt(x.abs())
        x.absolute()
        torch.exp(x)
        torch.exp(input=x)
        x.exp2()
        torch.sigmoid(x)
        x.sigmoid()
        torch.tanh(x)
        torch.relu(x)
        x.relu()
        x.clamp(min=0)
        x.clamp(0)
        x.clamp(0, 1)
        x.clamp(max=1)
        x.clamp_min(0)
        torch.clamp(x, min=0)
        torch.clamp(x, 0, 1)
        torch.clip(x, 0, 1)
        x.lerp(y, 0.3)
        torch.lerp(x, y, 0.3)
        torch.addcmul(x, y, y, value=0.5)
        torch.addcdiv(x, y, y.exp(), value=0.5)
        x.erfc()
        x.frac()
        x.fix()
        x.sgn()
        torch.sign(x)
        torch.fmod(x, 0.7)
        torch.remainder(x, 0.7)
        x.sigmoid().logit()
        torch.maximum(x, y)
        torch.minimum(x, y)
        torch.atan2(x, y)
        torch.arctan2(x, y)
        torch.arcsin(x.tanh())
        torch.round(x, decimals=1)
        torch.logaddexp(x, y)
        torch.deg2rad(x)
        torch.square(x)
        torch.where(x > 0, x, y)
        torch.where(x > 0, x, 0.0)
        x.where(x > 0, y)
        x.masked_fill(m, 0)
        x.masked_fill(m, float("-inf"))
        torch.masked_fill(x, m, 0)
        x.masked_select(m)
        torch.masked_select(x, m)
        x[m]
        x.eq(y)
        x.ne(y)
        x.gt(0)
        x.ge(0)
        x.lt(0)
        x.le(y)
        torch.eq(x, y)
        torch.gt(x, 0)
        x.eq(y).sum()
        torch.allclose(x, x)
        x.allclose(y)
        torch.isclose(x, y)
        torch.isnan(x)
        torch.isinf(x)
        torch.logical_not(m)
        torch.bitwise_not(m)
        x.heaviside(torch.tensor(0.5))
        torch.nan_to_num(x)
    """,
    "places": """
        x.sort(1)
        x.sort(1)[0]
        x.sort(dim=1, descending=True)
        x.sort(0, descending=True)[1]
        torch.sort(x, dim=0)
        x.argsort(dim=1)
        x.argsort(1, descending=True)
        torch.argsort(x, dim=0)
        x.topk(2)
        x.topk(2, dim=0)
        x.topk(2, 1).indices
        torch.topk(x, 2, dim=1)
        torch.topk(x, k=2, dim=1, largest=False).values
        s.unique()
        torch.unique(n)
        m.nonzero(as_tuple=True)
        torch.nonzero(m, as_tuple=True)
        m.argwhere()
        torch.where(m)
        x.gather(0, idx)
        x.gather(dim=0, index=idx)
        torch.gather(x, 0, idx)
        torch.take_along_dim(x, idx, dim=0)
        x.index_select(0, ids)
        x.index_select(dim=0, index=ids)
        torch.index_select(x, 0, ids)
        x.index_add(0, ids, x[ids])
        x.index_add(dim=0, index=ids, source=x[ids])
        x.take(ids)
        x.scatter(0, idx, y)
        x.scatter(dim=0, index=idx, src=y)
        torch.scatter(x, 0, idx, y)
        x.scatter(1, idx, 0.5)
        x.scatter_add(0, idx, y)
        torch.zeros(3, 4).scatter_add(0, idx, y)
        x.scatter_reduce(0, idx, y, reduce="sum")
        torch.searchsorted(s.sort(dim=0)[0], v)
        torch.searchsorted(s.sort(dim=0)[0], v, right=True)
        torch.bucketize(v, s.sort(dim=0)[0])
        torch.isin(n, ids)
        x[:, None].shape
        x[..., 0]
        x[0, 0].item()
    """,
    "matrices": """
        x.mm(b)
        torch.mm(x, b)
        torch.matmul(x, b)
        x @ b
        B.bmm(C)
        torch.bmm(B, C)
        x.mv(v)
        v.dot(v)
        torch.dot(v, v)
        v.outer(s)
        torch.outer(v, s)
        torch.ger(v, s)
        torch.inner(v, v)
        torch.addmm(torch.zeros(3, 2), x, b)
        torch.addmm(torch.ones(3, 2), x, b, beta=2, alpha=3)
        torch.baddbmm(torch.zeros(2, 3, 3), B, C)
        torch.einsum("ij,jk->ik", x, b)
        torch.tensordot(x, b, dims=1)
        torch.tensordot(x, b, dims=([1], [0]))
        torch.cdist(x, y)
        torch.kron(sq, sq)
        sq.det()
        torch.det(sq)
        sq.logdet()
        sq.inverse()
        torch.inverse(sq)
        torch.linalg.inv(sq)
        torch.linalg.norm(x)
        torch.linalg.norm(x, dim=1)
        torch.linalg.vector_norm(x, dim=1)
        torch.linalg.vector_norm(x, ord=1, dim=1, keepdim=True)
        torch.linalg.solve(sq, sq)
        torch.linalg.multi_dot([x, b])
        torch.linalg.cross(sq, sq + 1, dim=1)
        sq.matrix_power(3)
        torch.linalg.eigvalsh(sq)
        torch.linalg.cholesky(sq)
    """,
    "making": """
        torch.tensor([1.0, 2.0])
        torch.tensor([[1, 2], [3, 4]])
        torch.tensor([1, 2], dtype=torch.float)
        torch.tensor([1, 2], dtype=torch.float32)
        torch.tensor([1, 2], dtype=torch.double)
        torch.Tensor([1, 2])
        torch.FloatTensor([1, 2])
        torch.LongTensor([1, 2])
        torch.from_numpy(array)
        torch.as_tensor(array)
        torch.zeros(2, 3)
        torch.zeros((2, 3))
        torch.zeros(size=(2, 3))
        torch.zeros(2, 3, dtype=torch.long)
        torch.ones(2, 3)
        torch.full((2, 3), 7.0)
        torch.eye(3)
        torch.arange(5)
        torch.arange(1, 5)
        torch.arange(0, 10, 2)
        torch.arange(0, 1, 0.25)
        torch.arange(5, dtype=torch.float)
        torch.arange(start=1, end=5)
        torch.linspace(0, 1, 5)
        torch.linspace(0, 1, steps=5)
        torch.logspace(0, 2, 3)
        torch.zeros_like(x)
        torch.ones_like(x)
        torch.full_like(x, 3.0)
        x.new_zeros(2, 3)
        x.new_tensor([1.0, 2.0])
        x.new_full((2,), 1.0)
        torch.randn(2, 3).shape
        torch.rand(2, 3).shape
        torch.rand(2, 3, device="cpu").shape
        torch.randint(0, 10, (3,)).shape
        torch.randint(10, (3, 2)).shape
        torch.randn_like(x).shape
        torch.rand_like(x).shape
        torch.randperm(5).shape
        torch.normal(0.0, 1.0, (2, 3)).shape
        torch.bernoulli(x.sigmoid()).shape
        torch.empty(2, 3).shape
        x.clone()
        torch.clone(x)
        x.detach()
        x.detach().clone()
        x.data.shape
        x.type(torch.float64)
        x.float()
        x.double()
        x.half()
        x.long()
        x.int()
        x.bool()
        m.float()
        m.long().sum()
        x.type_as(y)
        x.to("cpu")
        x.to("cpu", non_blocking=True)
        x.cpu()
        x.cpu().numpy()
        x.detach().cpu().numpy()
        x.numpy()
        x.tolist()
        x.is_cuda
        x.is_floating_point()
        torch.is_tensor(x)
        torch.cuda.is_available()
        x.element_size()
    """,
    "in place": """
        z = x.clone(); z.add_(y); z
        z = x.clone(); z.add_(y, alpha=2); z
        z = x.clone(); z.sub_(1); z
        z = x.clone(); z.mul_(2); z
        z = x.clone(); z.div_(2); z
        z = x.detach().clone(); z.zero_(); z
        z = x.detach().clone(); z.fill_(3); z
        z = x.detach().clone(); z.copy_(y); z
        z = x.detach().clone(); z.clamp_(0, 1); z
        z = x.clone(); z.masked_fill_(m, 0); z
        z = x.clone(); z[0] = 0; z
        z = x.clone(); z += 1; z
        z = torch.zeros(3, requires_grad=True); z.requires_grad
        z = torch.zeros(3); z.requires_grad_(); z.requires_grad
        z = torch.zeros(3, 4); z.scatter_(0, idx, y); z
        z = torch.zeros(3, 4); z.scatter_(1, idx, 1.0); z
        z = torch.zeros(3, 4); z.index_add_(0, ids, y[ids]); z
        z = torch.tensor([1.0, 2.0], requires_grad=True); (z * z).sum().backward(); z.grad
        z = torch.tensor([1.0, 2.0], requires_grad=True); torch.autograd.grad((z * z).sum(), z)[0]
    """,
    "networks": """
        F.relu(x)
        F.relu(x.clone(), inplace=True)
        F.relu(input=x)
        F.leaky_relu(x, 0.1)
        F.softmax(x, dim=1)
        F.log_softmax(x, dim=-1)
        F.gelu(x)
        F.cross_entropy(lg, t)
        F.cross_entropy(lg, t, label_smoothing=0.1)
        F.cross_entropy(input=lg, target=t)
        F.nll_loss(F.log_softmax(lg, 1), t)
        F.mse_loss(x, y)
        F.mse_loss(x, y, reduction="sum")
        F.l1_loss(x, y)
        F.binary_cross_entropy_with_logits(x, m.float())
        F.one_hot(t, num_classes=5)
        F.one_hot(t, 5).float()
        F.pad(x, (1, 1))
        F.normalize(x, dim=1)
        F.cosine_similarity(x, y, dim=1)
        F.max_pool2d(im, 2)
        F.avg_pool2d(im, 2)
        F.adaptive_avg_pool2d(im, (1, 1))
        F.interpolate(im, scale_factor=2)
        F.upsample(im, scale_factor=2)
        F.unfold(im, 3)
        F.embedding(ids, x)
        F.layer_norm(x, (4,))
        nn.CrossEntropyLoss()(lg, t)
        nn.MSELoss()(x, y)
        nn.Softmax(dim=1)(x)
        nn.Flatten()(im).shape
        nn.Linear(4, 2)(x).shape
        nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True), nn.Linear(3, 2))(x).shape
        nn.Embedding(10, 3, sparse=True)(ids).shape
        nn.BatchNorm2d(3)(im).shape
        nn.LSTM(4, 5, batch_first=True)(B)[0].shape
        nn.Linear(4, 2).float()(x).shape
        nn.Linear(4, 2).cpu()(x).shape
        sum(p.numel() for p in nn.Linear(4, 2).parameters())
        len(list(nn.Linear(4, 2).named_parameters()))
        nn.Linear(4, 2).weight.data.shape
        nn.Linear(4, 2).weight.size(0)
        nn.init.xavier_uniform(torch.zeros(3, 4)).shape
        nn.init.constant_(torch.zeros(3), 2.0)
        torch.optim.Adam(nn.Linear(4, 2).parameters(), lr=1e-3, fused=False).param_groups[0]["lr"]
        torch.optim.SGD(nn.Linear(4, 2).parameters(), lr=0.1, momentum=0.9, foreach=True).param_groups[0]["momentum"]
    """,
}


def lines() -> list[str]:
    """All lines; those that stand twice, once."""
    return list(dict.fromkeys(line.strip() for group in LINES.values() for line in group.strip().splitlines()))


ARRAYS = {
    "x": np.random.default_rng(0).normal(size=(3, 4)).astype("float32"),
    "y": np.random.default_rng(1).normal(size=(3, 4)).astype("float32"),
    "v": np.random.default_rng(2).normal(size=4).astype("float32"),
    "s": np.random.default_rng(3).permutation(6).astype("float32") / 3,
    "b": np.random.default_rng(4).normal(size=(4, 2)).astype("float32"),
    "B": np.random.default_rng(5).normal(size=(2, 3, 4)).astype("float32"),
    "C": np.random.default_rng(6).normal(size=(2, 4, 3)).astype("float32"),
    "im": np.random.default_rng(7).normal(size=(2, 3, 8, 8)).astype("float32"),
    "lg": np.random.default_rng(8).normal(size=(3, 5)).astype("float32"),
    "sq": np.array([[2, 0.5, 0.1], [0.5, 3, 0.3], [0.1, 0.3, 1.5]], "float32"),
    "idx": np.array([[0, 1, 2, 0], [1, 2, 0, 1], [2, 0, 1, 2]]),
    "ids": np.array([2, 0]),
    "n": np.array([[1, 0, 2], [2, 1, 1]]),
    "t": np.array([1, 0, 4]),
    "m": np.array([[True, False, False, True], [False, True, False, False], [False, False, True, False]]),
}


def names(library) -> dict[str, object]:
    """What the lines speak of: tensors of the library, and its modules under PyTorch's names."""
    tensors = {name: library.tensor(array) for name, array in ARRAYS.items()}
    modules = {"functools": functools, "contextlib": contextlib, "numpy": np}
    return {**tensors, **modules, "array": ARRAYS["x"], "torch": library, "nn": library.nn, "F": library.nn.functional}


def value(line: str, names: dict[str, object]) -> object:
    """Of the last of the statements of a line."""
    file = f"<line {next(COUNT)}>"
    linecache.cache[file] = (len(line), None, [line], file)
    *before, last = ast.parse(line, file).body
    names = dict(names)
    exec(compile(ast.Module(before, []), file, "exec"), names)
    return eval(compile(ast.Expression(last.value), file, "eval"), names)


def corrected(line: str, names: dict[str, object]) -> str:
    """The line, after everything was done that the errors say: it runs."""
    for _ in range(ROUNDS):
        try:
            value(line, names)
        except SpellingError as error:
            if not error.line:
                raise
            assert error.typed and error.line in str(error)
            statement = any(sign in error.line for sign in (" = ", " += ", " -= ", " *= ", " /= "))
            line = line.replace(error.typed, error.line if statement else f"({error.line})", 1)
        else:
            return line
    raise AssertionError(f"still wrong after {ROUNDS} corrections: {line}")
