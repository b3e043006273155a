//===- Definition.h - what the entries of a bundle compute, as IR ---------===//

#ifndef ATTN_LIB_DRIVER_RUN_DEFINITION_H
#define ATTN_LIB_DRIVER_RUN_DEFINITION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>

namespace mlir::attn {

/// The `.attn.mlir` of a bundle. Knows the dialects that a definition may use and no compiler, so
/// that attn-run stays a small program.
class Definition {
public:
  /// Reads `path`. Errors are printed to `diagnostics` with their line. False on failure.
  bool load(StringRef path, raw_ostream &diagnostics);
  /// The function of an entry; null when there is none.
  func::FuncOp find(StringRef name);

private:
  llvm::SourceMgr sources;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
};

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_DEFINITION_H
