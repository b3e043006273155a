//===- Passes.h - passes every target shares ---------------------------------===//
#ifndef ATTN_TARGET_PASSES_H
#define ATTN_TARGET_PASSES_H

#include "attn/IR/AttnDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::attn {

#define GEN_PASS_DECL
#include "attn/Target/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "attn/Target/Passes.h.inc"

} // namespace mlir::attn

#endif // ATTN_TARGET_PASSES_H
