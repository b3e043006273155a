//===- AttnOps.h - operations of the attn dialect ----------------------------===//
#ifndef ATTN_IR_ATTNOPS_H
#define ATTN_IR_ATTNOPS_H

#include "attn/IR/AttnAttrs.h"
#include "attn/IR/AttnTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::attn {

/// For each score head the query, key and value head it reads. All three tables have one
/// entry per score head.
struct HeadMap {
  SmallVector<int64_t> query, key, value;
  int64_t size() const { return static_cast<int64_t>(key.size()); }
};

/// Score heads that share a key head and a value head: one pass over the keys serves them all.
struct HeadGroup {
  int64_t key = 0, value = 0;
  SmallVector<int64_t> heads;
};

/// Whether an entry of that role (`attn.entry`) asks with few rows: decode, decode-core,
/// layer-decode.
inline bool isDecodeRole(StringRef role) {
  return role.starts_with("decode") || role.ends_with("decode");
}

/// Table of `scoreHeads` entries: even groups over `heads`.
SmallVector<int64_t> evenHeadMap(int64_t scoreHeads, int64_t heads);
/// Groups in the order of their first score head.
SmallVector<HeadGroup> computeHeadGroups(const HeadMap &map);

} // namespace mlir::attn

#define GET_OP_CLASSES
#include "attn/IR/AttnOps.h.inc"

#endif // ATTN_IR_ATTNOPS_H
