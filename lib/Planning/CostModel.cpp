//===- CostModel.cpp - cycles of a tile on a vector processor ---===//
//
// The constants are measured ones of prefill and decode on AVX-512 and AVX2 cores; they matter by
// their ratios only. docs/Planning.md says what each stands for.
#include "CostModel.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::attn;

/// Loop control per step of a product's sum.
static constexpr double loopCycles = 0.5;
/// What a load costs beside multiply-adds that hide it: conflicts of banks, lines that come late.
static constexpr double loadCycles = 0.1;
/// Chains of dependent multiply-adds never start back to back.
static constexpr double latencySlack = 1.25;
/// Softmax of one vector of scores: maximum, exponential, sum, store and reload.
static constexpr double softmaxCycles = 10;
/// Load, multiply and store of one vector of the accumulator when the maximum may have moved.
static constexpr double rescaleCycles = 3;
/// Bytes of K and V per cycle, copied to the workspace from behind the second-level cache: while
/// they come nothing is multiplied. What is read in memory comes while the first panel multiplies.
static constexpr double copyBytesPerCycle = 8, readBytesPerCycle = 16;
/// Bytes per cycle when a panel is streamed again in every register block.
static constexpr double restreamBytesPerCycle = 32;

CoreFacts::CoreFacts(TargetAttr target)
    : lanes(target.getInt("lanes")), registers(target.getInt("vector_registers")),
      fmaPerCycle(target.getInt("fma_per_cycle")), fmaLatency(target.getInt("fma_latency")),
      loadsPerCycle(target.getInt("loads_per_cycle")), l1(target.getInt("l1")),
      l2(target.getInt("l2")), prefetchAhead(target.getInt("prefetch_ahead")),
      bf16Dot(target.getFlag("bf16_dot")),
      amx(target.getFlag("amx") && target.getFlag("bf16_convert")), fused(target.getFlag("fused")) {
}

int64_t attn::roundUp(int64_t value, int64_t unit) {
  return static_cast<int64_t>(
      llvm::alignTo(static_cast<uint64_t>(value), static_cast<uint64_t>(unit)));
}

double RegisterBlock::cyclesPerFma(const CoreFacts &core) const {
  double fmas = static_cast<double>(keys * vectors);
  double arithmetic = fmas / static_cast<double>(core.fmaPerCycle);
  auto operands = static_cast<double>(keys + vectors);
  double loads = operands / static_cast<double>(core.loadsPerCycle);
  double latency = latencySlack * static_cast<double>(core.fmaLatency);
  return (std::max({arithmetic, loads, latency}) + loopCycles + loadCycles * operands) / fmas;
}

int64_t TileShape::workingSet(const Workload &work) const {
  return panels * (queryPanelBytes(work) + outPanelBytes(work)) + scorePanelBytes() +
         keyValueTileBytes(work);
}

/// Multiply-adds of both products; value columns beyond the last whole block are computed, too.
static double productCycles(const CoreFacts &core, const Workload &work, const TileShape &tile) {
  int64_t columns = work.qkSize + roundUp(work.vSize, tile.block.keys);
  return static_cast<double>(columns) * tile.block.cyclesPerFma(core) /
         static_cast<double>(work.perWord);
}

/// What does not stay in the first-level cache is read again for each block of keys.
static double restreamCycles(const CoreFacts &core, const Workload &work, const TileShape &tile) {
  int64_t excess = tile.queryPanelBytes(work) + tile.scorePanelBytes() - core.l1;
  int64_t passes = tile.keys / tile.block.keys;
  double bytes = static_cast<double>(std::max<int64_t>(excess, 0) * passes);
  return bytes / restreamBytesPerCycle / static_cast<double>(tile.block.vectors * tile.keys);
}

/// Waiting for a key and its value.
static double arrivalCycles(const Workload &work) {
  int64_t bytes = (work.qkSize + work.vSize) * work.elementBytes;
  return static_cast<double>(bytes - work.copiedBytes) / readBytesPerCycle +
         static_cast<double>(work.copiedBytes) / copyBytesPerCycle;
}

double attn::cyclesPerScore(const CoreFacts &core, const Workload &work, const TileShape &tile) {
  auto keys = static_cast<double>(tile.keys);
  double perVector = productCycles(core, work, tile) + softmaxCycles +
                     rescaleCycles * static_cast<double>(work.vSize) / keys +
                     restreamCycles(core, work, tile);
  double cycles = perVector / static_cast<double>(tile.lanes);

  int64_t itemRows = tile.rows() * tile.panels;
  cycles += arrivalCycles(work) / static_cast<double>(itemRows);
  // With one query position only the group's heads fill rows.
  if (work.oneQuery)
    cycles *= static_cast<double>(roundUp(work.group, itemRows)) / static_cast<double>(work.group);
  return cycles;
}
