//===- Passes.h - passes of the Rewrite room --------------------*- C++ -*-===//

#ifndef ATTN_REWRITE_PASSES_H
#define ATTN_REWRITE_PASSES_H

#include "attn/IR/AttnDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::attn {

#define GEN_PASS_DECL
#include "attn/Rewrite/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "attn/Rewrite/Passes.h.inc"

} // namespace mlir::attn

#endif // ATTN_REWRITE_PASSES_H
