//===- TileAttention.cpp - attention to the tiled form -----------------------===//
//
// One `attn.work` per attention: its items are tiles of query rows, its stream visits key tiles.
// Knows no chip: every size comes from the schedule.
//
//===----------------------------------------------------------------------===//
#include "attn/Tiling/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace mlir::attn;

namespace {
/// Emits the body of one work item.
class ItemEmitter {
public:
  ItemEmitter(ImplicitLocOpBuilder &b, AttentionOp op, const AttentionBuffers &buffers,
              const IRMapping &captured)
      : b(b), op(op), buffers(buffers), captured(captured), schedule(*op.getSchedule()),
        rows(schedule.getInt("rows") * schedule.getInt("panels")), keys(schedule.getInt("keys")) {}

  void emit() {
    length = memref::DimOp::create(b, buffers.key, 2);
    WorkOp work = createWork();
    OpBuilder::InsertionGuard guard(b);
    Type rowsType = RowsType::get(b.getContext(), rows);
    Block *body = b.createBlock(&work.getBody(), {}, rowsType, b.getLoc());
    emitItem(body->getArgument(0));
    YieldOp::create(b, ValueRange());
  }

private:
  Type tile(int64_t r, int64_t c, Type element) {
    return TileType::get(b.getContext(), r, c, element);
  }
  Type elementOf(Value memref) { return cast<MemRefType>(memref.getType()).getElementType(); }
  OnlineType stateType() {
    return OnlineType::get(b.getContext(), rows, op.vSize(), b.getF32Type());
  }

  WorkOp createWork() {
    HeadMap map = op.headMap();
    return WorkOp::create(b, buffers.query, buffers.key, buffers.value, buffers.offset,
                          b.getDenseI64ArrayAttr(map.query), b.getDenseI64ArrayAttr(map.key),
                          b.getDenseI64ArrayAttr(map.value), schedule);
  }

  void emitItem(Value rowsValue) {
    Value query = LoadQueryOp::create(b, tile(rows, op.qkSize(), elementOf(buffers.query)),
                                      buffers.query, rowsValue);
    Value init = OnlineInitOp::create(b, stateType(), rowsValue, buffers.sinks);
    Value state = emitStream(rowsValue, query, init);
    auto finish =
        OnlineFinishOp::create(b, tile(rows, op.vSize(), b.getF32Type()),
                               tile(rows, 1, b.getF32Type()), state, op.getNormalizerAttr());
    StoreTileOp::create(b, finish.getOut(), buffers.out, rowsValue);
    if (buffers.lse)
      StoreTileOp::create(b, finish.getLse(), buffers.lse, rowsValue);
  }

  Value emitStream(Value rowsValue, Value query, Value init) {
    auto stream = StreamOp::create(b, stateType(), rowsValue, length, init,
                                   b.getI64IntegerAttr(keys), op.maskOrAll(), buffers.maskOperands);
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&stream.getBody(), {}, {b.getIndexType(), stateType()},
                                {b.getLoc(), b.getLoc()});
    Value first = body->getArgument(0);
    Value key = load(TileRole::Key, buffers.key, op.qkSize(), rowsValue, first);
    Value value = load(TileRole::Value, buffers.value, op.vSize(), rowsValue, first);
    Value scores = emitScores(rowsValue, query, key, first);
    Value next =
        OnlineStepOp::create(b, body->getArgument(1), scores, value, op.getNormalizerAttr());
    YieldOp::create(b, next);
    return stream.getResult();
  }

  Value load(TileRole role, Value memref, int64_t size, Value rowsValue, Value first) {
    return LoadTileOp::create(b, tile(keys, size, elementOf(memref)),
                              TileRoleAttr::get(b.getContext(), role), memref, rowsValue, first);
  }

  Value emitScores(Value rowsValue, Value query, Value key, Value first) {
    auto dot = TileDotOp::create(b, tile(rows, keys, b.getF32Type()), query, key, rowsValue, first,
                                 op.getScaleAttr());
    if (op.hasScoreRegion())
      cloneScoreRegion(b, op.getScore(), dot.getScore(), captured);
    return dot;
  }

  ImplicitLocOpBuilder &b;
  AttentionOp op;
  const AttentionBuffers &buffers;
  const IRMapping &captured;
  ScheduleAttr schedule;
  int64_t rows, keys;
  Value length; // number of keys
};
} // namespace

LogicalResult attn::tileAttention(OpBuilder &builder, AttentionOp attention,
                                  const AttentionBuffers &buffers, const IRMapping &captured) {
  if (!attention.getSchedule())
    return attention.emitOpError(
        "has no schedule; run --attn-plan first, or write schedule<rows = ..., keys = ...>");
  ImplicitLocOpBuilder b(attention.getLoc(), builder);
  b.setInsertionPoint(builder.getInsertionBlock(), builder.getInsertionPoint());
  ItemEmitter(b, attention, buffers, captured).emit();
  return success();
}
