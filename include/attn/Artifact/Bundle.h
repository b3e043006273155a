//===- Bundle.h - header, manifest and the folder that holds a kernel -----===//

#ifndef ATTN_ARTIFACT_BUNDLE_H
#define ATTN_ARTIFACT_BUNDLE_H

#include "attn/Artifact/KernelInfo.h"
#include "llvm/Support/Error.h"

namespace mlir::attn {

/// The C header of a bundle: for each argument of each entry a function that makes its tensor,
/// for each entry the function itself and a call with one parameter per argument.
std::string printHeader(const KernelInfo &info);

/// The manifest: JSON with fields in a fixed order, so that equal facts give equal bytes.
std::string printManifest(const KernelInfo &info);

/// Names of the files of a bundle, relative to its folder.
std::string libraryFileName(const KernelInfo &info);
std::string headerFileName(const KernelInfo &info);
std::string definitionFileName(const KernelInfo &info);

/// Writes `contents` beside `path` and renames it into place, so that nobody ever sees half a file.
/// "-" is standard output.
llvm::Error writeFile(StringRef path, StringRef contents);

/// Collects the files of a bundle beside its folder and moves them in at the end; the
/// manifest, without which the runtime loads nothing, last. Without `commit` all traces vanish.
class BundleWriter {
public:
  explicit BundleWriter(StringRef folder);
  ~BundleWriter();
  BundleWriter(const BundleWriter &) = delete;
  BundleWriter &operator=(const BundleWriter &) = delete;

  /// Makes the folder in which files are collected.
  llvm::Error begin();
  /// Where a file of the bundle is to be written until `commit`.
  std::string pathOf(StringRef fileName) const;
  llvm::Error add(StringRef fileName, StringRef contents);
  /// Takes a file back.
  void remove(StringRef fileName);
  /// Moves everything into place.
  llvm::Error commit();

private:
  std::string folder, staging;
};

} // namespace mlir::attn

#endif // ATTN_ARTIFACT_BUNDLE_H
