"""What PyTorch's tensors can do by name, and what it is here. How the columns are read: `__init__.py`."""

METHODS = """
x.size(dim)                                        x.shape[dim]
x.size()                                           x.shape                                       without brackets, `x.size` is how many elements there are
x.dim()                                            x.ndim
x.ndimension()                                     x.ndim
x.numel()                                          x.size
x.nelement()                                       x.size
x.element_size()                                   x.dtype.itemsize
x.itemsize                                         x.dtype.itemsize
x.nbytes                                           x.size * x.dtype.itemsize
x.view(*shape)                                     x.reshape(*shape)
x.view_as(other)                                   x.reshape(other.shape)
x.reshape_as(other)                                x.reshape(other.shape)
x.unsqueeze(dim)                                   x.expand_dims(dim)
x.permute(*dims)                                   x.permute_dims((*dims,))
x.transpose(dim0, dim1)                            x.swapaxes(dim0, dim1)                        NumPy's x.transpose(axes) takes the order of all axes: x.permute_dims(axes)
x.swapdims(dim0, dim1)                             x.swapaxes(dim0, dim1)
x.swapaxes(axis0, axis1)                           x.swapaxes(axis0, axis1)
x.movedim(source, destination)                     x.moveaxis(source, destination)
x.t()                                              x.T
x.H                                                x.mT
x.mH                                               x.mT
x.adjoint()                                        x.mT
x.ravel()                                          x.flatten()
x.unflatten(dim, sizes)                            x.reshape(*x.shape[:dim], *sizes, *x.shape[dim:][1:])
x.expand(*sizes)                                   x.broadcast_to((*sizes,))
x.expand_as(other)                                 x.broadcast_to(other.shape)
x.contiguous(memory_format=None)                   x                                             how memory lies is no concern here
x.is_contiguous()                                  True                                          how memory lies is no concern here
x.repeat(*repeats)                                 x.tile((*repeats,))                           PyTorch's repeat lays copies side by side; here x.repeat(n, axis=0) repeats each element, PyTorch's repeat_interleave
x.repeat_interleave(repeats, dim=None)             x.repeat(repeats, axis=dim)
x.tile(*dims)                                      x.tile((*dims,))
x.chunk(chunks, dim=0)                             x.split(-(-x.shape[dim] // chunks), axis=dim)
x.tensor_split(indices_or_sections, dim=0)         x.split(x.shape[dim] // indices_or_sections, axis=dim)  if the parts are equal
x.split(split_size, dim=0)                         x.split(split_size, axis=dim)
x.split_with_sizes(split_sizes, dim=0)             x.split(split_sizes, axis=dim)
x.unbind(dim=0)                                    x.unstack(axis=dim)
x.flip(*dims)                                      x.flip((*dims,))
x.fliplr()                                         x.flip(1)
x.flipud()                                         x.flip(0)
x.rot90(k=1, dims=(0, 1))                          -                                             turn by flips: x.swapaxes(0, 1).flip(0)
x.roll(shifts, dims=None)                          x.roll(shifts, axis=dims)
x.squeeze(dim=None)                                x.squeeze(axis=dim)                           an axis whose size is not 1 is an error here
x.narrow(dim, start, length)                       x.take(tg.arange(start, start + length), axis=dim)
x.select(dim, index)                               x.take(index, axis=dim)
x.unfold(dimension, size, step)                    -                                             for windows of images there is nn.functional.unfold; else index with tg.arange
x.diag(diagonal=0)                                 x.diagonal(diagonal)                          of a vector: x.expand_dims(1) * tg.eye(x.size)
x.diagonal(offset=0, dim1=0, dim2=1)               x.diagonal(offset=offset, axis1=dim1, axis2=dim2)
x.diag_embed()                                     x.expand_dims(-1) * tg.eye(x.shape[-1])
x.diagflat()                                       x.flatten().expand_dims(1) * tg.eye(x.size)
x.trace()                                          tg.linalg.trace(x)
x.tril(diagonal=0)                                 x.tril(k=diagonal)
x.triu(diagonal=0)                                 x.triu(k=diagonal)

x.cpu()                                            x.to('cpu')
x.cuda(device=None)                                x.to('gpu')
x.get_device()                                     x.device
x.is_cuda                                          x.device.kind == 'gpu'
x.is_cpu                                           x.device.kind == 'cpu'
x.pin_memory()                                     x                                             there is nothing to pin
x.share_memory_()                                  x                                             there is nothing to share
x.to(device, dtype)                                x.to(device).astype(dtype)
x.to(dtype)                                        x.astype(dtype)
x.type(dtype)                                      x.astype(dtype)
x.type()                                           x.dtype
x.type_as(other)                                   x.astype(other.dtype)
x.float()                                          x.astype('float32')
x.double()                                         x.astype('float64')
x.half()                                           x.astype('float16')
x.bfloat16()                                       x.astype('float16')                           bfloat16 is not here, and float16 has a smaller range
x.long()                                           x.astype('int64')
x.int()                                            x.astype('int32')
x.short()                                          x.astype('int16')
x.char()                                           x.astype('int8')
x.byte()                                           x.astype('uint8')
x.bool()                                           x.astype('bool')
x.is_floating_point()                              tg.isdtype(x.dtype, 'real floating')
x.is_complex()                                     False                                         there are no complex tensors
x.is_signed()                                      not tg.isdtype(x.dtype, ('bool', 'unsigned integer'))
x.is_sparse                                        False                                         there are no sparse tensors
x.to_sparse()                                      -                                             there are no sparse tensors; x itself does
x.to_dense()                                       x
x.real                                             x                                             there are no complex tensors
x.conj()                                           x                                             there are no complex tensors
x.clone(memory_format=None)                        x * 1                                         tg.tensor(x) is a copy outside of the graph
x.copy()                                           x * 1                                         tg.tensor(x) is a copy outside of the graph
x.new_tensor(data)                                 tg.tensor(data, dtype=x.dtype)
x.new_zeros(*size, dtype=None)                     tg.zeros(*size, dtype=dtype or x.dtype)
x.new_ones(*size, dtype=None)                      tg.ones(*size, dtype=dtype or x.dtype)
x.new_empty(*size, dtype=None)                     tg.empty(*size, dtype=dtype or x.dtype)
x.new_full(size, fill_value)                       tg.full(size, fill_value, dtype=x.dtype)
x.grad_fn                                          x.node                                        the node of a leaf has no op: x.is_leaf
x.requires_grad_()                                 x.requires_grad = True
x.requires_grad_(requires_grad)                    x.requires_grad = requires_grad
x.detach_()                                        x.detach()                                    which is another tensor: write x = x.detach()
x.retains_grad                                     x.grad is not None
x.data_ptr()                                       -                                             the array itself is x.data
x.storage()                                        x.data
x.untyped_storage()                                x.data
x.stride()                                         x.data.strides                                in bytes
x.is_same_size(other)                              x.shape == other.shape
x.is_nonzero()                                     bool(x)
x.apply_(callable)                                 -                                             write it with tensors: operations on whole tensors are fast, and have a gradient
x.map_(tensor, callable)                           -                                             write it with tensors: operations on whole tensors are fast, and have a gradient

x.add(other, alpha=1)                              x + alpha * other
x.sub(other)                                       x - other
x.sub(other, alpha)                                x - alpha * other
x.subtract(other, alpha=1)                         x - alpha * other
x.rsub(other)                                      other - x
x.mul(other)                                       x * other
x.div(other)                                       x / other
x.div(other, rounding_mode)                        (x / other).floor()                           rounding_mode='trunc' is (x / other).trunc()
x.divide(other, rounding_mode)                     (x / other).floor()                           rounding_mode='trunc' is (x / other).trunc()
x.true_divide(other)                               x / other
x.fmod(other)                                      tg.fmod(x, other)
x.neg()                                            -x
x.absolute()                                       abs(x)
x.float_power(exponent)                            x.astype('float64') ** exponent
x.rsqrt()                                          tg.rsqrt(x)
x.frac()                                           x - x.trunc()
x.fix()                                            x.trunc()
x.sgn()                                            x.sign()
x.exp2()                                           tg.exp2(x)
x.erfc()                                           tg.erfc(x)
x.logit()                                          (x / (1 - x)).log()
x.arccos()                                         x.acos()
x.arcsin()                                         x.asin()
x.arctan()                                         x.atan()
x.arccosh()                                        x.acosh()
x.arcsinh()                                        x.asinh()
x.arctanh()                                        x.atanh()
x.arctan2(other)                                   x.atan2(other)
x.deg2rad()                                        tg.deg2rad(x)
x.rad2deg()                                        tg.rad2deg(x)
x.lerp(end, weight)                                x + weight * (end - x)
x.addcmul(tensor1, tensor2, value=1)               x + value * tensor1 * tensor2
x.addcdiv(tensor1, tensor2, value=1)               x + value * tensor1 / tensor2
x.gcd(other)                                       tg.gcd(x, other)
x.lcm(other)                                       tg.lcm(x, other)
x.ldexp(other)                                     tg.ldexp(x, other)
x.i0()                                             tg.i0(x)
x.heaviside(values)                                tg.heaviside(x, values)
x.logaddexp2(other)                                tg.logaddexp2(x, other)
x.lgamma()                                         -                                             the gamma function is not here
x.digamma()                                        -                                             the gamma function is not here
x.erfinv()                                         tg.erfinv(x)
x.clamp(min=None, max=None)                        x.clip(min=min, max=max)
x.clamp_min(min)                                   x.maximum(min)
x.clamp_max(max)                                   x.minimum(max)
x.fmax(other)                                      tg.fmax(x, other)
x.fmin(other)                                      tg.fmin(x, other)
x.hardshrink(lambd=0.5)                            nn.functional.hardshrink(x, lambd=lambd)
x.prelu(weight)                                    nn.functional.prelu(x, weight)
x.eq(other)                                        x == other
x.ne(other)                                        x != other
x.lt(other)                                        x < other
x.le(other)                                        x <= other
x.gt(other)                                        x > other
x.ge(other)                                        x >= other
x.isclose(other, rtol=1e-05, atol=1e-08)           abs(x - other) <= atol + rtol * abs(other)
x.allclose(other, rtol=1e-05, atol=1e-08)          bool((abs(x - other) <= atol + rtol * abs(other)).all())
x.isneginf()                                       x == -tg.inf
x.isposinf()                                       x == tg.inf
x.bitwise_not()                                    ~x
x.where(condition, other)                          condition.where(x, other)                     here the condition stands first: condition.where(a, b), or tg.where(condition, a, b)
x.masked_fill(mask, value)                         mask.where(value, x)
x.masked_select(mask)                              x[mask]
x.masked_scatter(mask, source)                     -                                             write x[mask] = source, with as many values as there are places

x.sum(dim=None, keepdim=False, dtype=None)         x.sum(axis=dim, keepdims=keepdim, dtype=dtype)
x.mean(dim=None, keepdim=False, dtype=None)        x.mean(axis=dim, keepdims=keepdim)
x.prod(dim=None, keepdim=False, dtype=None)        x.prod(axis=dim, keepdims=keepdim, dtype=dtype)
x.nansum(dim=None, keepdim=False)                  tg.nansum(x, axis=dim, keepdims=keepdim)
x.nanmean(dim=None, keepdim=False)                 tg.nanmean(x, axis=dim, keepdims=keepdim)
x.max(dim, keepdim=False)                          x.max(axis=dim, keepdims=keepdim), x.argmax(axis=dim, keepdims=keepdim)  PyTorch's gives values and positions; here x.max(axis=...) gives the values alone
x.max(other)                                       x.maximum(other)                              x.max is of one tensor here
x.min(dim, keepdim=False)                          x.min(axis=dim, keepdims=keepdim), x.argmin(axis=dim, keepdims=keepdim)  PyTorch's gives values and positions; here x.min(axis=...) gives the values alone
x.min(other)                                       x.minimum(other)                              x.min is of one tensor here
x.amax(dim=None, keepdim=False)                    x.max(axis=dim, keepdims=keepdim)
x.amin(dim=None, keepdim=False)                    x.min(axis=dim, keepdims=keepdim)
x.aminmax(dim=None, keepdim=False)                 x.min(axis=dim, keepdims=keepdim), x.max(axis=dim, keepdims=keepdim)
x.argmax(dim=None, keepdim=False)                  x.argmax(axis=dim, keepdims=keepdim)
x.argmin(dim=None, keepdim=False)                  x.argmin(axis=dim, keepdims=keepdim)
x.any(dim=None, keepdim=False)                     x.any(axis=dim, keepdims=keepdim)
x.all(dim=None, keepdim=False)                     x.all(axis=dim, keepdims=keepdim)
x.std(dim=None, unbiased=True, keepdim=False)      x.std(axis=dim, correction=1 if unbiased else 0, keepdims=keepdim)  PyTorch's divides by n - 1 (correction=1), that of the Array API standard and of NumPy, which is ours, by n
x.std(dim=None, correction=1, keepdim=False)       x.std(axis=dim, correction=correction, keepdims=keepdim)
x.var(dim=None, unbiased=True, keepdim=False)      x.var(axis=dim, correction=1 if unbiased else 0, keepdims=keepdim)  PyTorch's divides by n - 1 (correction=1), that of the Array API standard and of NumPy, which is ours, by n
x.var(dim=None, correction=1, keepdim=False)       x.var(axis=dim, correction=correction, keepdims=keepdim)
x.norm(p=2, dim=None, keepdim=False)               x.norm(ord=p, axis=dim, keepdims=keepdim)     the Frobenius norm is x.norm()
x.dist(other, p=2)                                 (x - other).norm(ord=p)
x.renorm(p, dim, maxnorm)                          -                                             scale by (maxnorm / x.norm(ord=p, axis=...)).minimum(1)
x.median()                                         tg.median(x)
x.median(dim, keepdim=False)                       x.sort(axis=dim).take((x.shape[dim] - 1) // 2, axis=dim), x.argsort(axis=dim).take((x.shape[dim] - 1) // 2, axis=dim)
x.quantile(q, dim=None, keepdim=False)             tg.quantile(x, q, axis=dim, keepdims=keepdim)
x.kthvalue(k, dim=-1)                              x.sort(axis=dim).take(k - 1, axis=dim), x.argsort(axis=dim).take(k - 1, axis=dim)
x.mode(dim=-1)                                     -                                             tg.unique_counts(x) has what occurs, and how often
x.nanmedian()                                      tg.nanmedian(x)
x.nanquantile(q, dim=None, keepdim=False)          tg.nanquantile(x, q, axis=dim, keepdims=keepdim)
x.corrcoef()                                       tg.corrcoef(x)
x.bincount(weights=None, minlength=0)              tg.bincount(x, weights=weights, minlength=minlength)
x.histc(bins=100, min=0, max=0)                    tg.histogram(x, bins, (min, max))[0]  for min = max = 0 leave them out
x.count_nonzero(dim=None)                          x.count_nonzero(axis=dim)
x.logsumexp(dim, keepdim=False)                    x.logsumexp(axis=dim, keepdims=keepdim)
x.softmax(dim, dtype=None)                         x.softmax(axis=dim)
x.log_softmax(dim, dtype=None)                     x.log_softmax(axis=dim)
x.cumsum(dim, dtype=None)                          x.cumulative_sum(axis=dim, dtype=dtype)
x.cumprod(dim, dtype=None)                         x.cumulative_prod(axis=dim, dtype=dtype)
x.logcumsumexp(dim)                                x.cumulative_logsumexp(axis=dim)
x.cummax(dim)                                      -                                             a running maximum is not here; tg.scan writes one as a loop
x.cummin(dim)                                      -                                             a running minimum is not here; tg.scan writes one as a loop
x.diff(n=1, dim=-1, prepend=None, append=None)     x.diff(n=n, axis=dim, prepend=prepend, append=append)
x.cov(correction=1)                                (x - x.mean(axis=1, keepdims=True)) @ (x - x.mean(axis=1, keepdims=True)).T / (x.shape[1] - correction)

x.sort(dim, descending=False, stable=False)        x.sort(axis=dim, descending=descending), x.argsort(axis=dim, descending=descending)  PyTorch's gives values and positions; here x.sort() gives the values alone
x.msort()                                          x.sort(axis=0)
x.argsort(dim=-1, descending=False, stable=False)  x.argsort(axis=dim, descending=descending)
x.topk(k, dim=-1, largest=True, sorted=True)       x.topk(k, axis=dim, largest=largest)
x.unique(sorted=True)                              x.unique_values()                             with return_inverse or return_counts: x.unique_inverse(), x.unique_counts()
x.unique_consecutive()                             -                                             compare neighbours: x[1:] != x[:-1]
x.nonzero(as_tuple)                                x.nonzero()                                   a tuple of places along each axis; tg.stack(x.nonzero(), axis=1) is PyTorch's table of them
x.argwhere()                                       tg.stack(x.nonzero(), axis=1)
x.gather(dim, index)                               x.take_along_axis(index, axis=dim)
x.take_along_dim(indices, dim=None)                x.take_along_axis(indices, axis=dim)
x.index_select(dim, index)                         x.take(index, axis=dim)
x.scatter(dim, index, src)                         x.scatter(index, src, axis=dim)               here index and src are of one shape
x.scatter(dim, index, value)                       x.scatter(index, tg.full(index.shape, value), axis=dim)
x.scatter_add(dim, index, src)                     x.scatter_add(index, src, axis=dim)           here index and src are of one shape
x.scatter_reduce(dim, index, src, reduce, include_self=True)  x.scatter(index, src, axis=dim, reduce=reduce, include_self=include_self)  reduce is 'sum', 'prod', 'mean', 'max' or 'min'
x.index_add(dim, index, source, alpha=1)           x.index_add(dim, index, source, alpha=alpha)
x.index_fill(dim, index, value)                    -                                             written in place: x[index] = value, or x[:, index] = value
x.index_copy(dim, index, source)                   -                                             written in place: x[index] = source, or x[:, index] = source
x.index_put(indices, values)                       -                                             written in place: x[indices] = values

x.mm(mat2)                                         x @ mat2
x.bmm(mat2)                                        x @ mat2
x.mv(vec)                                          x @ vec
x.dot(other)                                       x @ other
x.vdot(other)                                      x @ other
x.inner(other)                                     tg.vecdot(x, other)
x.outer(other)                                     tg.outer(x, other)
x.ger(vec2)                                        tg.outer(x, vec2)
x.kron(other)                                      tg.kron(x, other)
x.cross(other, dim=-1)                             tg.linalg.cross(x, other, axis=dim)
x.addmm(mat1, mat2, beta=1, alpha=1)               beta * x + alpha * (mat1 @ mat2)
x.addmv(mat, vec, beta=1, alpha=1)                 beta * x + alpha * (mat @ vec)
x.baddbmm(batch1, batch2, beta=1, alpha=1)         beta * x + alpha * (batch1 @ batch2)
x.det()                                            tg.linalg.det(x)
x.logdet()                                         tg.linalg.slogdet(x).logabsdet
x.slogdet()                                        tg.linalg.slogdet(x)
x.inverse()                                        tg.linalg.inv(x)
x.pinverse()                                       tg.linalg.pinv(x)
x.matrix_power(n)                                  tg.linalg.matrix_power(x, n)
x.matrix_exp()                                     tg.linalg.matrix_exp(x)
x.cholesky(upper=False)                            tg.linalg.cholesky(x, upper=upper)
x.qr()                                             tg.linalg.qr(x)
x.svd()                                            tg.linalg.svd(x)                              U, S and Vh; PyTorch's old svd has V
x.lu()                                             -                                             tg.linalg.solve(x, b) solves, tg.linalg.det has the determinant
x.multinomial(num_samples, replacement=False)      tg.multinomial(x, num_samples, replacement=replacement)
x.bernoulli()                                      (tg.random.rand(*x.shape) < x).astype(x.dtype)
"""

IN_PLACE = """
x.add_(other)                          x += other
x.add_(other, alpha)                   x += alpha * other
x.sub_(other)                          x -= other
x.sub_(other, alpha)                   x -= alpha * other
x.mul_(other)                          x *= other
x.div_(other)                          x /= other
x.pow_(exponent)                       x **= exponent
x.neg_()                               x *= -1
x.addcmul_(tensor1, tensor2, value=1)  x += value * tensor1 * tensor2
x.addcdiv_(tensor1, tensor2, value=1)  x += value * tensor1 / tensor2
x.lerp_(end, weight)                   x += weight * (end - x)
x.clamp_(min=None, max=None)           x.assign(x.clip(min=min, max=max))    inside of a graph: x = x.clip(...)
x.clip_(min=None, max=None)            x.assign(x.clip(min=min, max=max))    inside of a graph: x = x.clip(...)
x.clamp_min_(min)                      x.assign(x.maximum(min))
x.clamp_max_(max)                      x.assign(x.minimum(max))
x.zero_()                              x.assign(0)
x.fill_(value)                         x.assign(value)
x.copy_(src, non_blocking=False)       x.assign(src)
x.set_(source)                         x.data = source
x.masked_fill_(mask, value)            x[mask] = value
x.fill_diagonal_(fill_value)           x[range(len(x)), range(len(x))] = fill_value
x.index_fill_(dim, index, value)       -    written as x[index] = value, or x[:, index] = value
x.index_add_(dim, index, source, alpha=1)          x.assign(x.index_add(dim, index, source, alpha=alpha))  inside of a graph: x = x.index_add(...)
x.index_copy_(dim, index, source)      -    written as x[index] = source, or x[:, index] = source
x.index_put_(indices, values)          x[indices] = values
x.scatter_(dim, index, src)            x.assign(x.scatter(index, src, axis=dim))    inside of a graph: x = x.scatter(...)
x.scatter_(dim, index, value)          x.assign(x.scatter(index, tg.full(index.shape, value), axis=dim))
x.scatter_add_(dim, index, src)        x.assign(x.scatter_add(index, src, axis=dim))    inside of a graph: x = x.scatter_add(...)
x.unsqueeze_(dim)                      x.expand_dims(dim)    which is another tensor: write x = ...
x.squeeze_(dim=None)                   x.squeeze(axis=dim)    which is another tensor: write x = ...
x.t_()                                 x.T    which is another tensor: write x = ...
x.transpose_(dim0, dim1)               x.swapaxes(dim0, dim1)    which is another tensor: write x = ...
x.resize_(*sizes)                      x.reshape(*sizes)    which is another tensor: write x = ...
x.normal_(mean=0.0, std=1.0)           nn.init.normal_(x, mean=mean, std=std)
x.uniform_(a=0.0, b=1.0)               nn.init.uniform_(x, a=a, b=b)
x.uniform_(to)                         nn.init.uniform_(x, b=to)
x.bernoulli_(p=0.5)                    x.assign(tg.random.bernoulli(p, x.shape))
x.random_()                            -    tg.random.integers(low, high, size) draws integers
x.exponential_(lambd=1.0)              x.assign(-tg.random.rand(*x.shape).log() / lambd)
"""
