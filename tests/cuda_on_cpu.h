// What a CUDA kernel finds around it, on a CPU. Read `cuda_on_cpu.py`, which puts it before the source of kernels.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <tuple>
#include <utility>
#include <vector>
#include <ucontext.h>

using std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atan2, std::atanh, std::ceil, std::copysign, std::cos;
using std::cosh, std::erf, std::exp, std::expm1, std::fabs, std::floor, std::fmod, std::hypot, std::isfinite, std::isinf;
using std::isnan, std::log, std::log10, std::log1p, std::log2, std::pow, std::rint, std::signbit, std::sin, std::sinh;
using std::sqrt, std::tan, std::tanh, std::trunc;

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(threads)

struct Place { unsigned x, y, z; };
static Place threadIdx, blockIdx, blockDim, gridDim;

// -- numbers

static float __int_as_float(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static double __longlong_as_double(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }

struct __half { uint16_t bits; };
static float __half2float(__half x)
{
    const int exponent = x.bits >> 10 & 31, fraction = x.bits & 1023;
    const float size = exponent == 31 ? (fraction ? NAN : INFINITY)
        : exponent ? ldexpf(1024 + fraction, exponent - 25) : ldexpf(fraction, -24);
    return x.bits >> 15 ? -size : size;
}
static __half __double2half(double x)
{
    const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    if (x != x) return {uint16_t(sign | 0x7e00)};
    const double size = fabs(x);
    if (size >= 65520) return {uint16_t(sign | 0x7c00)};
    int exponent = size < ldexp(1, -14) ? -14 : ilogb(size);
    int fraction = int(nearbyint(ldexp(size, 10 - exponent)));  // 1024 and more, but for the smallest numbers
    return {uint16_t(sign | (fraction + (exponent + 14) * 1024))};
}
static __half __float2half_rn(float x) { return __double2half(x); }

// -- threads that wait for each other

struct Meeting { int alive = 0, arrived = 0, generation = 0; };
static const int STACK = 1 << 16;
static std::vector<ucontext_t> fibers;
static std::vector<char> done, stacks;
static std::vector<Meeting> warps;
static Meeting whole;
static ucontext_t scheduler;
static int current;
static long progress;
static char slots[1024][16];
static void (*thread)();

static void yield() { swapcontext(&fibers[current], &scheduler); }
static void meet(Meeting& all)
{
    const int generation = all.generation;
    all.arrived++, progress++;
    while (all.generation == generation) {
        if (all.arrived >= all.alive) all.arrived = 0, all.generation++, progress++;
        else yield();
    }
}
static void __syncthreads() { meet(whole); }
static void __syncwarp() { meet(warps[current / 32]); }
static void __threadfence() {}
template <typename T> static T __shfl_xor_sync(unsigned, T x, int mask)
{
    memcpy(slots[current], &x, sizeof(T));
    meet(warps[current / 32]);
    const int other = current ^ mask;
    if (other < int(done.size()) && !done[other]) memcpy(&x, slots[other], sizeof(T));
    else memset((void*)&x, 0xa5, sizeof(T));
    meet(warps[current / 32]);
    return x;
}
static int atomicAdd(int* p, int x) { const int old = *p; *p += x; return old; }
static unsigned atomicAdd(unsigned* p, unsigned x) { const unsigned old = *p; *p += x; return old; }
static unsigned long long atomicAdd(unsigned long long* p, unsigned long long x) { const auto old = *p; *p += x; return old; }
static float atomicAdd(float* p, float x) { const float old = *p; *p += x; return old; }
static double atomicAdd(double* p, double x) { const double old = *p; *p += x; return old; }
static __half atomicAdd(__half* p, __half x)
{
    const __half old = *p;
    *p = __float2half_rn(__half2float(old) + __half2float(x));
    return old;
}
static unsigned atomicInc(unsigned* p, unsigned last) { const unsigned old = *p; *p = old >= last ? 0 : old + 1; return old; }

static void fiber()
{
    thread();
    warps[current / 32].alive--, whole.alive--, progress++, done[current] = 1;
    yield();
}
static Place place(int number, Place extent)
{
    return {number % extent.x, number / extent.x % extent.y, number / extent.x / extent.y};
}
static int run_block(int count, bool meets, bool backwards)
{
    if (!meets) {
        for (int i = 0; i < count; i++) threadIdx = place(backwards ? count - 1 - i : i, blockDim), thread();
        return 0;
    }
    fibers.resize(count), done.assign(count, 0), stacks.resize(size_t(count) * STACK);
    warps.assign((count + 31) / 32, Meeting()), whole = Meeting(), whole.alive = count;
    for (int i = 0; i < count; i++) {
        warps[i / 32].alive++;
        getcontext(&fibers[i]);
        fibers[i].uc_stack.ss_sp = &stacks[size_t(i) * STACK], fibers[i].uc_stack.ss_size = STACK;
        makecontext(&fibers[i], fiber, 0);
    }
    while (whole.alive) {
        const long before = progress;
        for (int i = 0; i < count; i++) {
            current = backwards ? count - 1 - i : i;
            threadIdx = place(current, blockDim);
            if (!done[current]) swapcontext(&scheduler, &fibers[current]);
        }
        if (progress == before) return 1;  // each waits for another one
    }
    return 0;
}
static int run(Place grid, Place block, bool meets, bool backwards)
{
    gridDim = grid, blockDim = block;
    const int blocks = grid.x * grid.y * grid.z;
    for (int i = 0; i < blocks; i++) {
        blockIdx = place(backwards ? blocks - 1 - i : i, grid);
        if (run_block(block.x * block.y * block.z, meets, backwards)) return 1;
    }
    return 0;
}
static void** arguments;
template <typename... A, size_t... I> static void call(void (*kernel)(A...), std::index_sequence<I...>)
{
    kernel((A)arguments[I]...);
}
template <typename... A> static void call(void (*kernel)(A...)) { call(kernel, std::index_sequence_for<A...>()); }
