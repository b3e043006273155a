//===- Passes.h - passes of the NVIDIA GPU target ----------------------------===//
#ifndef ATTN_TARGET_NVGPU_PASSES_H
#define ATTN_TARGET_NVGPU_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir::attn {

#define GEN_PASS_DECL
#include "attn/Target/NVGPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "attn/Target/NVGPU/Passes.h.inc"

} // namespace mlir::attn

#endif // ATTN_TARGET_NVGPU_PASSES_H
