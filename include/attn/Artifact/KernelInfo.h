//===- KernelInfo.h - facts of a compiled kernel, gathered once -----------===//
//
// The header, the manifest and the report are printed from this one record.

#ifndef ATTN_ARTIFACT_KERNELINFO_H
#define ATTN_ARTIFACT_KERNELINFO_H

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace mlir::attn {

/// One argument of an entry: inputs first, then outputs, as in the C call.
struct ArgumentInfo {
  std::string name;
  /// `f32`, `bf16`, …; an `index` argument is an `i64` without dimensions.
  std::string dtype;
  /// Sizes, ShapedType::kDynamic where the call decides.
  std::vector<int64_t> shape;
  bool isOutput = false;
};

/// The schedule of one attention in an entry, and why planning chose it.
struct ScheduleInfo {
  std::string schedule;
  std::vector<std::string> reasons;
};

/// Memory that an entry allocates when it is called. Works and buffers of an entry are not held at
/// the same time in general, so their sum is an upper bound.
struct WorkspaceInfo {
  /// Of an attention: bytes for each thread that the call may use.
  int64_t bytesPerThread = 0;
  /// Of an attention whose keys are read in parts: bytes of a record, and how many there are at
  /// most, a formula of the call's batch and number of queries.
  int64_t bytesPerRecord = 0;
  std::string mostRecords;
  /// Of a tensor between two operations, as an argument's; empty for an attention.
  std::string dtype;
  std::vector<int64_t> shape;
};

/// One function of the bundle.
struct EntryInfo {
  /// The function's name, which is its C symbol.
  std::string name;
  /// `prefill`, `decode`, `append`, …; empty for a function written by hand.
  std::string role;
  /// Name of the `attn.spec` it was elaborated from; empty for one written by hand.
  std::string spec;
  /// Layers of the model that call it, where the spec names them; and the layer whose caches it
  /// reads instead of its own.
  std::vector<int64_t> layers;
  std::optional<int64_t> kvFrom;
  std::vector<ArgumentInfo> arguments;
  std::vector<ScheduleInfo> schedules;
  /// Why each attention with a latent is expanded or absorbed, and where the other form takes over.
  std::vector<std::string> formReasons;
  /// On a GPU: what the kernels of a call do, in the order of their launches.
  std::vector<std::string> steps;
  /// Known once the kernel has been lowered for a CPU.
  std::vector<WorkspaceInfo> workspace;
};

/// What a bundle promises beyond computing its definition. Each is a field of the manifest.
struct Promises {
  /// A NaN in a masked key or value never reaches a row that does not see it.
  bool strictMaskedNan = false;
  /// Same input, same bits; and for any number of threads.
  bool deterministic = true;
  bool sameBitsForAnyThreads = true;
};

/// The part of a kernel's facts that belongs to one of several processors.
struct VariantInfo {
  /// What ATTN_CPU_VARIANT calls it, such as `x86-64-v3`.
  std::string name;
  /// As in KernelInfo.
  std::vector<std::string> features;
  std::string target;
  /// Schedules by entry, in the order of KernelInfo::entries.
  std::vector<std::vector<ScheduleInfo>> schedules;
  std::vector<std::vector<WorkspaceInfo>> workspaces;
};

/// The facts of a kernel.
struct KernelInfo {
  std::string name;
  std::string targetName;
  /// The `#attn.target` attribute.
  std::string target;
  /// Processor features the machine code needs, sorted, in LLVM's spelling.
  std::vector<std::string> features;
  /// Text of each `attn.spec`.
  std::vector<std::string> specs;
  std::vector<EntryInfo> entries;
  /// Entries take device memory and a stream.
  bool isGpu = false;
  Promises promises;
  /// Of a bundle for several processors, the first one to be tried first; empty for one. `features`
  /// are then those that all need, `target` and the entries' schedules those of the first.
  std::vector<VariantInfo> variants;
};

/// Gathers the facts of a module in state `planned`. Fails with a diagnostic at the function when
/// an argument cannot cross the C interface.
FailureOr<KernelInfo> gatherKernelInfo(ModuleOp planned, StringRef name);
/// Adds what the entries allocate, from the same module in state `lowered`.
void gatherWorkspace(ModuleOp lowered, KernelInfo &info);

/// One record for a bundle of several processors, from a record for each, the first one to be tried
/// first. `targetName` chose them all.
KernelInfo mergeVariants(ArrayRef<KernelInfo> kernels, StringRef targetName);

/// A C identifier made of `text`: other characters become `_`, and a leading digit is preceded by
/// one. Never empty.
std::string cIdentifier(StringRef text);

} // namespace mlir::attn

#endif // ATTN_ARTIFACT_KERNELINFO_H
