//===- CostModel.h - cycles of a tile on a vector processor -----*- C++ -*-===//
#ifndef ATTN_LIB_PLANNING_COSTMODEL_H
#define ATTN_LIB_PLANNING_COSTMODEL_H

#include "attn/IR/AttnAttrs.h"

namespace mlir::attn {

/// Facts of a processor core, read from `#attn.target`. Sizes are bytes.
struct CoreFacts {
  int64_t lanes, registers, fmaPerCycle, fmaLatency, loadsPerCycle, l1, l2;
  /// Bytes by which rows read straight from memory are asked for; 0 where hardware alone does it.
  int64_t prefetchAhead;
  bool bf16Dot, amx, fused;
  explicit CoreFacts(TargetAttr target);
};

/// What planning knows of an attention before it runs.
struct Workload {
  int64_t qkSize, vSize;
  int64_t elementBytes; // of K and V in memory
  int64_t copiedBytes;  // of a key and its value, where the products cannot read them in memory
  int64_t group;        // score heads that share a key head and a value head, the largest group
  bool oneQuery;        // decode: few query positions per call
  bool isBf16;
  int64_t perWord =
      1; // elements that one lane of a multiply-add takes: 2 with dot products of bf16 pairs
};

/// A register block of both products: `keys` (or value columns) times `vectors` of query rows.
/// K and V elements are broadcast, so each step of the sum costs keys * vectors multiply-adds
/// and keys + vectors loads.
struct RegisterBlock {
  int64_t keys, vectors;
  /// Accumulators, the row operands and one broadcast.
  int64_t registers() const { return keys * vectors + vectors + 1; }
  /// With what a product needs before it is added: without fused multiply-adds it is a copy of one
  /// operand, and the next one is under way.
  int64_t registersOn(const CoreFacts &core) const { return registers() + (core.fused ? 0 : 2); }
  /// Cycles per step of the sum and per multiply-add, 1 / fmaPerCycle at best.
  double cyclesPerFma(const CoreFacts &core) const;
};

/// A whole tile: what is resident where.
struct TileShape {
  RegisterBlock block;
  int64_t lanes, keys, panels;
  int64_t rows() const { return block.vectors * lanes; }
  /// Query panel of 32-bit words, and score panel of one tile.
  int64_t queryPanelBytes(const Workload &work) const {
    return rows() * work.qkSize * 4 / work.perWord;
  }
  int64_t scorePanelBytes() const { return rows() * keys * 4; }
  int64_t outPanelBytes(const Workload &work) const { return rows() * work.vSize * 4; }
  int64_t keyValueTileBytes(const Workload &work) const {
    return keys * (work.qkSize + work.vSize) * work.elementBytes;
  }
  /// Everything that all panels of an item touch per key tile.
  int64_t workingSet(const Workload &work) const;
};

/// Estimated cycles per pair of row and key, including what is computed for rows nobody asked
/// for, the softmax, rescaling, and traffic from the second-level cache.
double cyclesPerScore(const CoreFacts &core, const Workload &work, const TileShape &tile);

/// `value` rounded up to a multiple of `unit`.
int64_t roundUp(int64_t value, int64_t unit);

} // namespace mlir::attn

#endif // ATTN_LIB_PLANNING_COSTMODEL_H
