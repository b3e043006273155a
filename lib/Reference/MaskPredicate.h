//===- MaskPredicate.h - which keys a row may see ----------------------------===//
#ifndef ATTN_LIB_REFERENCE_MASKPREDICATE_H
#define ATTN_LIB_REFERENCE_MASKPREDICATE_H

#include "attn/IR/AttnOps.h"
#include "attn/Reference/HostTensor.h"

namespace mlir::attn::reference {

/// One pair of a query row and a key.
struct Pair {
  int64_t batch, head;
  /// Row of the query tensor, and its absolute position (offset + row).
  int64_t row, position;
  int64_t key;
};

/// The mask algebra read off the attribute's tree, one pair at a time. This is a second
/// implementation on purpose: the compiler's own is what it judges.
class MaskPredicate {
public:
  /// `operands` are the mask operands of the attention; they must outlive the predicate.
  MaskPredicate(MaskAttr mask, ArrayRef<const HostTensor *> operands)
      : mask(mask), operands(operands) {}

  /// Whether the operands' sizes cover every pair of these counts; else a message.
  std::optional<std::string> checkSizes(int64_t batches, int64_t heads, int64_t rows,
                                        int64_t keys) const;
  bool sees(const Pair &pair) const { return sees(mask, pair); }

private:
  bool sees(MaskAttr node, const Pair &pair) const;
  bool seesDocument(const HostTensor &ids, const Pair &pair) const;

  MaskAttr mask;
  SmallVector<const HostTensor *> operands;
};

} // namespace mlir::attn::reference

#endif // ATTN_LIB_REFERENCE_MASKPREDICATE_H
