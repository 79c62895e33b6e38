"""Functions that generated kernels call, as CUDA C++: only those that a kernel needs stand in its source.

Read next: `launch.py`, which puts a kernel together.
"""

from __future__ import annotations

import re

HELPERS: dict[str, str] = {
    "rounded": """\
// A number as float16 has it: these are computed in float32, and rounded after each operation.
__device__ float rounded(float x) { return __half2float(__float2half_rn(x)); }
__device__ float rounded(double x) { return __half2float(__double2half(x)); }
""",
    "floor_remainder": """\
// What is left of a after subtracting b a whole number of times: of the sign of b.
template <typename T> __device__ T floor_remainder(T a, T b)
{
    const T rest = fmod(a, b);
    if (rest == 0) return copysign(rest, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}
""",
    "floor_quotient": """\
// a / b, rounded downwards. The quotient of a number without its remainder is whole but for a rounding error.
template <typename T> __device__ T floor_quotient(T a, T b)
{
    if (b == 0) return a / b;
    const T rest = fmod(a, b);
    T whole = (a - rest) / b;
    if (rest != 0 && (rest < 0) != (b < 0)) whole -= 1;
    if (whole == 0) return copysign(whole, a / b);
    const T below = floor(whole);
    return 2 * (whole - below) > 1 ? below + 1 : below;
}
""",
    "whole_remainder": """\
// The same of integers; 0 where b is 0.
template <typename T> __device__ T whole_remainder(T a, T b)
{
    if (b == 0 || b == -1) return 0;
    const T rest = a % b;
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
""",
    "whole_quotient": """\
// a / b, rounded downwards, of integers; 0 where b is 0.
template <typename T> __device__ T whole_quotient(T a, T b)
{
    if (b == 0) return 0;
    if (b == -1) return -a;
    const T whole = a / b;
    return whole * b != a && (a < 0) != (b < 0) ? whole - 1 : whole;
}
""",
    "whole_power": """\
// base to a whole power that is not negative, by squaring.
template <typename T> __device__ T whole_power(T base, T exponent)
{
    T product = 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if (exponent & 1) product *= base;
    return product;
}
""",
    "wrapped": """\
// A place along an axis of n elements; -1 is the last one.
__device__ long long wrapped(long long place, long long n)
{
    if (place >= 0 && place < n) return place;
    place %= n;
    return place < 0 ? place + n : place;
}
""",
    "Four": """\
// Four numbers that are read or written at once where they lie at an address that allows it.
template <typename T> struct alignas(4 * sizeof(T)) Four { T at[4]; };
template <typename T> __device__ Four<T> four(const T* p, long long left)
{
    if (left >= 4 && (unsigned long long)p % sizeof(Four<T>) == 0) return *(const Four<T>*)p;
    Four<T> x;
    for (int k = 0; k < 4; k++) x.at[k] = p[k < left ? k : 0];
    return x;
}
template <typename T> __device__ void put(T* p, long long left, Four<T> x)
{
    if (left >= 4 && (unsigned long long)p % sizeof(Four<T>) == 0) *(Four<T>*)p = x;
    else for (int k = 0; k < 4; k++) if (k < left) p[k] = x.at[k];
}
""",
    "in_row": """\
// What lies so many bytes further.
template <typename T> __device__ T* in_row(T* p, long long nbytes) { return (T*)((unsigned char*)p + nbytes); }
""",
    "all_blocks_meet": """\
// All blocks wait for the last one, and see what all of them have written. The first adds as much as makes the highest bit
// another one when all have come: so the counter begins anew by itself.
__device__ void all_blocks_meet(unsigned int* arrived)
{
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence();
        const unsigned int before = atomicAdd(arrived, blockIdx.x == 0 ? 0x80000000u - (gridDim.x - 1) : 1u);
        while (((before ^ *(volatile unsigned int*)arrived) & 0x80000000u) == 0) __nanosleep(32);
        __threadfence();
    }
    __syncthreads();
}
""",
    "as_tf32": """\
// A number as tensor cores take it, rounded to 10 binary digits after the first.
__device__ float as_tf32(float x) { return x == x ? __int_as_float((__float_as_int(x) + 0x1000) & ~0x1fff) : x; }
""",
    "by_tensor_cores": """\
// sums += a b, of 8 columns of a and rows of b, which lie so many elements apart. A warp has tiles of 16 x 8 numbers, of each
// of which a thread has four, in two rows; it hands over four numbers of a and two of b.
template <int a_step, int b_step, int down, int across>
__device__ void by_tensor_cores(const float* a, const float* b, float (&sums)[down][across][4])
{
    const int lane = threadIdx.x % 32, far = lane / 4, near = lane % 4;
    #pragma unroll
    for (int i = 0; i < down; i++)
        #pragma unroll
        for (int j = 0; j < across; j++) {
            float (&c)[4] = sums[i][j];
            const float* x = a + 16 * i;
            const float* y = b + 8 * j;
#if __CUDA_ARCH__ >= 800
            const int a0 = __float_as_int(x[near * a_step + far]), a1 = __float_as_int(x[near * a_step + far + 8]);
            const int a2 = __float_as_int(x[(near + 4) * a_step + far]), a3 = __float_as_int(x[(near + 4) * a_step + far + 8]);
            const int b0 = __float_as_int(y[near * b_step + far]), b1 = __float_as_int(y[(near + 4) * b_step + far]);
            asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                         : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                         : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
#else
            for (int k = 0; k < 8; k++)
                for (int e = 0; e < 4; e++) c[e] += x[k * a_step + far + e / 2 * 8] * y[k * b_step + near * 2 + e % 2];
#endif
        }
}
""",
    "across": """\
// The number of the thread whose lane differs in one bit.
template <typename T> __device__ T across(T x, int bit) { return __shfl_xor_sync(0xffffffffu, x, bit); }
""",
    "At": """\
// A number and its place.
template <typename T> struct At { T value; long long place; };
template <typename T> __device__ At<T> across(At<T> x, int bit) { return {across(x.value, bit), across(x.place, bit)}; }
""",
    "First": """\
// Of two numbers the one that is left when they are put together, and its place; of equal ones the first, and nan before all.
template <typename Fold> struct First {
    template <typename T> static __device__ At<T> of(At<T> a, At<T> b)
    {
        const T left = Fold::of(a.value, b.value);
        const bool a_wins = a.value == left || a.value != a.value, b_wins = b.value == left || b.value != b.value;
        return a_wins == b_wins ? (a.place < b.place ? a : b) : a_wins ? a : b;
    }
};
""",
    "over_lanes": """\
// What the threads of a row have found, put together by every one of them: the row has `lanes` threads of a warp.
template <typename Fold, int lanes, typename T> __device__ T over_lanes(T found)
{
    for (int bit = lanes / 2; bit > 0; bit /= 2) found = Fold::of(found, across(found, bit));
    return found;
}
""",
    "over_block": """\
// The same for a row that has a block: first each warp, then the warps.
template <typename Fold, int lanes, typename T> __device__ T over_block(T found)
{
    __shared__ T warps[lanes / 32];
    found = over_lanes<Fold, 32>(found);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = found;
    __syncthreads();
    found = over_lanes<Fold, lanes / 32>(warps[threadIdx.x % (lanes / 32)]);
    __syncthreads();  // before the next row's numbers go there
    return found;
}
""",
    "over_tile": """\
// The same for a tile of rows: every so many-th thread of the block has the same row.
template <typename Fold, int rows, int lanes, typename T> __device__ T over_tile(T found)
{
    __shared__ T tile[lanes][rows];
    const int row = threadIdx.x % rows, lane = threadIdx.x / rows;
    tile[lane][row] = found;
    for (int half = lanes / 2; half > 0; half /= 2) {
        __syncthreads();
        if (lane < half) tile[lane][row] = Fold::of(tile[lane][row], tile[lane + half][row]);
    }
    __syncthreads();
    found = tile[0][row];
    __syncthreads();
    return found;
}
""",
}
"""Source by name, each after those that it needs. A kernel has those whose names occur in it. `reductions.py` adds to them."""


def prelude(text: str) -> str:
    """What has to stand before a kernel: the header of float16 and the helpers, if it needs them."""
    words = _words(text)
    needed = []
    for name, source in reversed(HELPERS.items()):
        if name in words:
            needed.insert(0, f"{source}\n")
            words |= _words(source)
    header = "#include <cuda_fp16.h>\n\n" if words & {"__half", "__half2float"} else ""
    return "".join([header, *needed])


def _words(source: str) -> set[str]:
    return set(re.findall(r"\w+", re.sub("//.*", "", source)))
