// What a CUDA kernel finds around it, on a CPU. Read `cuda_on_cpu.py`, which puts it before the source of kernels.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <memory>
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
#define __shared__ static __attribute__((section("shared")))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

struct Place { unsigned x, y, z; };
static Place threadIdx, blockIdx, blockDim, gridDim;

// -- numbers

#define __CUDA_ARCH__ 900
static int __float_as_int(float x) { int bits; memcpy(&bits, &x, 4); return bits; }
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
struct Block {
    Place place;
    std::vector<ucontext_t> fibers;
    std::vector<char> done, shared;
    std::unique_ptr<char[]> stacks;
    std::vector<Meeting> warps;
    Meeting whole;
};
static Block* here;  // the block that runs
static ucontext_t scheduler;
static int current;
static long progress;
static bool handed_over, asleep;
static int left_out;  // a place where all blocks would meet, and do not
static char slots[1024][16];
static void (*thread)();

static void yield() { swapcontext(&here->fibers[current], &scheduler); }
static void meet(Meeting& all)
{
    const int generation = all.generation;
    all.arrived++, progress++;
    while (all.generation == generation) {
        if (all.arrived >= all.alive) all.arrived = 0, all.generation++, progress++;
        else yield();
    }
}
static void __syncthreads() { meet(here->whole); }
static void __syncwarp() { meet(here->warps[current / 32]); }

// What a thread writes for other blocks they see when it has said that they may, by a fence.
static std::vector<std::pair<void*, void (*)(void*)>> unseen[1024];
static void __threadfence()
{
    for (auto& [number, show] : unseen[current]) show(number);
    unseen[current].clear();
}
template <typename T> struct Late {
    T seen, written;
    void operator=(T x) { written = x, unseen[current].push_back({this, [](void* p) { ((Late*)p)->seen = ((Late*)p)->written; }}); }
};

template <typename T> static T __shfl_xor_sync(unsigned, T x, int mask)
{
    memcpy(slots[current], &x, sizeof(T));
    meet(here->warps[current / 32]);
    const int other = current ^ mask;
    if (other < int(here->done.size()) && !here->done[other]) memcpy(&x, slots[other], sizeof(T));
    else memset((void*)&x, 0xa5, sizeof(T));
    meet(here->warps[current / 32]);
    return x;
}
// mma.sync.m16n8k8, as PTX has it: which numbers of a (16 x 8), b (8 x 8) and c (16 x 8) the 32 threads of a warp hand over.
static float a_of_warp[32][16][8], b_of_warp[32][8][8];
static void mma(float (&c)[4], int a0, int a1, int a2, int a3, int b0, int b1)
{
    const int lane = current % 32, group = lane / 4, within = lane % 4;
    auto& a = a_of_warp[current / 32];
    auto& b = b_of_warp[current / 32];
    a[group][within] = __int_as_float(a0), a[group + 8][within] = __int_as_float(a1);
    a[group][within + 4] = __int_as_float(a2), a[group + 8][within + 4] = __int_as_float(a3);
    b[within][group] = __int_as_float(b0), b[within + 4][group] = __int_as_float(b1);
    meet(here->warps[current / 32]);
    for (int e = 0; e < 4; e++)
        for (int k = 0; k < 8; k++) c[e] += a[group + e / 2 * 8][k] * b[k][within * 2 + e % 2];
    meet(here->warps[current / 32]);
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
static unsigned atomicInc(unsigned* p, unsigned last)
{
    const unsigned old = *p;
    *p = old >= last ? 0 : old + 1;
    handed_over = true;  // so now is the time for other blocks
    yield();
    return old;
}

static void __nanosleep(unsigned)
{
    asleep = true;  // until others have done something
    yield();
}

static void fiber()
{
    thread();
    here->warps[current / 32].alive--, here->whole.alive--, progress++, here->done[current] = 1;
    yield();
}
static Place place(int number, Place extent)
{
    return {number % extent.x, number / extent.x % extent.y, number / extent.x / extent.y};
}

extern "C" char __start_shared[] __attribute__((weak)), __stop_shared[] __attribute__((weak));
static void enter(Block& block)
{
    const size_t size = __stop_shared - __start_shared;
    if (here && size) here->shared.assign(__start_shared, __stop_shared);
    here = &block, blockIdx = block.place;
    if (!block.shared.empty()) memcpy(__start_shared, block.shared.data(), size);
}
static std::unique_ptr<Block> new_block(Place at, int count)
{
    auto block = std::make_unique<Block>();
    block->place = at;
    block->fibers.resize(count), block->done.assign(count, 0), block->stacks.reset(new char[size_t(count) * STACK]);
    block->warps.resize((count + 31) / 32), block->whole.alive = count;
    for (int i = 0; i < count; i++) {
        block->warps[i / 32].alive++;
        getcontext(&block->fibers[i]);
        block->fibers[i].uc_stack.ss_sp = &block->stacks[size_t(i) * STACK], block->fibers[i].uc_stack.ss_size = STACK;
        makecontext(&block->fibers[i], fiber, 0);
    }
    return block;
}
enum { DONE, STUCK, PAUSED, ASLEEP };
// Threads go on in turns, a step each; or, `by_warps`, the last warp as far as it comes without the others, then the one before.
static int go_on(Block& block, bool backwards, bool pausing, bool by_warps = false)
{
    enter(block);
    const int count = block.fibers.size(), together = by_warps ? 32 : count;
    while (block.whole.alive) {
        const long before = progress;
        for (int first = (count - 1) / together * together; first >= 0; first -= together) {
            const int end = std::min(first + together, count);
            long here_before;
            do {
                here_before = progress;
                for (int i = first; i < end; i++) {
                    current = backwards ? count - 1 - i : i;
                    threadIdx = place(current, blockDim);
                    if (!block.done[current]) swapcontext(&scheduler, &block.fibers[current]);
                    if (std::exchange(handed_over, false) && pausing) {
                        for (auto& numbers : unseen) numbers.clear();  // nobody looks after this block's threads any more
                        return PAUSED;
                    }
                    if (std::exchange(asleep, false)) return ASLEEP;
                }
            } while (by_warps && progress != here_before);
        }
        if (progress == before) return STUCK;  // each waits for another one
    }
    for (auto& numbers : unseen) numbers.clear();
    return DONE;
}
static int run(Place grid, Place block, bool meets, bool backwards)
{
    gridDim = grid, blockDim = block;
    const int blocks = grid.x * grid.y * grid.z, count = block.x * block.y * block.z;
    std::vector<std::unique_ptr<Block>> paused;
    for (int i = 0; i < blocks; i++) {
        const Place at = place(backwards ? blocks - 1 - i : i, grid);
        if (!meets) {
            blockIdx = at;
            for (int k = 0; k < count; k++) threadIdx = place(backwards ? count - 1 - k : k, blockDim), thread();
            continue;
        }
        auto next = new_block(at, count);
        const int how = go_on(*next, backwards, true);
        if (how == STUCK) return here = nullptr, 1;
        if (how == PAUSED) paused.push_back(std::move(next));
        else here = nullptr;
    }
    for (; !paused.empty(); paused.pop_back()) {  // the block that came last is done first
        if (go_on(*paused.back(), backwards, false) == STUCK) return here = nullptr, 1;
        here = nullptr;
    }
    return 0;
}
// Blocks that are there at the same time, and wait for each other: each goes on until it waits. `order` says which is next:
// 0 forwards, 1 backwards, more: as a number drawn at random says, which it begins with; then warps go on by themselves.
static int run_together(Place grid, Place block, unsigned order, int without)
{
    left_out = without;
    gridDim = grid, blockDim = block;
    const int blocks = grid.x, count = block.x * block.y * block.z;
    const bool by_warps = order > 1;
    std::vector<std::unique_ptr<Block>> left;
    for (int i = 0; i < blocks; i++) left.push_back(new_block(place(order == 1 ? blocks - 1 - i : i, grid), count));
    while (!left.empty()) {
        const long before = progress;
        for (size_t i = left.size(); order > 1 && i > 1; i--)
            order = order * 1664525u + 1013904223u | 2, std::swap(left[i - 1], left[(order >> 8) % i]);
        for (size_t i = 0; i < left.size();) {
            const int how = go_on(*left[i], order == 1, false, by_warps);
            if (how == STUCK) return here = nullptr, 1;
            if (how == ASLEEP) i++;
            else left.erase(left.begin() + i), here = nullptr;
        }
        if (!left.empty() && progress == before) return here = nullptr, 1;
    }
    return 0;
}
static void** arguments;
template <typename... A, size_t... I> static void call(void (*kernel)(A...), std::index_sequence<I...>)
{
    kernel((A)arguments[I]...);
}
template <typename... A> static void call(void (*kernel)(A...)) { call(kernel, std::index_sequence_for<A...>()); }
