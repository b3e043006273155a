//===- Bundle.h - loads, checks and launches a compiled bundle ------------===//
//
// Stands alone: no LLVM or MLIR header, no exceptions. A program that knows its
// kernel at build time does not need this, only the bundle's header and library.

#ifndef ATTN_RUNTIME_BUNDLE_H
#define ATTN_RUNTIME_BUNDLE_H

#include "attn/Runtime/attn_runtime.h"

#include <memory>
#include <string>
#include <vector>

namespace attn_rt {

/// The size of a dimension that only the call knows.
constexpr int64_t dynamicSize = -1;

/// One argument of an entry, as the manifest describes it.
struct Argument {
  std::string name;
  /// ATTN_F32, …
  int32_t dtype = ATTN_F32;
  /// Sizes, `dynamicSize` where the caller decides; empty for a scalar.
  std::vector<int64_t> shape;
  bool isOutput = false;
};

/// One function of a bundle.
struct Entry {
  /// The C symbol.
  std::string name;
  /// `prefill`, `decode`, `append`, …, or empty for a function written by hand.
  std::string role;
  /// Layers of the model that call it, where they are known; and the layer whose caches it reads
  /// instead of its own, or -1.
  std::vector<int64_t> layers;
  int64_t kvFrom = -1;
  std::vector<Argument> arguments;
  attn_entry_fn function = nullptr;
  /// Of a bundle for a GPU: the same symbol with its own type.
  attn_gpu_entry_fn gpuFunction = nullptr;

  /// Whether the arguments have the described count, ranks, types, sizes and strides: 0, or the
  /// code that calling the function would return. `message` (may be null) names the argument,
  /// what was expected and what was found.
  int32_t check(const attn_tensor *args, int64_t count, std::string *message) const;
  /// Checks, then launches. Returns the code; `message` (may be null) explains it.
  int32_t run(const attn_tensor *args, int64_t count, int32_t threads, std::string *message) const;
  /// Checks, then launches on `stream` (a CUDA stream; null is the default one) without waiting.
  /// Data are device addresses, those of scalars host addresses.
  int32_t launch(const attn_tensor *args, int64_t count, void *stream, std::string *message) const;
};

/// A loaded bundle. The library stays loaded as long as the object lives.
class Bundle {
public:
  /// Loads the folder that `attn-compile --emit=bundle` wrote. On failure returns null and sets
  /// `error`: the manifest is missing or malformed, the machine lacks a feature the kernels were
  /// compiled for, or the library lacks an entry.
  static std::unique_ptr<Bundle> open(const std::string &folder, std::string &error);
  ~Bundle();
  Bundle(const Bundle &) = delete;
  Bundle &operator=(const Bundle &) = delete;

  const std::string &name() const { return kernelName; }
  /// The target it was compiled for, such as `cpu:x86-64-v4`.
  const std::string &target() const { return targetName; }
  /// Whether entries are launched on a GPU.
  bool isGpu() const { return forGpu; }
  /// The processor among several that the library chose, such as `x86-64-v3`; empty when the bundle
  /// is for one.
  const std::string &variant() const { return variantName; }
  /// Path of the IR that defines what the entries compute.
  const std::string &definition() const { return definitionPath; }
  const std::vector<Entry> &entries() const { return entryList; }
  /// The entry with this name or role; null when there is none.
  const Entry *find(const std::string &nameOrRole) const;

private:
  Bundle() = default;
  friend class BundleReader;

  std::string kernelName, targetName, variantName, definitionPath;
  std::vector<Entry> entryList;
  bool forGpu = false;
  void *library = nullptr;
};

/// The name of an element type in manifests (`f32`), or null for an unknown code.
const char *dtypeName(int32_t dtype);
/// Its code, or -1.
int32_t dtypeCode(const std::string &name);
/// Bytes of an element; 0 for an unknown code.
int64_t dtypeSize(int32_t dtype);

} // namespace attn_rt

#endif // ATTN_RUNTIME_BUNDLE_H
