//===- WorkPlan.h - the facts one attn.work is lowered by on an NVIDIA GPU ---===//
#ifndef ATTN_LIB_TARGET_NVGPU_WORKPLAN_H
#define ATTN_LIB_TARGET_NVGPU_WORKPLAN_H

#include "attn/IR/AttnOps.h"
#include "attn/IR/AttnTiledOps.h"
#include "attn/Planning/LatentTile.h"
#include "attn/Planning/WarpTile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::attn {

/// What the host passes where: numbers of tensors, -1 for none.
struct ArgumentRoles {
  int64_t query = -1, key = -1, value = -1, out = -1, lse = -1, sinks = -1, offset = -1;
  /// Without an argument: Sk - Sq, or this constant.
  std::optional<int64_t> constantOffset;
  /// Of the mask's operands.
  SmallVector<int64_t> masks;
};

/// Gathers the canonical form of an `attn.work`.
struct NVWorkPlan {
  func::FuncOp function;
  WorkOp work;
  StreamOp stream;
  TileDotOp dot;
  StoreTileOp storeOut, storeLse; // storeLse may be null
  OnlineInitOp init;
  HeadMap heads;
  WarpgroupTile tile;
  /// The warps' form (roles = uniform) instead of warpgroups.
  std::optional<WarpTile> warp;
  /// Of warpgroups: values are columns of the keys and the output's columns are split over the
  /// consumers.
  std::optional<LatentTile> latent;
  ArgumentRoles roles;
  MaskAttr mask;
  SmallVector<MemRefType> maskTypes;
  bool isHalf = false;   // f16, else bf16
  bool isStream = false; // packed rows, split keys: form = stream
  int64_t splits = 1;    // stream: most parts of the key range
  int64_t blocks = 1;    // per multiprocessor
  bool overlap = false, pingpong = false, peek = false, longestFirst = false, lazy = false,
       strict = false;
  double scale = 1;

  /// Whether the offset needs no arithmetic of the host: Sk - Sq, a constant or an argument.
  static bool hasPlainOffset(WorkOp work);

  /// Values are columns of the keys.
  bool isLatent() const { return latent || (warp && warp->isLatent()); }
  bool hasRegion() { return !dot.getScore().empty(); }
  /// `strict = 1`: rows that excluded keys of visited tiles may have spoiled are computed again.
  /// Without a mask the only such keys lie behind the end, where the copy engine writes zeros.
  bool isStrict() { return strict && !isStream && !mask.isAll(); }
  /// Scores leave the product times `scale`; otherwise the exponent's factor holds it.
  bool scalesScores() { return hasRegion() || scale <= 0; }
  int64_t largestGroup() const;
  /// Of the mask's words about documents, each once.
  SmallVector<int64_t> documentOperands() const;
  /// The first of them; -1 for none.
  int64_t documentOperand() const;

  /// Fails with a diagnostic for a form or schedule that this target cannot lower. `numberOf` tells
  /// a tensor's or scalar's number in the launch, -1 for one that is not passed.
  static FailureOr<NVWorkPlan> create(WorkOp work, function_ref<int64_t(Value)> numberOf);

private:
  LogicalResult readBody();
  LogicalResult readSchedule();
  LogicalResult readLatent();
  LogicalResult readWarpSchedule();
  LogicalResult readWarpLatent(int64_t column);
  LogicalResult readStreamSchedule();
  void readOffset();
  LogicalResult readRoles();
  LogicalResult readMaskRoles();
  LogicalResult checkTypes();

  function_ref<int64_t(Value)> numberOf;
};

} // namespace mlir::attn

#endif // ATTN_LIB_TARGET_NVGPU_WORKPLAN_H
