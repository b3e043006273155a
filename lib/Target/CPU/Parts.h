//===- Parts.h - a lowered module in pieces that compile apart ---*- C++ -*-===//
#ifndef ATTN_LIB_TARGET_CPU_PARTS_H
#define ATTN_LIB_TARGET_CPU_PARTS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::attn {

/// Marks a private function whose copy each part may have of its own.
constexpr StringLiteral sharedAttrName = "attn.shared";

/// Splits a module in state `lowered` into at most `most` modules of about equal size. Functions
/// that call each other, or share memory that changes, stay together; constants, declarations
/// and functions marked `attn.shared` are in every part. The same module always gives the same
/// parts.
SmallVector<OwningOpRef<ModuleOp>> splitLowered(ModuleOp module, unsigned most);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_PARTS_H
