//===- CpuFeatures.cpp - what the running processor can do ----------------===//

#include "CpuFeatures.h"

using namespace attn_rt;

#if defined(__x86_64__)
// The builtin takes literals only.
#define FEATURE(name)                                                                              \
  if (feature == name)                                                                             \
    return __builtin_cpu_supports(name);

bool attn_rt::machineHasFeature(const std::string &feature) {
  FEATURE("sse4.1")
  FEATURE("sse4.2")
  FEATURE("popcnt")
  FEATURE("avx")
  FEATURE("avx2")
  FEATURE("fma")
  FEATURE("f16c")
  FEATURE("bmi")
  FEATURE("bmi2")
  FEATURE("avx512f")
  FEATURE("avx512bw")
  FEATURE("avx512cd")
  FEATURE("avx512dq")
  FEATURE("avx512vl")
  FEATURE("avx512vnni")
  FEATURE("avx512bf16")
  FEATURE("avx512fp16")
  FEATURE("amx-tile")
  FEATURE("amx-bf16")
  return feature == "sse2";
}
#else
bool attn_rt::machineHasFeature(const std::string &feature) { return false; }
#endif
