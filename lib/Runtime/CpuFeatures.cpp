//===- CpuFeatures.cpp - what the running processor can do ----------------===//

#include "CpuFeatures.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

using namespace attn_rt;

#if defined(__x86_64__)
// The builtin takes literals only.
#define FEATURE(name)                                                                              \
  if (feature == name)                                                                             \
    return __builtin_cpu_supports(name);

bool attn_rt::machineHasFeature(const std::string &feature) {
  FEATURE("ssse3")
  FEATURE("sse4.1")
  FEATURE("sse4.2")
  FEATURE("popcnt")
  FEATURE("avx")
  FEATURE("avx2")
  FEATURE("fma")
  FEATURE("f16c")
  FEATURE("bmi")
  FEATURE("bmi2")
  FEATURE("lzcnt")
  FEATURE("gfni")
  FEATURE("avx512f")
  FEATURE("avx512bw")
  FEATURE("avx512cd")
  FEATURE("avx512dq")
  FEATURE("avx512vl")
  FEATURE("avx512vbmi")
  FEATURE("avx512vbmi2")
  FEATURE("avx512vnni")
  FEATURE("avx512bitalg")
  FEATURE("avx512vpopcntdq")
  FEATURE("avx512bf16")
  FEATURE("avx512fp16")
  FEATURE("amx-tile")
  FEATURE("amx-bf16")
  return feature == "sse2";
}
#elif defined(__aarch64__) && defined(__linux__)
bool attn_rt::machineHasFeature(const std::string &feature) {
  struct Bit {
    const char *name;
    unsigned long bits, found;
  };
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  // HWCAP_FPHP, HWCAP_ASIMDDP, HWCAP_SVE; HWCAP2_SVE2, HWCAP2_I8MM, HWCAP2_BF16.
  const Bit known[] = {{"fullfp16", 1UL << 9, first}, {"dotprod", 1UL << 20, first},
                       {"sve", 1UL << 22, first},     {"sve2", 1UL << 1, second},
                       {"i8mm", 1UL << 13, second},   {"bf16", 1UL << 14, second}};
  for (const Bit &bit : known)
    if (feature == bit.name)
      return (bit.found & bit.bits) != 0;
  return false;
}
#else
bool attn_rt::machineHasFeature(const std::string &feature) { return false; }
#endif
