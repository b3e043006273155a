//===- AttnAttention.cpp - attn.attention: defaults and rules ----------------===//
#include "AttnAssembly.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

int64_t AttentionOp::scoreHeads() {
  for (auto table : {getQueryMapAttr(), getKeyMapAttr(), getValueMapAttr()})
    if (table)
      return table.size();
  return std::max({queryHeads(), keyHeads(), valueHeads()});
}

HeadMap AttentionOp::headMap() {
  int64_t count = scoreHeads();
  auto table = [&](DenseI64ArrayAttr given, int64_t heads) {
    return given ? SmallVector<int64_t>(given.asArrayRef()) : evenHeadMap(count, heads);
  };
  return {table(getQueryMapAttr(), queryHeads()), table(getKeyMapAttr(), keyHeads()),
          table(getValueMapAttr(), valueHeads())};
}

MaskAttr AttentionOp::maskOrAll() {
  return getMask() ? *getMask() : MaskAttr::getAll(getContext());
}

std::optional<int64_t> AttentionOp::valueColumnOfKey() {
  HeadMap map = headMap();
  if (keyHeads() != valueHeads() || map.key != map.value)
    return std::nullopt;
  if (getValue() == getKey())
    return 0;
  auto columns = getValue().getDefiningOp<ColumnsOp>();
  if (columns && columns.getInput() == getKey())
    return static_cast<int64_t>(columns.getFirst());
  return std::nullopt;
}

/// One axis of the head map: an even division or a valid table.
static LogicalResult verifyHeadAxis(Operation *op, StringRef axis, DenseI64ArrayAttr table,
                                    int64_t heads, int64_t scoreHeads, StringRef rule) {
  if (!table) {
    if (scoreHeads % heads != 0)
      return op->emitOpError() << heads << ' ' << axis << " heads do not divide " << scoreHeads
                               << " score heads; give a table heads(" << axis
                               << " = [...]) with one entry per score head (" << rule << ")";
    return success();
  }
  if (table.size() != scoreHeads)
    return op->emitOpError() << axis << " table has " << table.size() << " entries, expected "
                             << scoreHeads << ", one per score head (" << rule << ")";
  for (int64_t entry : table.asArrayRef())
    if (entry < 0 || entry >= heads)
      return op->emitOpError() << axis << " table entry " << entry << " is not one of the " << heads
                               << ' ' << axis << " heads (" << rule << ")";
  return success();
}

/// attention_c10.
static LogicalResult verifyStaticParts(AttentionOp op) {
  if (failed(verifyStatic(op, "query", op.getQuery().getType(), "attention_c10")) ||
      failed(verifyStatic(op, "key", op.getKey().getType(), "attention_c10")) ||
      failed(verifyStatic(op, "value", op.getValue().getType(), "attention_c10")))
    return failure();
  if (!std::isfinite(op.getScale().convertToDouble()))
    return op.emitOpError("scale must be finite (attention_c10)");
  return success();
}

/// attention_c1 to c3.
static LogicalResult verifyOperands(AttentionOp op) {
  ShapedType query = op.getQuery().getType(), key = op.getKey().getType(),
             value = op.getValue().getType();
  if (query.getElementType() != key.getElementType() ||
      key.getElementType() != value.getElementType())
    return op.emitOpError() << "query, key and value must have one element type, found "
                            << query.getElementType() << ", " << key.getElementType() << " and "
                            << value.getElementType() << " (attention_c1)";
  if (query.getDimSize(3) != key.getDimSize(3))
    return op.emitOpError() << "query and key must have one head size, found "
                            << query.getDimSize(3) << " and " << key.getDimSize(3)
                            << " (attention_c2)";
  int64_t batch = query.getDimSize(0);
  if (!compatible(batch, key.getDimSize(0)) || !compatible(batch, value.getDimSize(0)) ||
      !compatible(key.getDimSize(0), value.getDimSize(0)))
    return op.emitOpError() << "batch sizes of query, key and value must agree, found "
                            << shapeText({batch, key.getDimSize(0), value.getDimSize(0)})
                            << " (attention_c3)";
  if (!compatible(key.getDimSize(2), value.getDimSize(2)))
    return op.emitOpError() << "key and value must have one sequence length, found "
                            << key.getDimSize(2) << " and " << value.getDimSize(2)
                            << " (attention_c3)";
  return success();
}

static LogicalResult verifyHeads(AttentionOp op) {
  int64_t heads = op.scoreHeads();
  if (heads == 0)
    return op.emitOpError("head tables must not be empty (attention_c4)");
  for (auto [axis, table, count] : {std::tuple<StringRef, DenseI64ArrayAttr, int64_t>{
                                        "query", op.getQueryMapAttr(), op.queryHeads()},
                                    {"key", op.getKeyMapAttr(), op.keyHeads()},
                                    {"value", op.getValueMapAttr(), op.valueHeads()}})
    if (failed(verifyHeadAxis(op, axis, table, count, heads, "attention_c4")))
      return failure();
  return verifyMask(op, op.maskOrAll(), op.getMaskOperands(), heads, "attention_c8");
}

/// attention_c5.
static LogicalResult verifyOut(AttentionOp op, ArrayRef<int64_t> shape) {
  ShapedType out = op.getOut().getType();
  Type element = op.getQuery().getType().getElementType();
  if (!hasShape(out, shape) || out.getElementType() != element || out.isDynamicDim(1) ||
      out.isDynamicDim(3))
    return op.emitOpError() << "out must be " << shapeText(shape) << " of " << element << ", found "
                            << out << " (attention_c5)";
  return success();
}

/// attention_c6: `lse` is `shape`.
static LogicalResult verifyLse(AttentionOp op, ArrayRef<int64_t> shape) {
  if (!op.getLse())
    return success();
  if (op.getNormalizer() != Normalizer::Softmax)
    return op.emitOpError() << "lse exists only with softmax, found "
                            << stringifyNormalizer(op.getNormalizer()) << " (attention_c6)";
  auto lse = cast<ShapedType>(op.getLse().getType());
  if (!hasShape(lse, shape) || lse.isDynamicDim(1))
    return op.emitOpError() << "lse must be " << shapeText(shape) << " of f32, found " << lse
                            << " (attention_c6)";
  return success();
}

/// attention_c7.
static LogicalResult verifySinks(AttentionOp op, int64_t heads) {
  if (!op.getSinks())
    return success();
  if (op.getNormalizer() != Normalizer::Softmax)
    return op.emitOpError() << "sinks join only a softmax, found "
                            << stringifyNormalizer(op.getNormalizer()) << " (attention_c7)";
  auto sinks = cast<ShapedType>(op.getSinks().getType());
  if (sinks.getShape() != ArrayRef<int64_t>(heads))
    return op.emitOpError() << "sinks must be [" << heads
                            << "] of f32, one logit per score head, found " << sinks
                            << " (attention_c7)";
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyStaticParts(*this)) || failed(verifyOperands(*this)) ||
      failed(verifyHeads(*this)))
    return failure();
  ShapedType query = getQuery().getType();
  int64_t out[] = {query.getDimSize(0), scoreHeads(), query.getDimSize(2), vSize()};
  if (failed(verifyOut(*this, out)) || failed(verifyLse(*this, ArrayRef(out).take_front(3))))
    return failure();
  return verifySinks(*this, scoreHeads());
}

LogicalResult AttentionOp::verifyRegions() {
  return verifyScoreRegion(*this, getScore(), "attention_c9");
}
