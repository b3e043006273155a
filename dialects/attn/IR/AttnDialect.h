//===- AttnDialect.h - the attn dialect -------------------------------------===//
#ifndef ATTN_IR_ATTNDIALECT_H
#define ATTN_IR_ATTNDIALECT_H

#include "mlir/Bytecode/BytecodeImplementation.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Dialect.h"

#include "attn/IR/AttnDialect.h.inc"

namespace mlir::attn {

/// Version of the dialect that a bytecode file was written with. Newer ones are refused.
struct AttnVersion : DialectVersion {
  AttnVersion(uint64_t major, uint64_t minor) : major(major), minor(minor) {}
  static AttnVersion current() { return {1, 1}; }
  bool operator<(const AttnVersion &other) const {
    return std::tie(major, minor) < std::tie(other.major, other.minor);
  }
  uint64_t major, minor;
};

} // namespace mlir::attn

#endif // ATTN_IR_ATTNDIALECT_H
