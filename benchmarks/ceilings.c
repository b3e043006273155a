/* What this processor can do at best: multiply-adds, bf16 dot products, matrix tiles, reading
 * memory. clang -O2 -fPIC -shared -fopenmp ceilings.c -o libceilings.so Every function gives the
 * sum over `threads` threads, in operations (2 per multiply-add) or bytes per second; 0 where the
 * processor lacks the instructions. */
#include <immintrin.h>
#include <omp.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* With one thread its own time, so that other work on the machine counts less. */
static double now(int threads) {
  struct timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { ROUNDS = 200000, SUMS = 12 };
#define KEEP(x) __asm__ volatile("" : "+x"(x))
#define KEEPV(x) __asm__ volatile("" : "+v"(x))

__attribute__((target("avx2,fma"))) static double fma256(void) {
  __m256 sums[SUMS], a = _mm256_set1_ps(1e-9f);
  for (int i = 0; i < SUMS; ++i)
    sums[i] = _mm256_setzero_ps();
  for (int k = 0; k < ROUNDS; ++k)
#pragma clang loop unroll(full)
    for (int i = 0; i < SUMS; ++i) {
      sums[i] = _mm256_fmadd_ps(a, a, sums[i]);
      KEEP(sums[i]);
    }
  return (double)ROUNDS * SUMS * 16;
}

__attribute__((target("avx512f"))) static double fma512(void) {
  __m512 sums[SUMS], a = _mm512_set1_ps(1e-9f);
  for (int i = 0; i < SUMS; ++i)
    sums[i] = _mm512_setzero_ps();
  for (int k = 0; k < ROUNDS; ++k)
#pragma clang loop unroll(full)
    for (int i = 0; i < SUMS; ++i) {
      sums[i] = _mm512_fmadd_ps(a, a, sums[i]);
      KEEPV(sums[i]);
    }
  return (double)ROUNDS * SUMS * 32;
}

__attribute__((target("avx512f,avx512bf16"))) static double dot512(void) {
  __m512 sums[SUMS];
  __m512bh a = (__m512bh)_mm512_set1_epi16(0x3080);
  for (int i = 0; i < SUMS; ++i)
    sums[i] = _mm512_setzero_ps();
  for (int k = 0; k < ROUNDS; ++k)
#pragma clang loop unroll(full)
    for (int i = 0; i < SUMS; ++i) {
      sums[i] = _mm512_dpbf16_ps(sums[i], a, a);
      KEEPV(sums[i]);
    }
  return (double)ROUNDS * SUMS * 64;
}

/* Four sums from two times two operands, as a kernel uses them. The clock falls when the unit
 * multiplies numbers like a kernel's (2.3 GHz on a Sapphire Rapids or Emerald Rapids server) and
 * stays higher on zeros (2.8 GHz): the ceiling is that of numbers. */
__attribute__((target("amx-tile,amx-bf16"))) static double multiply_tiles(int zeros) {
  struct __attribute__((packed)) {
    uint8_t palette, start, zero[14];
    uint16_t columns[16];
    uint8_t rows[16];
  } shape;
  uint16_t numbers[4][16 * 32];
  uint32_t noise = 1;
  memset(&shape, 0, sizeof shape);
  shape.palette = 1;
  for (int i = 0; i < 8; ++i)
    shape.columns[i] = 64, shape.rows[i] = 16;
  _tile_loadconfig(&shape);
  if (!zeros) {
    for (int i = 0; i < 4 * 16 * 32; ++i) { /* bf16 of magnitudes 1/2 to 2, both signs */
      noise = noise * 1664525u + 1013904223u;
      numbers[i / 512][i % 512] = (uint16_t)(0x3f00 | (noise >> 24) | (noise >> 8 & 0x8000));
    }
    _tile_loadd(4, numbers[0], 64);
    _tile_loadd(5, numbers[1], 64);
    _tile_loadd(6, numbers[2], 64);
    _tile_loadd(7, numbers[3], 64);
  }
  for (int k = 0; k < ROUNDS / 8; ++k) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return (double)(ROUNDS / 8) * 4 * 2 * 16 * 16 * 32;
}
static double tiles(void) { return multiply_tiles(0); }
static double zero_tiles(void) { return multiply_tiles(1); }

static int may_use_tiles(void) { return syscall(SYS_arch_prctl, 0x1023, 18) == 0; }

static double best_rate(double (*work)(void), int threads) {
  double best = 0;
  for (int trial = 0; trial < 8; ++trial) {
    double done = 0, start = now(threads);
#pragma omp parallel num_threads(threads) reduction(+ : done)
    done += work();
    double rate = done / (now(threads) - start);
    if (rate > best)
      best = rate;
  }
  return best;
}

double fma_rate(int threads) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    return best_rate(fma512, threads);
  return __builtin_cpu_supports("avx2") ? best_rate(fma256, threads) : 0;
}
double fma256_rate(int threads) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") ? best_rate(fma256, threads) : 0;
}
double dot_rate(int threads) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") ? best_rate(dot512, threads) : 0;
}
double tile_rate(int threads) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("amx-bf16") && may_use_tiles() ? best_rate(tiles, threads) : 0;
}
double zero_tile_rate(int threads) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("amx-bf16") && may_use_tiles() ? best_rate(zero_tiles, threads) : 0;
}

__attribute__((target("avx2"))) static float read_bytes(const char *p, size_t bytes) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  for (size_t i = 0; i + 128 <= bytes; i += 128) {
    s0 = _mm256_or_ps(s0, _mm256_loadu_ps((const float *)(p + i)));
    s1 = _mm256_or_ps(s1, _mm256_loadu_ps((const float *)(p + i + 32)));
    s2 = _mm256_or_ps(s2, _mm256_loadu_ps((const float *)(p + i + 64)));
    s3 = _mm256_or_ps(s3, _mm256_loadu_ps((const float *)(p + i + 96)));
  }
  s0 = _mm256_or_ps(_mm256_or_ps(s0, s1), _mm256_or_ps(s2, s3));
  return s0[0];
}

/* Seconds of one pass over two buffers of `bytes`, a stretch of `step` bytes of one, then of the
 * other. */
static double pass(const char *a, const char *b, size_t bytes, size_t step, int threads) {
  double start = now(threads);
#pragma omp parallel num_threads(threads)
  {
    size_t share = bytes / (size_t)omp_get_num_threads() & ~(size_t)8191,
           first = share * (size_t)omp_get_thread_num(), part = step ? step : share;
    volatile float keep = 0;
    for (size_t i = 0; part && i < share; i += part)
      keep += read_bytes(a + first + i, part) + read_bytes(b + first + i, part);
  }
  return now(threads) - start;
}

/* The best of some passes: one buffer behind the other, and both in turns of 8 KiB. A kernel is
 * timed by its best, too. */
double read_rate(const char *a, const char *b, size_t bytes, int threads) {
  enum { PASSES = 16 };
  double best = 0;
  for (int i = 0; i < PASSES; ++i) {
    double rate = 2.0 * (double)bytes / pass(a, b, bytes, i % 2 ? 8192 : 0, threads);
    if (rate > best)
      best = rate;
  }
  return best;
}
