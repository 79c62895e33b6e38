"""Numbers for texts that are the same on every machine and in every run: the hashes of TensorFlow, and so of Keras's layers.

`fingerprint` is FarmHash's Fingerprint64 (G. Pike, 2014), `keyed` is SipHash-2-4 (J.-P. Aumasson, D. Bernstein, "SipHash: a fast
short-input PRF", 2012). All arithmetic is that of 64 bits without sign.
"""

from __future__ import annotations

_BITS = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_CROSS_KEY, _CROSS_FACTOR = 0xDECAFCAFFE, 0xC6A4A7935BD1E995


def _turn(x: int, bits: int) -> int:
    """x turned to the right."""
    x &= _BITS
    return (x >> bits | x << (64 - bits)) & _BITS


def _mix(x: int) -> int:
    x &= _BITS
    return x ^ x >> 47


def _two(u: int, v: int, factor: int) -> int:
    """Two numbers as one."""
    a = _mix((u ^ v) * factor)
    return _mix((v ^ a) * factor) * factor & _BITS


def fingerprint(text: bytes) -> int:
    """FarmHash's number of a text, from 0 to 2⁶⁴ - 1."""
    n = len(text)
    if n > 64:
        return _of_long(text)
    if n > 16:
        return _of_middle(text)
    factor = _K2 + 2 * n
    if n >= 8:
        a, b = _word(text, 0) + _K2, _word(text, n - 8)
        return _two((_turn(b, 37) * factor + a) & _BITS, (_turn(a, 25) + b) * factor & _BITS, factor)
    if n >= 4:
        a, b = (int.from_bytes(text[at : at + 4], "little") for at in (0, n - 4))
        return _two(n + (a << 3), b, factor)
    if n:
        y, z = text[0] + (text[n >> 1] << 8), n + (text[-1] << 2)
        return _mix((y * _K2 & _BITS) ^ (z * _K0 & _BITS)) * _K2 & _BITS
    return _K2


def _word(text: bytes, at: int) -> int:
    return int.from_bytes(text[at : at + 8], "little")


def _of_middle(text: bytes) -> int:
    """Of 17 to 64 bytes."""
    n = len(text)
    factor = _K2 + 2 * n
    a, b = _word(text, 0) * (_K1 if n <= 32 else _K2), _word(text, 8)
    c, d = _word(text, n - 8) * factor, _word(text, n - 16) * _K2
    y, rest = (_turn(a + b, 43) + _turn(c, 30) + d) & _BITS, (a + _turn(b + _K2, 18) + c) & _BITS
    z = _two(y, rest, factor)
    if n <= 32:
        return z
    e, f = _word(text, 16) * factor, _word(text, 24)
    g, h = (y + _word(text, n - 32)) * factor, (z + _word(text, n - 24)) * factor
    return _two((_turn(e + f, 43) + _turn(g, 30) + h) & _BITS, (e + _turn(f + a, 18) + g) & _BITS, factor)


def _of_long(text: bytes) -> int:
    """Of more than 64 bytes: in blocks of 64, of which the last may overlap the one before."""
    last = (len(text) - 1) // 64 * 64
    rest = (len(text) - 1) & 63
    x, y = (81 * _K2 + _word(text, 0)) & _BITS, (81 * _K1 + 113) & _BITS
    z, v, w = _mix(y * _K2 + 113) * _K2 & _BITS, (0, 0), (0, 0)
    for at in range(0, last, 64):
        x, y, z, v, w = _block(text, at, x, y, z, v, w, _K1, 1)
    factor = _K1 + ((z & 0xFF) << 1)
    w = (w[0] + rest, w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _block(text, last + rest - 63, x, y, z, v, w, factor, 9)
    first = _two(v[0] & _BITS, w[0] & _BITS, factor) + _mix(y) * _K0 + z
    return _two(first & _BITS, (_two(v[1] & _BITS, w[1] & _BITS, factor) + x) & _BITS, factor)


def _block(text: bytes, at: int, x: int, y: int, z: int, v: tuple, w: tuple, factor: int, times: int) -> tuple:
    """What is kept, after 64 bytes more."""
    x = _turn(x + y + v[0] + _word(text, at + 8), 37) * factor
    y = _turn(y + v[1] + _word(text, at + 48), 42) * factor
    x = (x & _BITS) ^ (w[1] * times & _BITS)
    y = (y + v[0] * times + _word(text, at + 40)) & _BITS
    z = _turn(z + w[0], 33) * factor & _BITS
    v = _half(text, at, v[1] * factor, x + w[0])
    w = _half(text, at + 32, z + w[1], y + _word(text, at + 16))
    return z, y, x, v, w


def _half(text: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    first, second, third, fourth = (_word(text, at + i) for i in (0, 8, 16, 24))
    a += first
    b = _turn(b + a + fourth, 21)
    c = a
    a += second + third
    return (a + fourth) & _BITS, (b + _turn(a, 44) + c) & _BITS


def keyed(text: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of a text, which without the key, two numbers of 64 bits, nobody can foresee."""
    k0, k1 = (part & _BITS for part in key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    n = len(text)
    filled = text + bytes(7 - n % 8) + bytes([n & 0xFF])
    for at in range(0, len(filled), 8):
        word = _word(filled, at)
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], times: int) -> None:
    """SipHash's round, so many times."""
    a, b, c, d = v
    for _ in range(times):
        a, c = (a + b) & _BITS, (c + d) & _BITS
        b, d = _turn(b, 51) ^ a, _turn(d, 48) ^ c
        a = _turn(a, 32)
        c, a = (c + b) & _BITS, (a + d) & _BITS
        b, d = _turn(b, 47) ^ c, _turn(d, 43) ^ a
        c = _turn(c, 32)
    v[:] = a, b, c, d


def crossed(numbers: list[int]) -> int:
    """One number for several, in their order: those of texts are their fingerprints."""
    found = _CROSS_KEY
    for number in numbers:
        found ^= _CROSS_FACTOR ^ (_mix(number * _CROSS_FACTOR) * _CROSS_FACTOR & _BITS)
        found = _mix(found * _CROSS_FACTOR) * _CROSS_FACTOR
        found = _mix(found)
    return found
