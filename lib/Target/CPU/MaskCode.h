//===- MaskCode.h - the mask algebra as code ---------------------------------===//
#ifndef ATTN_LIB_TARGET_CPU_MASKCODE_H
#define ATTN_LIB_TARGET_CPU_MASKCODE_H

#include "CpuBuilder.h"
#include "attn/IR/AttnOps.h"

namespace mlir::attn {

/// What mask code may read: the item's batch entry and head group, the position of the first query
/// row, the number of keys, and the mask's operands.
struct MaskContext {
  Value batch, group, offset, length; // index
  SmallVector<Value> operands;        // memrefs
  SmallVector<HeadGroup> groups;
};

/// A range of keys [low, high), index values.
struct KeyRange {
  Value low, high;
};
/// Verdict on a tile: whether some pair may be visible, and whether all surely are (i1).
struct Verdict {
  Value any, all;
};

/// Constant table of index (or f32) numbers as a private global of the module; gives its memref.
Value constantTable(CpuBuilder &b, ArrayRef<int64_t> values);
Value constantTable(CpuBuilder &b, ArrayRef<double> values);
/// Lane `i` of a vector.
Value extractLane(CpuBuilder &b, Value vector, int64_t i);

/// Keys that rows at positions [first, last] may see; everything outside is invisible to all of
/// them.
KeyRange emitKeyRange(CpuBuilder &b, MaskAttr mask, const MaskContext &context, Value first,
                      Value last);

/// Verdict on positions [first, last] and the keys of a non-empty range.
Verdict emitVerdict(CpuBuilder &b, MaskAttr mask, const MaskContext &context, Value first,
                    Value last, KeyRange keys);

/// Mask of single pairs: lanes are rows. `prepare` once before the loop over keys, then `visible`
/// for each key.
class LaneMask {
public:
  /// `positions`, `heads`: i32 vectors of the rows' query positions and score heads.
  LaneMask(CpuBuilder &b, MaskAttr mask, const MaskContext &context, Value positions, Value heads)
      : b(b), mask(mask), context(context), positions(positions), heads(heads) {}

  void prepare() { prepare(mask); }
  /// i1 vector for key `key` (index).
  Value visible(Value key) { return visible(mask, key); }

private:
  void prepare(MaskAttr part);
  void prepareDocument(MaskAttr part);
  Value visible(MaskAttr part, Value key);
  Value visibleOperand(MaskAttr part, Value key);
  Value joined(MaskAttr part, Value key);
  Value compare(arith::CmpIPredicate predicate, Value a, Value b);
  Value keyVector(Value key, int64_t plus = 0);

  CpuBuilder &b;
  MaskAttr mask;
  const MaskContext &context;
  Value positions, heads;
  DenseMap<Attribute, SmallVector<Value>> prepared;
};

/// Builds a vector lane by lane from a scalar of each lane's index (i32 vectors in, any element
/// out).
Value emitByLane(CpuBuilder &b, Value lanes, Type element,
                 function_ref<Value(Value laneIndex)> scalar);

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_MASKCODE_H
