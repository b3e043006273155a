/*===- attn_cpu.c - what the running processor can do ---------------------===*/

#include "attn_cpu.h"

#include <stdlib.h>
#include <string.h>

typedef struct feature_bit {
  const char *name;
  uint32_t where, bit, state;
} feature_bit;

static int is_named(const feature_bit *known, const char *name, int32_t length) {
  return (int32_t)strlen(known->name) == length && memcmp(known->name, name, length) == 0;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* Words of CPUID that hold features, by leaf, subleaf and register. */
enum { L1_ECX, L1_EDX, L7_EBX, L7_ECX, L7_EDX, L7_1_EAX, EXT_ECX, WORDS };

/* Register state that the operating system must save, as bits of XCR0. */
enum { YMM = 0x6, ZMM = 0xe6, TILE = 0x60000 };

static const feature_bit known[] = {
    {"sse2", L1_EDX, 26, 0},
    {"ssse3", L1_ECX, 9, 0},
    {"sse4.1", L1_ECX, 19, 0},
    {"sse4.2", L1_ECX, 20, 0},
    {"popcnt", L1_ECX, 23, 0},
    {"avx", L1_ECX, 28, YMM},
    {"f16c", L1_ECX, 29, YMM},
    {"fma", L1_ECX, 12, YMM},
    {"bmi", L7_EBX, 3, 0},
    {"avx2", L7_EBX, 5, YMM},
    {"bmi2", L7_EBX, 8, 0},
    {"lzcnt", EXT_ECX, 5, 0},
    {"gfni", L7_ECX, 8, 0},
    {"avx512f", L7_EBX, 16, ZMM},
    {"avx512dq", L7_EBX, 17, ZMM},
    {"avx512cd", L7_EBX, 28, ZMM},
    {"avx512bw", L7_EBX, 30, ZMM},
    {"avx512vl", L7_EBX, 31, ZMM},
    {"avx512vbmi", L7_ECX, 1, ZMM},
    {"avx512vbmi2", L7_ECX, 6, ZMM},
    {"avx512vnni", L7_ECX, 11, ZMM},
    {"avx512bitalg", L7_ECX, 12, ZMM},
    {"avx512vpopcntdq", L7_ECX, 14, ZMM},
    {"avx512bf16", L7_1_EAX, 5, ZMM},
    {"avx512fp16", L7_EDX, 23, ZMM},
    {"amx-bf16", L7_EDX, 22, TILE},
    {"amx-tile", L7_EDX, 24, TILE},
};

static void read_words(uint32_t *words) {
  uint32_t a, b, c, d;
  memset(words, 0, WORDS * sizeof(*words));
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    words[L1_ECX] = c;
    words[L1_EDX] = d;
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    uint32_t subleaves = a;
    words[L7_EBX] = b;
    words[L7_ECX] = c;
    words[L7_EDX] = d;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
      words[L7_1_EAX] = a;
  }
  if (__get_cpuid(0x80000001u, &a, &b, &c, &d))
    words[EXT_ECX] = c;
}

/* Registers that the operating system saves; none when it does not say (OSXSAVE). */
static uint32_t saved_state(const uint32_t *words) {
  uint32_t low, high;
  if (!(words[L1_ECX] >> 27 & 1))
    return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

int attn_cpu_has(const char *feature, int32_t length) {
  uint32_t words[WORDS], saved;
  size_t i;
  read_words(words);
  saved = saved_state(words);
  for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i)
    if (is_named(&known[i], feature, length))
      return (words[known[i].where] >> known[i].bit & 1) &&
             (saved & known[i].state) == known[i].state;
  return 0;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* HWCAP_FPHP, HWCAP_ASIMDDP, HWCAP_SVE; HWCAP2_SVE2, HWCAP2_I8MM, HWCAP2_BF16. */
static const feature_bit known[] = {
    {"fullfp16", AT_HWCAP, 9, 0}, {"dotprod", AT_HWCAP, 20, 0}, {"sve", AT_HWCAP, 22, 0},
    {"sve2", AT_HWCAP2, 1, 0},    {"i8mm", AT_HWCAP2, 13, 0},   {"bf16", AT_HWCAP2, 14, 0},
};

int attn_cpu_has(const char *feature, int32_t length) {
  size_t i;
  for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i)
    if (is_named(&known[i], feature, length))
      return (int)(getauxval(known[i].where) >> known[i].bit & 1);
  return 0;
}

#else
int attn_cpu_has(const char *feature, int32_t length) {
  (void)feature, (void)length, (void)is_named;
  return 0;
}
#endif

int attn_cpu_has_all(const char *features) {
  while (*features) {
    int32_t length = (int32_t)strcspn(features, ",");
    if (length && !attn_cpu_has(features, length))
      return 0;
    features += length + (features[length] == ',');
  }
  return 1;
}

int32_t attn_cpu_pick(const char *const *names, const char *const *features, int32_t count) {
  const char *wanted = getenv("ATTN_CPU_VARIANT");
  int32_t i;
  for (i = 0; i < count; ++i)
    if ((!wanted || !*wanted || strcmp(wanted, names[i]) == 0) && attn_cpu_has_all(features[i]))
      return i;
  return -1;
}

int32_t attn_cpu_picked(const char *const *names, const char *const *features, int32_t count,
                        int32_t *choice) {
  /* 0: not asked; otherwise the answer and 2. Two threads that ask at once get the same. */
  int32_t known_choice = __atomic_load_n(choice, __ATOMIC_RELAXED);
  if (known_choice == 0) {
    known_choice = attn_cpu_pick(names, features, count) + 2;
    __atomic_store_n(choice, known_choice, __ATOMIC_RELAXED);
  }
  return known_choice - 2;
}
