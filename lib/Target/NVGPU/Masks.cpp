//===- Masks.cpp - key ranges of row tiles, and mask code in registers -------===//
#include "Kernel.h"

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

KeyBounds KernelEmitter::concrete(KeyBounds bounds) {
  Val zero = b.i32(0);
  return {bounds.low ? bounds.low : zero, bounds.high ? bounds.high : a.keys,
          bounds.fullLow ? bounds.fullLow : zero, bounds.fullHigh ? bounds.fullHigh : a.keys};
}

static Val combine(Val x, Val y, bool larger) {
  if (!x || !y)
    return x ? x : y;
  return larger ? x.max(y) : x.min(y);
}

/// Chunk number of a position, rounded down: rows before the first key have negative positions. All
/// positions lie above -2^30.
static Val chunkOf(Val position, int64_t size) {
  constexpr int64_t farthest = int64_t(1) << 30;
  int64_t length = std::min(size, farthest), bias = (farthest + length - 1) / length;
  return (position + bias * length).div(length) - bias;
}

/// Positions `first` to `last` of one head.
KeyBounds KernelEmitter::boundsOf(MaskAttr mask, Val first, Val last, Val head) {
  ArrayRef<int64_t> n = mask.getValues();
  switch (mask.getKind()) {
  case MaskKind::All:
    return {};
  case MaskKind::None:
    return {{}, b.i32(0), {}, b.i32(0)};
  case MaskKind::Causal:
    return {{}, last + 1, {}, first + 1};
  case MaskKind::Window: {
    KeyBounds bounds{first - (n[0] - 1), {}, last - (n[0] - 1), {}};
    if (n.size() > 1)
      bounds.high = last + n[1], bounds.fullHigh = first + n[1];
    return bounds;
  }
  case MaskKind::Sink:
  case MaskKind::Prefix:
    return {{}, b.i32(n[0]), {}, b.i32(n[0])};
  case MaskKind::PrefixLength: {
    Val length = prefixLength(mask);
    return {{}, length, {}, length};
  }
  case MaskKind::Chunk: {
    int64_t length = std::min(n[0], int64_t(1) << 30);
    Val low = chunkOf(first, length) * length, high = chunkOf(last, length) * length;
    return {low, high + length, high, low + length};
  }
  case MaskKind::And: {
    KeyBounds all;
    for (unsigned i = 0; i < mask.getChildren().size(); ++i) {
      KeyBounds one = boundsOf(mask.getChild(i), first, last, head);
      all = {combine(all.low, one.low, true), combine(all.high, one.high, false),
             combine(all.fullLow, one.fullLow, true), combine(all.fullHigh, one.fullHigh, false)};
    }
    return all;
  }
  case MaskKind::Or: {
    // Visible: the hull. Full: the longer one.
    KeyBounds all = concrete(boundsOf(mask.getChild(0), first, last, head));
    for (unsigned i = 1; i < mask.getChildren().size(); ++i) {
      KeyBounds one = concrete(boundsOf(mask.getChild(i), first, last, head));
      Val longer =
          (one.fullHigh - one.fullLow).cmp(arith::CmpIPredicate::sgt, all.fullHigh - all.fullLow);
      all = {all.low.min(one.low), all.high.max(one.high), longer.select(one.fullLow, all.fullLow),
             longer.select(one.fullHigh, all.fullHigh)};
    }
    return all;
  }
  case MaskKind::PerHead: {
    Val which = tableEntry(mask.getValues(), head, "mask_of_head");
    KeyBounds all = concrete(boundsOf(mask.getChild(0), first, last, head));
    for (unsigned i = 1; i < mask.getChildren().size(); ++i) {
      KeyBounds one = concrete(boundsOf(mask.getChild(i), first, last, head));
      Val here = which.eq(i);
      all = {here.select(one.low, all.low), here.select(one.high, all.high),
             here.select(one.fullLow, all.fullLow), here.select(one.fullHigh, all.fullHigh)};
    }
    return all;
  }
  case MaskKind::Document:
    if (auto known = documentBounds.find(n[0]); known != documentBounds.end())
      return known->second;
    [[fallthrough]];
  default: // nothing is known: every tile is visited with mask code
    return {{}, {}, {}, b.i32(0)};
  }
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// What a word compares the column with, made once per key tile and row.
Val KernelEmitter::perRow(MaskAttr mask, unsigned row, unsigned what, function_ref<Val()> make) {
  Val &known = rowValues[{mask.getAsOpaquePointer(), row, what}];
  if (!known)
    known = make();
  return known;
}

/// Whether the row at `position` sees key `keyBase + column`; comparisons have the column, a
/// constant, on one side.
Val KernelEmitter::isVisible(MaskAttr mask, Val position, Val keyBase, int64_t column, Val head,
                             unsigned row) {
  ArrayRef<int64_t> n = mask.getValues();
  Val c = b.i32(column);
  switch (mask.getKind()) {
  case MaskKind::Causal:
    return perRow(mask, row, 0, [&] { return position - keyBase; }).ge(c);
  case MaskKind::Window: {
    Val left = perRow(mask, row, 0, [&] { return position - keyBase - n[0]; }).lt(c);
    if (n.size() == 1)
      return left;
    return left & c.lt(perRow(mask, row, 1, [&] { return position - keyBase + n[1]; }));
  }
  case MaskKind::Sink:
  case MaskKind::Prefix:
    return c.lt(perRow(mask, 0, 0, [&] { return b.i32(n[0]) - keyBase; }));
  case MaskKind::Chunk: {
    int64_t length = std::min(n[0], int64_t(1) << 30);
    Val low = perRow(mask, row, 0, [&] { return chunkOf(position, length) * length - keyBase; });
    Val high = perRow(mask, row, 1, [&] { return low + length; });
    return c.ge(low) & c.lt(high);
  }
  case MaskKind::Stride: {
    Val key = keyBase + column, next = key + 1;
    return key.eq(position) | (next - next.div(n[0]) * n[0]).eq(0);
  }
  case MaskKind::PrefixLength:
  case MaskKind::Document:
  case MaskKind::Dense:
  case MaskKind::Blocks:
    return seesByOperand(mask, position, keyBase, column, head, row);
  case MaskKind::Not:
    return isVisible(mask.getChild(0), position, keyBase, column, head, row) ^
           b.val(arith::ConstantOp::create(b, b.getBoolAttr(true)));
  case MaskKind::And:
  case MaskKind::Or: {
    Val all = isVisible(mask.getChild(0), position, keyBase, column, head, row);
    for (unsigned i = 1; i < mask.getChildren().size(); ++i) {
      Val one = isVisible(mask.getChild(i), position, keyBase, column, head, row);
      all = mask.getKind() == MaskKind::And ? all & one : all | one;
    }
    return all;
  }
  case MaskKind::PerHead: {
    Val which =
        perRow(mask, row, 0, [&] { return tableEntry(mask.getValues(), head, "mask_of_head"); });
    Val all = isVisible(mask.getChild(0), position, keyBase, column, head, row);
    for (unsigned i = 1; i < mask.getChildren().size(); ++i) {
      Val here = perRow(mask, row, i, [&] { return which.eq(i); });
      all = here.select(isVisible(mask.getChild(i), position, keyBase, column, head, row), all);
    }
    return all;
  }
  default:
    return b.val(arith::ConstantOp::create(b, b.getBoolAttr(mask.getKind() == MaskKind::All)));
  }
}

/// Key of the thread's first score.
Val KernelEmitter::firstKeyOf(const QueryTile &tile, Val keyTile) {
  Val first = keyTile * sizes.keys + tile.firstKey + (quadOf(tile) << 1);
  return tile.warpKey ? first + tile.warpKey : first;
}

/// Scores of keys that a row does not see become -infinity; `atEnd` also those past the last key.
Vals KernelEmitter::maskScores(ArrayRef<Val> scores, const QueryTile &tile, Val keyTile,
                               bool atEnd) {
  Val keyBase = firstKeyOf(tile, keyTile), none = b.minusInfinity();
  MaskAttr mask = plan.mask;
  rowValues.clear();
  Val end = a.keys - 1 - keyBase;
  Vals limit;
  for (unsigned r = 0; r < 2; ++r) {
    if (mask.getKind() == MaskKind::Causal)
      limit.push_back((positionOf(tile, r) - keyBase).min(end));
  }
  Vals out;
  for (auto [i, score] : llvm::enumerate(scores)) {
    auto column = static_cast<int64_t>(8 * (i >> 2) + (i & 1));
    unsigned r = (i >> 1) & 1;
    Val sees;
    if (mask.getKind() == MaskKind::Causal)
      sees = limit[r].ge(column);
    else if (!mask.isAll())
      sees = isVisible(mask, positionOf(tile, r), keyBase, column, headOf(tile, r), r);
    if (atEnd && mask.getKind() != MaskKind::Causal)
      sees = sees ? sees & end.ge(column) : end.ge(column);
    out.push_back(sees ? sees.select(score, none) : score);
  }
  return out;
}
