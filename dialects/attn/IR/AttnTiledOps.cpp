//===- AttnTiledOps.cpp - rules of the tiled form ----------------------------===//
#include "attn/IR/AttnTiledOps.h"
#include "AttnAssembly.h"
#include <cmath>

using namespace mlir;
using namespace mlir::attn;

//===----------------------------------------------------------------------===//
// attn.work
//===----------------------------------------------------------------------===//

/// work_c1.
static LogicalResult verifyMemrefs(WorkOp op) {
  ShapedType query = op.getQuery().getType(), key = op.getKey().getType(),
             value = op.getValue().getType();
  if (failed(verifyStatic(op, "query", query, "work_c1")) ||
      failed(verifyStatic(op, "key", key, "work_c1")) ||
      failed(verifyStatic(op, "value", value, "work_c1")))
    return failure();
  if (query.getElementType() != key.getElementType() ||
      key.getElementType() != value.getElementType())
    return op.emitOpError() << "query, key and value must have one element type, found "
                            << query.getElementType() << ", " << key.getElementType() << " and "
                            << value.getElementType() << " (work_c1)";
  if (query.getDimSize(3) != key.getDimSize(3))
    return op.emitOpError() << "query and key must have one head size, found "
                            << query.getDimSize(3) << " and " << key.getDimSize(3) << " (work_c1)";
  return success();
}

/// work_c2 for one axis.
static LogicalResult verifyTable(WorkOp op, StringRef axis, ArrayRef<int64_t> table, Value memref) {
  int64_t heads = cast<ShapedType>(memref.getType()).getDimSize(1);
  if (table.empty() || table.size() != op.getKeyMap().size())
    return op.emitOpError("head tables must have equal, positive length (work_c2)");
  for (int64_t entry : table)
    if (entry < 0 || entry >= heads)
      return op.emitOpError() << axis << " table entry " << entry << " is not one of the " << heads
                              << " heads (work_c2)";
  return success();
}

LogicalResult WorkOp::verify() {
  if (failed(verifyMemrefs(*this)) ||
      failed(verifyTable(*this, "query", getQueryMap(), getQuery())) ||
      failed(verifyTable(*this, "key", getKeyMap(), getKey())))
    return failure();
  return verifyTable(*this, "value", getValueMap(), getValue());
}

LogicalResult WorkOp::verifyRegions() {
  int64_t count = getSchedule().getInt("rows") * getSchedule().getInt("panels");
  Type rows = RowsType::get(getContext(), count);
  Block &body = getBody().front();
  if (body.getNumArguments() != 1 || body.getArgument(0).getType() != rows)
    return emitOpError() << "body must take one " << rows
                         << ", rows * panels of the schedule (work_c3)";
  if (body.back().getNumOperands() != 0)
    return emitOpError("body must yield nothing (work_c3)");
  return success();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

LogicalResult LoadQueryOp::verify() {
  TileType tile = getTile().getType();
  int64_t rows = getRows().getType().getCount(), size = getSource().getType().getDimSize(3);
  if (tile.getRows() != rows || !compatible(tile.getColumns(), size))
    return emitOpError() << "tile must be " << shapeText({rows, size}) << ", found " << tile
                         << " (tile_load_query_c1)";
  return success();
}

LogicalResult LoadTileOp::verify() {
  TileType tile = getTile().getType();
  int64_t size = getSource().getType().getDimSize(3);
  if (!compatible(tile.getColumns(), size))
    return emitOpError() << "tile must have " << size << " columns, the source's head size, found "
                         << tile << " (tile_load_c1)";
  return success();
}

LogicalResult TileDotOp::verify() {
  TileType query = getQuery().getType(), key = getKey().getType(), scores = getScores().getType();
  if (query.getColumns() != key.getColumns())
    return emitOpError() << "query and key tiles must have equal columns, found "
                         << query.getColumns() << " and " << key.getColumns() << " (tile_dot_c1)";
  if (scores.getRows() != query.getRows() || scores.getColumns() != key.getRows() ||
      query.getRows() != getRows().getType().getCount())
    return emitOpError() << "scores must be "
                         << shapeText({getRows().getType().getCount(), key.getRows()})
                         << ", found query tile " << query << " and scores " << scores
                         << " (tile_dot_c1)";
  if (!std::isfinite(getScale().convertToDouble()))
    return emitOpError("scale must be finite (tile_dot_c2)");
  return success();
}

LogicalResult TileDotOp::verifyRegions() {
  return verifyScoreRegion(*this, getScore(), "tile_dot_c2");
}

LogicalResult StoreTileOp::verify() {
  TileType tile = getTile().getType();
  auto target = cast<ShapedType>(getTarget().getType());
  int64_t rows = getRows().getType().getCount();
  int64_t columns = target.getRank() == 4 ? target.getDimSize(3) : 1;
  if (tile.getRows() != rows || !compatible(tile.getColumns(), columns))
    return emitOpError() << "tile must be " << shapeText({rows, columns}) << " for " << target
                         << ", found " << tile << " (tile_store_c1)";
  return success();
}

//===----------------------------------------------------------------------===//
// Online state
//===----------------------------------------------------------------------===//

LogicalResult OnlineInitOp::verify() {
  if (getState().getType().getRows() != getRows().getType().getCount())
    return emitOpError() << "state must have " << getRows().getType().getCount() << " rows, found "
                         << getState().getType() << " (online_init_c1)";
  return success();
}

LogicalResult OnlineStepOp::verify() {
  OnlineType state = getState().getType();
  TileType scores = getScores().getType(), values = getValues().getType();
  if (scores.getRows() != state.getRows() || scores.getColumns() != values.getRows() ||
      values.getColumns() != state.getColumns())
    return emitOpError() << "state " << state << ", scores " << scores << " and values " << values
                         << " do not fit (online_step_c1)";
  return success();
}

LogicalResult OnlineFinishOp::verify() {
  OnlineType state = getState().getType();
  TileType out = getOut().getType(), lse = getLse().getType();
  if (out.getRows() != state.getRows() || out.getColumns() != state.getColumns())
    return emitOpError() << "out must be " << shapeText({state.getRows(), state.getColumns()})
                         << ", found " << out << " (online_finish_c1)";
  if (lse.getRows() != state.getRows() || lse.getColumns() != 1)
    return emitOpError() << "lse must be " << shapeText({state.getRows(), 1}) << ", found " << lse
                         << " (online_finish_c1)";
  return success();
}

//===----------------------------------------------------------------------===//
// attn.stream
//===----------------------------------------------------------------------===//

LogicalResult StreamOp::verify() {
  int64_t step = getStep();
  if (step < 1)
    return emitOpError() << "step must be positive, found " << step << " (stream_c2)";
  std::optional<int64_t> scoreHeads;
  if (auto work = (*this)->getParentOfType<WorkOp>())
    scoreHeads = static_cast<int64_t>(work.getKeyMap().size());
  return verifyMask(*this, getMask(), getMaskOperands(), scoreHeads, "stream_c3");
}

LogicalResult StreamOp::verifyRegions() {
  Block &body = getBody().front();
  Type state = getInit().getType();
  auto yield = dyn_cast<YieldOp>(body.back());
  bool takes = body.getNumArguments() == 2 && body.getArgument(0).getType().isIndex() &&
               body.getArgument(1).getType() == state;
  bool yields = yield && yield.getNumOperands() == 1 && yield.getOperand(0).getType() == state;
  if (!takes || !yields)
    return emitOpError() << "body must take (index, " << state << ") and yield " << state
                         << " (stream_c1)";
  return success();
}
