//===- ImportHFConfig.h - a Hugging Face config.json as attn.spec ops -----===//

#ifndef ATTN_FRONTEND_IMPORTHFCONFIG_H
#define ATTN_FRONTEND_IMPORTHFCONFIG_H

#include "attn/Frontend/HFConfig.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::attn {

/// A module in the `imported` state: one attn.spec per distinct spec, named by specNames(), with
/// the layers that use it. The module carries `attn.model`, `attn.family` and `attn.layer_count`.
/// Loads the attn dialect into `context`.
OwningOpRef<ModuleOp> createSpecModule(MLIRContext *context, const ModelAttention &model,
                                       llvm::StringRef fileName);

/// Reads a `config.json` and makes its module. On a wrong config emits located errors
/// (`file:line:col`) through the context and returns null.
OwningOpRef<ModuleOp> importHFConfig(MLIRContext *context, llvm::MemoryBufferRef buffer);

} // namespace mlir::attn

#endif // ATTN_FRONTEND_IMPORTHFCONFIG_H
