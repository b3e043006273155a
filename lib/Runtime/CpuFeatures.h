//===- CpuFeatures.h - what the running processor can do ------------------===//

#ifndef ATTN_LIB_RUNTIME_CPUFEATURES_H
#define ATTN_LIB_RUNTIME_CPUFEATURES_H

#include <string>

namespace attn_rt {

/// Whether this machine has the feature (LLVM's spelling, such as `avx512f`). A name this runtime
/// does not know counts as missing: refusing beats an illegal instruction.
bool machineHasFeature(const std::string &feature);

} // namespace attn_rt

#endif // ATTN_LIB_RUNTIME_CPUFEATURES_H
