//===- WorkPlan.h - the facts one attn.work is lowered by --------------------===//
#ifndef ATTN_LIB_TARGET_CPU_WORKPLAN_H
#define ATTN_LIB_TARGET_CPU_WORKPLAN_H

#include "attn/IR/AttnTiledOps.h"
#include "attn/IR/AttnAttrs.h"

namespace mlir::attn {

/// A static slice of a thread's workspace: a `rows x columns` memref at `offset` bytes.
struct Slice {
  int64_t offset = 0, rows = 0, columns = 0;
};

/// Gathers the canonical form of an `attn.work` (see `WorkPlan::create`) and lays out the workspace.
///
/// The schedule's panel is `rows` query rows, held with rows in lanes ("T form"): the query panel is
/// [size][rows], scores are [key][rows] and the accumulator is [value size][rows], so that maxima, sums and
/// rescaling are vertical operations and no head size needs padding.
struct WorkPlan {
  WorkOp work;
  StreamOp stream;
  TileDotOp dot;
  OnlineInitOp init;
  StoreTileOp storeOut, storeLse; // storeLse may be null
  TargetAttr target;
  SmallVector<HeadGroup> groups;

  int64_t lanes = 0, vectors = 0, rows = 0, panels = 0, keys = 0;
  int64_t qkSize = 0, vSize = 0, registerKeys = 0, registerValues = 0, unroll = 0;
  Normalizer normalizer = Normalizer::Softmax;
  bool longestFirst = false;

  // Workspace of a thread, in bytes. Slices of a panel repeat every `panelBytes`.
  Slice query, accumulator, maximum, sum, position, head; // per panel
  // Shared by the panels. Rows of the key tile are padded, so that the rows of a register block start in different
  // banks of the cache. The value tile is cut into blocks of `registerValues` columns, one after the other:
  // block c holds rows [c * keys, (c + 1) * keys), so that the product reads it in address order.
  Slice keyTile, valueTile, scores, rescale;
  int64_t panelBytes = 0, bytes = 0;

  int64_t itemRows() const { return rows * panels; }
  int64_t valueBlocks() const { return (vSize + registerValues - 1) / registerValues; }
  bool hasRegion() { return !dot.getScore().empty(); }
  bool isSoftmax() const { return normalizer == Normalizer::Softmax; }

  /// Reads the work's body. Fails with a diagnostic if it is not the form `attn-tile` writes, or if its
  /// schedule does not fit the target.
  static FailureOr<WorkPlan> create(WorkOp work, TargetAttr target);

private:
  LogicalResult readBody();
  LogicalResult readSchedule();
  void layOut();
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_CPU_WORKPLAN_H
