//===- WarpProducts.cpp - matrix products of a warp --------------------------===//
//
// `mma.sync.m16n8k16`: an accumulator of 16 rows is, per group of 8 columns, four values of a
// thread: 4g + {0, 1} of row lane / 4 and 4g + {2, 3} of the row 8 below, columns 8g + 2 (lane mod
// 4)
// + {0, 1}. Packed in pairs, weights have the layout of a left operand.
//
//===----------------------------------------------------------------------===//
#include "Products.h"
#include "WarpKernel.h"
#include "WarpProductText.h"

using namespace mlir;
using namespace mlir::attn;

std::string WarpProductText::numbered(StringRef name, int64_t first, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i)
    text += (i ? ", " : "") + name.str() + std::to_string(first + i);
  return "{" + text + "}";
}

void WarpProductText::load(StringRef name, size_t address, int64_t offset, bool transposed) {
  text += guard + "ldmatrix.sync.aligned.m8n8.x4" + std::string(transposed ? ".trans" : "") +
          ".shared.b16 " + numbered(name, 0, 4) + ", [$" + std::to_string(address) + "+" +
          std::to_string(offset) + "];\n";
}

void WarpProductText::multiply(size_t accumulator, const std::string &left,
                               const std::string &right, bool fresh) {
  std::string type = isHalf ? ".f16" : ".bf16", sum = operandList(accumulator, 4);
  text += guard + "mma.sync.aligned.m16n8k16.row.col.f32" + type + type + ".f32 " + sum + ", " +
          left + ", " + right + ", " + (fresh ? "{z, z, z, z}" : sum) + ";\n";
}

static constexpr StringLiteral declarations =
    "{ .reg .b32 k<4>; .reg .f32 z;\nmov.f32 z, 0f00000000;\n";

/// All queries of the warp: per tile of 16 rows and step of 16 columns four registers.
Vals WarpEmitter::loadQueries() {
  int64_t steps = WarpTile::columnSteps(w.qkSize), rowBytes = WarpTile::rowBytes(w.qkSize);
  Vals all;
  for (int64_t m = 0; m < w.rowTiles; ++m)
    for (int64_t s = 0; s < steps; ++s) {
      SmallVector<Type> words(4, b.getI32Type());
      llvm::append_range(all, b.ptx("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0, $1, $2, $3}, "
                                    "[$4+" +
                                        Twine(m * 16 * rowBytes + 32 * s) + "];",
                                    {}, words, {queryLane}));
    }
  return all;
}

/// Scores of the warp's rows and a part of a key tile. Queries come from registers, if there, or
/// shared memory.
Vals WarpEmitter::products(Val slot, int64_t firstKey) {
  int64_t steps = WarpTile::columnSteps(w.qkSize), rowBytes = WarpTile::rowBytes(w.qkSize);
  auto perTile = static_cast<size_t>(w.partKeys / 2);
  size_t results = static_cast<size_t>(w.rowTiles) * perTile, keyOperand = results,
         queryOperand = results + 1;
  WarpProductText text(plan.isHalf);
  text.text = declarations;
  for (int64_t m = 0; m < w.rowTiles; ++m)
    text.text += ".reg .b32 q" + std::to_string(m) + "_<4>;\n";
  for (int64_t s = 0; s < steps; ++s) {
    SmallVector<std::string> left;
    for (int64_t m = 0; m < w.rowTiles; ++m) {
      std::string name = "q" + std::to_string(m) + "_";
      if (queries.empty())
        text.load(name, queryOperand, m * 16 * rowBytes + 32 * s, false);
      left.push_back(queries.empty()
                         ? WarpProductText::numbered(name, 0, 4)
                         : operandList(queryOperand + static_cast<size_t>(4 * (m * steps + s)), 4));
    }
    for (int64_t k = 0; k < w.partKeys / 16; ++k) {
      text.load("k", keyOperand, w.keyOffset() + (firstKey + k * 16) * rowBytes + 32 * s, false);
      for (size_t m = 0; m < left.size(); ++m)
        for (int64_t half = 0; half < 2; ++half)
          text.multiply(m * perTile + static_cast<size_t>(8 * k + 4 * half), left[m],
                        WarpProductText::numbered("k", 2 * half, 2), s == 0);
    }
  }
  Vals inputs = {keyLane + slot};
  if (queries.empty())
    inputs.push_back(queryLane);
  llvm::append_range(inputs, queries);
  return b.ptx(text.text + "}", {}, SmallVector<Type>(results, b.getF32Type()), inputs);
}

/// sum + weights * values of a part. Weights: per tile of rows and step of 16 keys four words.
Vals WarpEmitter::weightedSum(ArrayRef<Val> weights, Val slot, int64_t firstKey,
                              ArrayRef<Val> sum) {
  int64_t steps = w.partKeys / 16, rowBytes = WarpTile::rowBytes(w.vSize), groups = w.vSize / 8;
  auto perTile = static_cast<size_t>(w.vSize / 2);
  size_t firstWeight = 2 * sum.size(), valueOperand = firstWeight + weights.size();
  WarpProductText text(plan.isHalf);
  text.text = declarations;
  for (int64_t s = 0; s < steps; ++s)
    for (int64_t column = 0; column < groups; column += 2) {
      text.load("k", valueOperand, w.valueOffset() + (firstKey + s * 16) * rowBytes + 16 * column,
                true);
      for (int64_t m = 0; m < w.rowTiles; ++m)
        for (int64_t half = 0; half < std::min<int64_t>(2, groups - column); ++half)
          text.multiply(static_cast<size_t>(m) * perTile + static_cast<size_t>(4 * (column + half)),
                        operandList(firstWeight + static_cast<size_t>(4 * (m * steps + s)), 4),
                        WarpProductText::numbered("k", 2 * half, 2), false);
    }
  Vals inputs(weights);
  inputs.push_back(valueLane + slot);
  return b.ptx(text.text + "}", sum, {}, inputs);
}
