"""A stand-in for a GPU: arrays that live on a device of their own, and refuse to mix with NumPy's.

`StrictArray` behaves as a CuPy array does. It is no `ndarray`; it refuses NumPy arrays in every
operation and every conversion that was not asked for (`TypeError`); results of no axes stay arrays;
bare numbers, NumPy's scalars among them, are welcome. The namespace offers just the functions that
the engine uses, and only those that CuPy has too (`tests/test_cupy.py` compares the two lists).
With it `pytest --device strict` proves on any machine that no NumPy array leaks into a computation
on another device, and `host_looks` counts how often a program waited for the device.
"""

import contextlib

import numpy

from tinygrad_ml.backend import register
from tinygrad_ml.backend.arrays import HOST
from tinygrad_ml.backend.devices import register_kind
from tinygrad_ml.backend.host import Backend

words = str.split
FUNCTIONS = words("""
    add prod exp expm1 log log1p log2 log10 sqrt square sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh
    arccosh arctanh negative divide abs sign floor ceil rint trunc maximum minimum logaddexp where isnan isinf isfinite logical_and
    logical_or logical_xor logical_not sum max min argmax argmin any all cumsum argsort flip nonzero
    reshape transpose broadcast_to concatenate stack matmul swapaxes
    hypot copysign signbit nextafter bitwise_and bitwise_or bitwise_xor invert left_shift right_shift
    searchsorted unique cbrt fmod gcd cumprod moveaxis ascontiguousarray
""")
FFT = words("fft ifft")
LINALG = words("inv solve slogdet det cholesky svd eigh eigvalsh qr pinv")
CREATION = words("empty zeros full arange eye asarray")
FLOATS_ONLY = {"floor", "ceil", "trunc", "rint"}  # CuPy makes float64 of integers here, NumPy leaves them alone

host_looks = 0
"""How often numbers went from the device to the host, for which a GPU's queue has to run empty."""


def _look() -> None:
    global host_looks
    host_looks += 1


def _bare(value, what: str):
    """The NumPy array inside of each strict array in `value`; `TypeError` for arrays from elsewhere."""
    if isinstance(value, StrictArray):
        return value._host
    if isinstance(value, numpy.ndarray):
        raise TypeError(f"{what}: a NumPy array of shape {value.shape} among arrays of the strict device")
    if isinstance(value, (tuple, list)):
        return type(value)(_bare(part, what) for part in value)
    return value


def _wrapped(result, *sources):
    """`result` as a strict array that knows whose memory it looks at."""
    if isinstance(result, tuple):
        return tuple(_wrapped(part, *sources) for part in result)
    if not isinstance(result, (numpy.ndarray, numpy.generic)):
        return result
    array = StrictArray(numpy.asarray(result))
    for source in sources:
        if isinstance(source, StrictArray) and numpy.may_share_memory(array._host, source._host):
            array.base = source if source.base is None else source.base
    return array


class Flags:
    """What CuPy says of an array's layout: `writeable` is not among it."""

    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata


class StrictArray:
    """An array on the strict device."""

    __array_ufunc__ = None  # NumPy's operators leave the work to ours, and its functions refuse
    __hash__ = None

    def __init__(self, host: numpy.ndarray):
        self._host = host
        self.base = None

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: Flags(self._host.flags))
    T = property(lambda self: _wrapped(self._host.T, self))
    real = property(lambda self: _wrapped(self._host.real, self))
    imag = property(lambda self: _wrapped(self._host.imag, self))

    def __array__(self, *_, **__):
        raise TypeError("a strict array is not converted to a NumPy array unasked: use the backend's to_host")

    def __array_function__(self, function, *_):
        raise TypeError(f"numpy.{function.__name__} was given a strict array")

    def __len__(self) -> int:
        return len(self._host)

    def __repr__(self) -> str:
        return f"strict({self._host!r})"

    def __bool__(self) -> bool:
        _look()
        return bool(self._host)

    def __float__(self) -> float:
        _look()
        return float(self._host)

    def __int__(self) -> int:
        _look()
        return int(self._host)

    __index__ = __int__

    def item(self):
        _look()
        return self._host.item()

    def __getitem__(self, key):
        return _wrapped(self._host[_bare(key, "x[...]")], self)

    def __setitem__(self, key, value) -> None:
        self._host[_bare(key, "x[...] = v")] = _bare(value, "x[...] = v")


def _method(name: str):
    def method(self, *args, **kwargs):
        with numpy.errstate(all="ignore"):  # a GPU does not warn
            return _wrapped(getattr(self._host, name)(*_bare(args, name), **kwargs), self)

    return method


def _operator(name: str, in_place: bool = False):
    def method(self, *others):
        for other in others:
            if not isinstance(other, (StrictArray, bool, int, float, complex, numpy.generic)):
                if getattr(other, "__array_ufunc__", True) is None:
                    return NotImplemented  # a Tensor, whose turn it is
                raise TypeError(f"{name} of a strict array and {type(other).__name__}")
        with numpy.errstate(all="ignore"):  # a GPU does not warn
            result = getattr(self._host, name)(*_bare(others, name))
        return self if in_place else _wrapped(result)

    return method


for _name in words("astype copy reshape sum max min mean any all ravel dot"):
    setattr(StrictArray, _name, _method(_name))
for _name in words("add sub mul truediv floordiv mod pow and or xor"):
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(StrictArray, f"__r{_name}__", _operator(f"__r{_name}__"))
    setattr(StrictArray, f"__i{_name}__", _operator(f"__i{_name}__", in_place=True))
for _name in words("neg abs invert eq ne lt le gt ge"):
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))


def _function(module, name: str):
    compute = getattr(module, name)

    def function(*args, **kwargs):
        flat = [part for arg in args for part in (arg if isinstance(arg, (tuple, list)) else (arg,))]
        if not any(isinstance(part, StrictArray) for part in flat):
            raise TypeError(f"{name} on the strict device was given none of its arrays")
        if name in FLOATS_ONLY and args[0].dtype.kind != "f":
            raise TypeError(f"{name} of {args[0].dtype}: CuPy would widen it to float64")
        if name in ("nonzero", "unique"):
            _look()
        if name == "solve" and args[0].shape[:-1] != args[1].shape[:-1]:
            raise ValueError(f"solve: CuPy does not broadcast {args[0].shape} and {args[1].shape}")
        with numpy.errstate(all="ignore"):
            return _wrapped(compute(*_bare(args, name), **_bare_values(kwargs, name)), *flat)

    return function


def _bare_values(kwargs: dict, name: str) -> dict:
    return {key: _bare(value, name) for key, value in kwargs.items()}


def _creation(name: str):
    def function(*args, **kwargs):
        return StrictArray(getattr(numpy, name)(*_bare(args, name), **kwargs))

    return function


class _Functions:
    """A namespace: functions as attributes."""

    def __init__(self, functions: dict):
        self.__dict__.update(functions)


def _as_strided(x, shape, strides):
    return _wrapped(numpy.lib.stride_tricks.as_strided(x._host, shape, strides), x)


NAMESPACE = _Functions(
    {name: _function(numpy, name) for name in FUNCTIONS}
    | {name: _creation(name) for name in CREATION}
    | {"linalg": _Functions({name: _function(numpy.linalg, name) for name in LINALG})}
    | {"fft": _Functions({name: _function(numpy.fft, name) for name in FFT})}
    | {"lib": _Functions({"stride_tricks": _Functions({"as_strided": _as_strided})})}
)


def _scatter(name: str):
    """`maximum.at` and its like, of indices and values."""
    compute = getattr(numpy, name)
    return lambda target, index, values: compute.at(target._host, _bare(index, name), _bare(values, name))


for _name in words("maximum minimum"):
    getattr(NAMESPACE, _name).at = _scatter(_name)


class _Generator:
    """NumPy's random streams, their numbers handed over to the device."""

    def __init__(self, seed):
        self._host = numpy.random.Generator(numpy.random.PCG64(seed))

    def random(self, size, dtype):
        return _wrapped(numpy.asarray(self._host.random(size, dtype)))

    def standard_normal(self, size, dtype):
        return _wrapped(numpy.asarray(self._host.standard_normal(size, dtype)))

    def integers(self, low, high, size):
        return _wrapped(numpy.asarray(self._host.integers(low, high, size)))


class Strict(Backend):
    kind = "strict"
    namespace = NAMESPACE

    def from_host(self, array, index=0) -> StrictArray:
        if not isinstance(array, (numpy.ndarray, numpy.generic)):
            raise TypeError(f"from_host was given a {type(array).__name__}, not a NumPy array")
        return StrictArray(numpy.array(array))

    def to_host(self, array) -> numpy.ndarray:
        _look()
        return array._host.copy()

    def filled(self, shape, value, dtype, index=0) -> StrictArray:
        return StrictArray(numpy.full(shape, value, dtype))

    def index_of(self, array) -> int:
        return 0

    def scatter_add(self, target, index, values) -> None:
        HOST.scatter_add(target._host, _bare(index, "scatter_add"), _bare(values, "scatter_add"))

    def erf(self, x) -> StrictArray:
        from scipy.special import erf

        return _wrapped(erf(_bare(x, "erf")))

    def erfc(self, x) -> StrictArray:
        from scipy.special import erfc

        return _wrapped(erfc(_bare(x, "erfc")))

    def generator(self, seed, index=0) -> _Generator:
        return _Generator(seed)

    def quiet(self):
        return contextlib.nullcontext()

    def synchronize(self) -> None:
        pass


BACKEND = Strict()
register(StrictArray, BACKEND)
register_kind("strict", lambda index: BACKEND)
