//===- Machine.cpp - what this machine reaches at best --------------------===//

#include "Machine.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

using namespace mlir::attn;

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Results that nobody reads would be optimised away.
volatile float floatSink;
volatile uint64_t integerSink;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Runs `rounds` steps of independent chains; returns the operations done.
using ProductLoop = double (*)(int64_t rounds);

// Enough chains to cover the latency of two units. A macro, since the function attribute must
// stand on the very function that holds the vectors.
#define PRODUCT_LOOP(name, features, lanes, chains, step)                                          \
  features double name(int64_t rounds) {                                                           \
    typedef float Vector __attribute__((vector_size(4 * lanes)));                                  \
    Vector sum[chains], a = {}, b = {};                                                            \
    for (int lane = 0; lane < lanes; ++lane) {                                                     \
      a[lane] = 0.999f;                                                                            \
      b[lane] = 1e-3f;                                                                             \
    }                                                                                              \
    for (int i = 0; i < chains; ++i)                                                               \
      sum[i] = b * static_cast<float>(i);                                                          \
    for (int64_t round = 0; round < rounds; ++round)                                               \
      _Pragma("unroll") for (int i = 0; i < chains; ++i) sum[i] = step;                            \
    float total = 0;                                                                               \
    for (int i = 0; i < chains; ++i)                                                               \
      total += sum[i][0];                                                                          \
    floatSink = total;                                                                             \
    return 2.0 * lanes * chains * static_cast<double>(rounds);                                     \
  }

#if defined(__x86_64__)
#define FEATURES(list) __attribute__((target(list)))
PRODUCT_LOOP(products512, FEATURES("avx512f"), 16, 16, __builtin_elementwise_fma(sum[i], a, b))
PRODUCT_LOOP(products256, FEATURES("avx2,fma"), 8, 12, __builtin_elementwise_fma(sum[i], a, b))
#endif
PRODUCT_LOOP(productsPlain, , 4, 12, sum[i] * a + b)

ProductLoop widestProducts() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return products512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return products256;
#endif
  return productsPlain;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

#define READ_LOOP(name, features, bytes)                                                           \
  features void name(const char *data, size_t size) {                                              \
    typedef uint64_t Vector __attribute__((vector_size(bytes)));                                   \
    Vector sum[8] = {};                                                                            \
    for (size_t at = 0; at + 8 * bytes <= size; at += 8 * bytes)                                   \
      _Pragma("unroll") for (int i = 0; i < 8; ++i) sum[i] +=                                      \
          *reinterpret_cast<const Vector *>(data + at + i * bytes);                                \
    uint64_t total = 0;                                                                            \
    for (int i = 0; i < 8; ++i)                                                                    \
      total += sum[i][0];                                                                          \
    integerSink = total;                                                                           \
  }

#if defined(__x86_64__)
READ_LOOP(read512, FEATURES("avx512f"), 64)
READ_LOOP(read256, FEATURES("avx2"), 32)
#endif
READ_LOOP(readPlain, , 16)

using ReadLoop = void (*)(const char *, size_t);

ReadLoop widestReads() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return read512;
  if (__builtin_cpu_supports("avx2"))
    return read256;
#endif
  return readPlain;
}

/// Runs `body(thread)` in each of `threads` threads at once; seconds until the last is done.
double timeThreads(unsigned threads, const std::function<void(unsigned)> &body) {
  std::vector<std::thread> others;
  auto start = Clock::now();
  for (unsigned i = 1; i < threads; ++i)
    others.emplace_back(body, i);
  body(0);
  for (std::thread &other : others)
    other.join();
  return secondsSince(start);
}

double measureProducts(unsigned threads) {
  ProductLoop loop = widestProducts();
  constexpr int64_t rounds = 1 << 19;
  double best = 0;
  for (int repeat = 0; repeat < 7; ++repeat) {
    std::vector<double> done(threads);
    double seconds = timeThreads(threads, [&](unsigned i) { done[i] = loop(rounds); });
    double total = 0;
    for (double operations : done)
      total += operations;
    best = std::max(best, total / seconds);
  }
  return best;
}

double measureReads(unsigned threads) {
  ReadLoop loop = widestReads();
  constexpr size_t size = size_t(256) << 20;
  std::unique_ptr<char, decltype(&std::free)> data(
      static_cast<char *>(std::aligned_alloc(4096, size)), &std::free);
  if (!data)
    return 0;
  size_t part = size / threads / 4096 * 4096;
  // Touched by the thread that will read it, for machines with memory per socket.
  timeThreads(threads, [&](unsigned i) { std::memset(data.get() + i * part, 1, part); });
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    double seconds = timeThreads(threads, [&](unsigned i) { loop(data.get() + i * part, part); });
    best = std::max(best, static_cast<double>(part) * threads / seconds);
  }
  return best;
}

} // namespace

MachineCeiling mlir::attn::measureCeiling(unsigned threads) {
  threads = threads ? threads : 1;
  return {measureProducts(threads), measureReads(threads)};
}
