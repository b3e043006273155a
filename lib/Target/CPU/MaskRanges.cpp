//===- MaskRanges.cpp - which key tiles a tile of rows can see ---------------===//
#include "MaskCode.h"

using namespace mlir;
using namespace mlir::attn;
using Predicate = arith::CmpIPredicate;

/// Length of the prefix of the item's batch entry.
static Value prefixLength(CpuBuilder &b, MaskAttr mask, const MaskContext &context) {
  Value length = memref::LoadOp::create(b, context.operands[mask.getValues()[0]], context.batch);
  return arith::IndexCastOp::create(b, b.getIndexType(), length);
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

static KeyRange joinRanges(CpuBuilder &b, MaskAttr mask, const MaskContext &context, Value first,
                           Value last) {
  bool intersect = mask.getKind() == MaskKind::And;
  std::optional<KeyRange> joined;
  for (Attribute child : mask.getChildren()) {
    KeyRange part = emitKeyRange(b, cast<MaskAttr>(child), context, first, last);
    if (!joined) {
      joined = part;
      continue;
    }
    joined->low = intersect ? b.maximum(joined->low, part.low) : b.minimum(joined->low, part.low);
    joined->high =
        intersect ? b.minimum(joined->high, part.high) : b.maximum(joined->high, part.high);
  }
  return *joined;
}

static KeyRange clampRange(CpuBuilder &b, const MaskContext &context, KeyRange range) {
  return {b.maximum(range.low, b.index(0)), b.minimum(range.high, context.length)};
}

KeyRange attn::emitKeyRange(CpuBuilder &b, MaskAttr mask, const MaskContext &context, Value first,
                            Value last) {
  Value zero = b.index(0);
  ArrayRef<int64_t> n = mask.getValues();
  switch (mask.getKind()) {
  case MaskKind::None:
    return {zero, zero};
  case MaskKind::Causal:
    return clampRange(b, context, {zero, b.add(last, 1)});
  case MaskKind::Window:
    return clampRange(b, context,
                      {b.add(first, 1 - n[0]), n.size() > 1 ? b.add(last, n[1]) : context.length});
  case MaskKind::Sink:
  case MaskKind::Prefix:
    return clampRange(b, context, {zero, b.index(n[0])});
  case MaskKind::Chunk: {
    Value low = b.mul(b.floorDiv(first, n[0]), b.index(n[0]));
    Value high = b.mul(b.add(b.floorDiv(last, n[0]), 1), b.index(n[0]));
    return clampRange(b, context, {low, high});
  }
  case MaskKind::PrefixLength:
    return clampRange(b, context, {zero, prefixLength(b, mask, context)});
  case MaskKind::And:
  case MaskKind::Or:
  case MaskKind::PerHead:
    return joinRanges(b, mask, context, first, last);
  default:
    return {zero, context.length};
  }
}

//===----------------------------------------------------------------------===//
// Verdicts
//===----------------------------------------------------------------------===//

static Verdict windowVerdict(CpuBuilder &b, ArrayRef<int64_t> n, Value first, Value last,
                             Value firstKey, Value lastKey) {
  Verdict v = {b.compare(Predicate::sgt, lastKey, b.add(first, -n[0])),
               b.compare(Predicate::sgt, firstKey, b.add(last, -n[0]))};
  if (n.size() > 1) {
    v.any = b.both(v.any, b.compare(Predicate::slt, firstKey, b.add(last, n[1])));
    v.all = b.both(v.all, b.compare(Predicate::slt, lastKey, b.add(first, n[1])));
  }
  return v;
}

static Verdict chunkVerdict(CpuBuilder &b, int64_t n, Value first, Value last, Value firstKey,
                            Value lastKey) {
  Value c0 = b.floorDiv(first, n), c1 = b.floorDiv(last, n), k0 = b.floorDiv(firstKey, n),
        k1 = b.floorDiv(lastKey, n);
  Value any = b.both(b.compare(Predicate::sle, k0, c1), b.compare(Predicate::sge, k1, c0));
  Value all = b.both(b.compare(Predicate::eq, c0, c1),
                     b.both(b.compare(Predicate::eq, k0, c0), b.compare(Predicate::eq, k1, c0)));
  return {any, all};
}

/// Whether the item's head group contains a head that uses part `child` of a per-head mask.
static Value groupUses(CpuBuilder &b, MaskAttr mask, const MaskContext &context, int64_t child) {
  SmallVector<int64_t> uses =
      llvm::map_to_vector(context.groups, [&](const HeadGroup &group) -> int64_t {
        return llvm::any_of(group.heads,
                            [&](int64_t head) { return mask.getValues()[head] == child; });
      });
  Value used = memref::LoadOp::create(b, constantTable(b, uses), context.group);
  return b.compare(Predicate::ne, used, b.index(0));
}

static Verdict joinVerdicts(CpuBuilder &b, MaskAttr mask, const MaskContext &context, Value first,
                            Value last, KeyRange keys) {
  MaskKind kind = mask.getKind();
  Verdict joined = {b.boolean(kind == MaskKind::And), b.boolean(kind != MaskKind::Or)};
  for (auto [i, child] : llvm::enumerate(mask.getChildren())) {
    Verdict part = emitVerdict(b, cast<MaskAttr>(child), context, first, last, keys);
    if (kind == MaskKind::PerHead) {
      Value used = groupUses(b, mask, context, static_cast<int64_t>(i));
      part = {b.both(used, part.any), b.either(b.negate(used), part.all)};
    }
    joined.any =
        kind == MaskKind::And ? b.both(joined.any, part.any) : b.either(joined.any, part.any);
    joined.all =
        kind == MaskKind::Or ? b.either(joined.all, part.all) : b.both(joined.all, part.all);
  }
  return joined;
}

Verdict attn::emitVerdict(CpuBuilder &b, MaskAttr mask, const MaskContext &context, Value first,
                          Value last, KeyRange keys) {
  Value firstKey = keys.low, lastKey = b.add(keys.high, -1);
  ArrayRef<int64_t> n = mask.getValues();
  switch (mask.getKind()) {
  case MaskKind::All:
    return {b.boolean(true), b.boolean(true)};
  case MaskKind::None:
    return {b.boolean(false), b.boolean(false)};
  case MaskKind::Causal:
    return {b.compare(Predicate::sle, firstKey, last), b.compare(Predicate::sle, lastKey, first)};
  case MaskKind::Window:
    return windowVerdict(b, n, first, last, firstKey, lastKey);
  case MaskKind::Sink:
  case MaskKind::Prefix:
    return {b.compare(Predicate::slt, firstKey, b.index(n[0])),
            b.compare(Predicate::slt, lastKey, b.index(n[0]))};
  case MaskKind::PrefixLength: {
    Value length = prefixLength(b, mask, context);
    return {b.compare(Predicate::slt, firstKey, length),
            b.compare(Predicate::slt, lastKey, length)};
  }
  case MaskKind::Chunk:
    return chunkVerdict(b, n[0], first, last, firstKey, lastKey);
  case MaskKind::Not: {
    Verdict inner = emitVerdict(b, mask.getChild(0), context, first, last, keys);
    return {b.negate(inner.all), b.negate(inner.any)};
  }
  case MaskKind::And:
  case MaskKind::Or:
  case MaskKind::PerHead:
    return joinVerdicts(b, mask, context, first, last, keys);
  case MaskKind::Stride:
  case MaskKind::Document:
  case MaskKind::Dense:
  case MaskKind::Blocks:
    // Only the pairs themselves tell.
    return {b.boolean(true), b.boolean(false)};
  }
  llvm_unreachable("all kinds are handled");
}
