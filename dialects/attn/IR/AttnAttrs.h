//===- AttnAttrs.h - attributes of the attn dialect --------------------------===//
#ifndef ATTN_IR_ATTNATTRS_H
#define ATTN_IR_ATTNATTRS_H

#include "attn/IR/AttnDialect.h"
#include "attn/IR/AttnRecords.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"

#include "attn/IR/AttnEnums.h.inc"

namespace mlir::attn {

/// Words of the mask algebra; see `#attn.mask`.
enum class MaskKind : uint32_t {
  All,
  None,
  Causal,
  Window,
  Sink,
  Prefix,
  Chunk,
  Stride,
  PrefixLength,
  Document,
  Dense,
  Blocks,
  PerHead,
  And,
  Or,
  Not
};

/// The word's spelling, and how many numbers it takes.
StringRef stringifyMaskKind(MaskKind kind);

} // namespace mlir::attn

#define GET_ATTRDEF_CLASSES
#include "attn/IR/AttnAttrs.h.inc"

#endif // ATTN_IR_ATTNATTRS_H
