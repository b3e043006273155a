//===- TargetInfo.h - facts of a processor -----------------------------------===//
#ifndef ATTN_LIB_TARGET_CPU_TARGETINFO_H
#define ATTN_LIB_TARGET_CPU_TARGETINFO_H

#include "attn/IR/AttnAttrs.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace mlir::attn {

/// How LLVM names a processor.
struct Processor {
  std::string triple, name, features;
  bool isHost = false;
};

/// The processor of a variant, this machine's for an empty one. Fails after `emitError`.
FailureOr<Processor> findProcessor(StringRef variant, function_ref<InFlightDiagnostic()> emitError);

/// LLVM's machine for a processor, at full optimisation, position independent.
std::unique_ptr<llvm::TargetMachine> createMachine(const Processor &processor);

/// Facts for planning; `machine` answers which instructions exist.
TargetAttr describeProcessor(MLIRContext *context, StringRef targetName, const Processor &processor,
                             llvm::TargetMachine &machine);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_TARGETINFO_H
