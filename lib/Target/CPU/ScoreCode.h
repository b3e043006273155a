//===- ScoreCode.h - score regions as vector code ----------------------------===//
#ifndef ATTN_LIB_TARGET_CPU_SCORECODE_H
#define ATTN_LIB_TARGET_CPU_SCORECODE_H

#include "CpuBuilder.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::attn {

/// Turns a score region, which is written for one score, into code for one vector of rows. Values
/// that are the same in every lane stay scalars; operations that depend neither on the score nor on
/// the key are emitted once, by `prepare`.
class ScoreCode {
public:
  /// `captured` maps values from outside the region to what the kernel sees.
  ScoreCode(CpuBuilder &b, Block &region, const IRMapping &captured)
      : b(b), region(region), captured(captured) {}

  /// `batch`: index; `heads`, `positions`: i32 vectors of the rows. Emit before the loop over keys.
  void prepare(Value batch, Value heads, Value positions);
  /// The vector of scores after the region. `key`: index.
  Value apply(Value score, Value key);
  /// Whether an operation can stand in a region on this target; says why not otherwise.
  static LogicalResult check(Block &region);

private:
  Value lookup(Value value, const IRMapping &values);
  void emit(Operation &op, IRMapping &values);
  Value emitElementwise(Operation &op, ArrayRef<Value> operands);
  Value emitTableRead(Operation &op, ArrayRef<Value> operands);
  bool dependsOnKey(Operation &op);

  CpuBuilder &b;
  Block &region;
  const IRMapping &captured;
  IRMapping rowValues;
  llvm::DenseSet<Value> keyDependent;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_SCORECODE_H
