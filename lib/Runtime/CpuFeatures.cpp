//===- CpuFeatures.cpp - what the running processor can do ----------------===//

#include "CpuFeatures.h"

#include "CPU/attn_cpu.h"

bool attn_rt::machineHasFeature(const std::string &feature) {
  return attn_cpu_has(feature.data(), static_cast<int32_t>(feature.size())) != 0;
}
