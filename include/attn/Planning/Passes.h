//===- Passes.h - passes of the Planning room ------------------*- C++ -*-===//
#ifndef ATTN_PLANNING_PASSES_H
#define ATTN_PLANNING_PASSES_H

#include "attn/IR/AttnDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::attn {

#define GEN_PASS_DECL
#include "attn/Planning/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "attn/Planning/Passes.h.inc"

} // namespace mlir::attn

#endif // ATTN_PLANNING_PASSES_H
