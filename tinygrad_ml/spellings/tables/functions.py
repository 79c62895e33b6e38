"""What stands behind `torch.`, and what it is here. How the columns are read: `__init__.py`.

A function that is a method too, and has the tensor first, stands among the methods: `torch.clamp(x, 0)` is found as
`x.clamp(0)`.
"""

FUNCTIONS = """
torch.cat(tensors, dim=0)                          tg.concat(tensors, axis=dim)
torch.concat(tensors, dim=0)                       tg.concat(tensors, axis=dim)
torch.concatenate(tensors, dim=0)                  tg.concat(tensors, axis=dim)
torch.stack(tensors, dim=0)                        tg.stack(tensors, axis=dim)
torch.hstack(tensors)                              tg.concat(tensors, axis=1)             vectors: axis=0
torch.vstack(tensors)                              tg.concat(tensors)                     vectors: tg.stack(tensors)
torch.row_stack(tensors)                           tg.concat(tensors)                     vectors: tg.stack(tensors)
torch.dstack(tensors)                              tg.stack(tensors, axis=2)
torch.column_stack(tensors)                        tg.concat(tensors, axis=1)             vectors: tg.stack(tensors, axis=1)
torch.permute(input, dims)                         input.permute_dims(dims)
torch.reshape(input, shape)                        tg.reshape(input, shape)
torch.tile(input, dims)                            tg.tile(input, dims)
torch.flip(input, dims)                            tg.flip(input, dims)
torch.split(tensor, split_size_or_sections, dim=0)  tg.split(tensor, split_size_or_sections, axis=dim)
torch.broadcast_tensors(*tensors)                  tg.broadcast_arrays(*tensors)
torch.broadcast_shapes(*shapes)                    numpy.broadcast_shapes(*shapes)  with import numpy
torch.atleast_1d(input)                            input.reshape(input.shape or (1,))
torch.block_diag(*tensors)                         -                                      put blocks into tg.zeros(...), or join them with tg.concat
torch.cartesian_prod(*tensors)                     -                                      tg.meshgrid(*tensors, indexing='ij'), flattened and stacked
torch.combinations(input)                          -                                      itertools.combinations gives positions, for take
torch.tril_indices(row, col)                       tg.ones(row, col).tril().nonzero()     a tuple of both
torch.triu_indices(row, col)                       tg.ones(row, col).triu().nonzero()     a tuple of both
torch.meshgrid(*tensors, indexing='ij')            tg.meshgrid(*tensors, indexing=indexing)  here indexing='xy' if not said otherwise, as NumPy's
torch.tensordot(a, b, dims=2)                      tg.tensordot(a, b, axes=dims)
torch.cdist(x1, x2, p=2.0)                         (x1.expand_dims(-2) - x2.expand_dims(-3)).norm(ord=p, axis=-1)
torch.chain_matmul(*matrices)                      functools.reduce(tg.matmul, matrices)  with import functools
torch.einsum(equation, *operands)                  tg.einsum(equation, *operands)
torch.bucketize(input, boundaries, right=False)    tg.searchsorted(boundaries, input, side='right' if right else 'left')
torch.searchsorted(sorted_sequence, input, right=False, side=None)  tg.searchsorted(sorted_sequence, input, side='right' if right else 'left')
torch.isin(elements, test_elements)                (elements.expand_dims(-1) == test_elements.flatten()).any(axis=-1)
torch.is_tensor(obj)                               isinstance(obj, tg.Tensor)
torch.std_mean(input, dim=None)                    tg.std(input, axis=dim, correction=1), tg.mean(input, axis=dim)
torch.var_mean(input, dim=None)                    tg.var(input, axis=dim, correction=1), tg.mean(input, axis=dim)
torch.sigmoid_(input)                              input.assign(input.sigmoid())
torch.relu_(input)                                 input.assign(input.relu())
torch.where(condition)                             tg.nonzero(condition)
torch.where(condition, input, other)               tg.where(condition, input, other)
torch.trapz(y, x=None, dx=1.0)                     tg.trapezoid(y, x, dx=dx)

torch.Tensor(data)                                 tg.tensor(data, dtype='float32')       tg.tensor(data) keeps whole numbers as int64
torch.Tensor(*sizes)                               tg.empty(*sizes)
torch.FloatTensor(data)                            tg.tensor(data, dtype='float32')
torch.DoubleTensor(data)                           tg.tensor(data, dtype='float64')
torch.LongTensor(data)                             tg.tensor(data, dtype='int64')
torch.IntTensor(data)                              tg.tensor(data, dtype='int32')
torch.BoolTensor(data)                             tg.tensor(data, dtype='bool')
torch.ByteTensor(data)                             tg.tensor(data, dtype='uint8')
torch.from_numpy(ndarray)                          tg.asarray(ndarray)                    it shares memory with the array, as PyTorch's
torch.frombuffer(buffer, dtype)                    tg.asarray(numpy.frombuffer(buffer, dtype))  with import numpy
torch.scalar_tensor(s)                             tg.tensor(s)
torch.zeros(*size, dtype=None, device=None, requires_grad=False)  tg.zeros(*size, dtype=dtype, device=device, requires_grad=requires_grad)
torch.ones(*size, dtype=None, device=None, requires_grad=False)  tg.ones(*size, dtype=dtype, device=device, requires_grad=requires_grad)
torch.empty(*size, dtype=None, device=None, requires_grad=False)  tg.empty(*size, dtype=dtype, device=device, requires_grad=requires_grad)
torch.zeros(size, dtype=None, device=None)         tg.zeros(size, dtype=dtype, device=device)
torch.ones(size, dtype=None, device=None)          tg.ones(size, dtype=dtype, device=device)
torch.full(size, fill_value, dtype=None, device=None)  tg.full(size, fill_value, dtype=dtype, device=device)
torch.zeros_like(input, dtype=None, device=None)   tg.zeros_like(input, dtype=dtype, device=device)
torch.ones_like(input, dtype=None, device=None)    tg.ones_like(input, dtype=dtype, device=device)
torch.full_like(input, fill_value, dtype=None)     tg.full_like(input, fill_value, dtype=dtype)
torch.eye(n, m=None, dtype=None, device=None)      tg.eye(n, m, dtype=dtype, device=device)
torch.arange(end, dtype=None, device=None)         tg.arange(end, dtype=dtype, device=device)
torch.arange(start, end, step=1, dtype=None, device=None)  tg.arange(start, end, step=step, dtype=dtype, device=device)
torch.range(start, end, step=1)                    tg.arange(start, end + step, step)     PyTorch's range includes its end
torch.linspace(start, end, steps, dtype=None, device=None)  tg.linspace(start, end, steps, dtype=dtype, device=device)
torch.logspace(start, end, steps, base=10.0)       base ** tg.linspace(start, end, steps)
torch.rand(*size, dtype=None, device=None, requires_grad=False)  tg.random.rand(*size, dtype=dtype, device=device, requires_grad=requires_grad)
torch.randn(*size, dtype=None, device=None, requires_grad=False)  tg.random.randn(*size, dtype=dtype, device=device, requires_grad=requires_grad)
torch.rand_like(input, dtype=None)                 tg.random.rand(*input.shape, dtype=dtype or input.dtype)
torch.randn_like(input, dtype=None)                tg.random.randn(*input.shape, dtype=dtype or input.dtype)
torch.randint(low, high, size, device=None)        tg.random.integers(low, high, size, device=device)
torch.randint(high, size, device=None)             tg.random.integers(0, high, size, device=device)
torch.randint_like(input, low, high)               tg.random.integers(low, high, input.shape)
torch.randperm(n, device=None)                     tg.random.permutation(n, device=device)
torch.normal(mean, std, size)                      tg.random.normal(mean, std, size)
torch.normal(mean, std)                            mean + std * tg.random.randn(*mean.shape)
torch.bernoulli(input)                             (tg.random.rand(*input.shape) < input).astype(input.dtype)
torch.poisson(input)                               -                                      Poisson's numbers are not here: numpy.random.Generator.poisson
torch.seed()                                       -                                      tg.manual_seed(n) begins again
torch.initial_seed()                               -                                      tg.random.get_state() has where the generator stands
torch.get_rng_state()                              tg.random.get_state()
torch.set_rng_state(new_state)                     tg.random.set_state(new_state)
torch.complex(real, imag)                          -                                      there are no complex tensors
torch.stft(input, n_fft)                           -                                      there are no Fourier transforms
torch.hann_window(window_length)                   0.5 - 0.5 * tg.cos(tg.arange(window_length) * (2 * tg.pi / window_length))

torch.set_grad_enabled(mode)                       tg.set_grad_enabled(mode)
torch.inference_mode(mode=True)                    tg.no_grad()
torch.is_grad_enabled()                            -                                      with tg.no_grad() and tg.enable_grad() say what holds inside
torch.is_floating_point(input)                     tg.isdtype(input.dtype, 'real floating')
torch.is_complex(input)                            False                                  there are no complex tensors
torch.set_default_dtype(d)                         -                                      give dtype= where tensors are made, or model.to(dtype='float64')
torch.get_default_dtype()                          tg.float32
torch.set_default_tensor_type(t)                   -                                      give dtype= and device= where tensors are made; tg.set_default_device sets the device
torch.get_default_device()                         tg.zeros(0).device
torch.set_printoptions()                           numpy.set_printoptions()  with import numpy
torch.set_num_threads(int)                         -                                      set OMP_NUM_THREADS before Python starts
torch.get_num_threads()                            -                                      see OMP_NUM_THREADS
torch.set_float32_matmul_precision(precision)      -                                      tg.compile(step, products=...) says it for a compiled step
torch.use_deterministic_algorithms(mode)           -                                      nothing to set: the same seed gives the same numbers
torch.autocast(device_type)                        contextlib.nullcontext()               mixed precision is not here: model.to(dtype='float16') converts a model; with import contextlib
torch.promote_types(type1, type2)                  tg.result_type(type1, type2)
torch.typename(obj)                                type(obj).__name__
torch.bfloat16                                     tg.float16                             bfloat16 is not here, and float16 has a smaller range

torch.linalg.cross(input, other, dim=-1)           tg.linalg.cross(input, other, axis=dim)
torch.linalg.vecdot(x, y, dim=-1)                  tg.linalg.vecdot(x, y, axis=dim)
torch.linalg.norm(input, ord=None, dim=None, keepdim=False)  tg.linalg.norm(input, ord=ord, axis=dim, keepdims=keepdim)
torch.linalg.vector_norm(x, ord=2, dim=None, keepdim=False)  tg.linalg.vector_norm(x, ord=ord, axis=dim, keepdims=keepdim)
torch.linalg.matrix_norm(input, ord='fro', keepdim=False)  tg.linalg.matrix_norm(input, ord=ord, keepdims=keepdim)
torch.linalg.multi_dot(tensors)                    functools.reduce(tg.matmul, tensors)  with import functools
torch.linalg.lstsq(A, B)                           tg.linalg.pinv(A) @ B                  the solution alone
torch.linalg.solve_triangular(A, B, upper)         tg.linalg.solve(A, B)
torch.linalg.lu(A)                                 -                                      tg.linalg.solve solves, tg.linalg.det has the determinant
torch.linalg.cond(input)                           tg.linalg.svdvals(input).max() / tg.linalg.svdvals(input).min()
torch.linalg.eig(A)                                -                                      eigenvalues of a matrix that is not symmetric are complex; of a symmetric one there is tg.linalg.eigh
torch.linalg.eigvals(A)                            -                                      eigenvalues of a matrix that is not symmetric are complex; of a symmetric one there is tg.linalg.eigvalsh
torch.linalg.vander(x, N)                          x.expand_dims(-1) ** tg.arange(N)
"""

OTHER_NAMES = """
torch.float                                        tg.float32
torch.double                                       tg.float64
torch.half                                         tg.float16
torch.long                                         tg.int64
torch.int                                          tg.int32
torch.short                                        tg.int16
torch.complex64                                    -                                      there are no complex tensors
torch.complex128                                   -                                      there are no complex tensors
torch.cfloat                                       -                                      there are no complex tensors
torch.dtype                                        numpy.dtype  with import numpy
torch.Size                                         tuple
torch.Generator                                    -                                      tg.manual_seed(n) sets the generator; data.DataLoader takes seed=
torch.strided                                      -                                      how memory lies is no concern here
torch.channels_last                                -                                      how memory lies is no concern here
torch.contiguous_format                            -                                      how memory lies is no concern here
torch.preserve_format                              -                                      how memory lies is no concern here
torch.jit                                          -                                      tg.compile(step) compiles
torch.fx                                           -                                      the graph is there: y.node, and viz.draw(y)
torch.onnx                                         tg.onnx
torch.hub                                          -                                      pretrained networks are not here; tg.load reads .safetensors files
torch.profiler                                     -                                      Python's cProfile counts, and print(step.program) shows what a compiled step does
torch.fft                                          -                                      there are no Fourier transforms
torch.sparse                                       -                                      there are no sparse tensors
torch.special                                      -                                      what there is of it stands under tg itself: tg.erf, tg.xlogy, tg.log1p
torch.distributed                                  tg.distributed                         tg.distributed.init() gives the group of all processes
torch.multiprocessing                              -                                      tinygrad-ml launch -n 2 program.py starts processes, tg.distributed lets them train one network
torch.backends                                     -                                      nothing to set here
torch.amp                                          -                                      mixed precision is not here: model.to(dtype='float16') converts a model
torch.utils                                        tg.data                                torch.utils.data is tg.data
torch.version                                      tg.__version__
"""
