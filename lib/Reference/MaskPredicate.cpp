//===- MaskPredicate.cpp - which keys a row may see --------------------------===//
#include "MaskPredicate.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::reference;

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// Element [b, h, r, k] of a rank-4 operand whose axes of size 1 count for every index.
static double broadcastAt(const HostTensor &tensor, int64_t b, int64_t h, int64_t r, int64_t k) {
  int64_t index[] = {b, h, r, k};
  for (int axis = 0; axis < 4; ++axis)
    if (tensor.sizes[axis] == 1)
      index[axis] = 0;
  return tensor.at(index);
}

static bool inWindow(ArrayRef<int64_t> values, const Pair &pair) {
  if (pair.key <= pair.position - values[0])
    return false;
  return values.size() < 2 || pair.key < pair.position + values[1];
}

/// A position outside of the ids belongs to no document, so it sees nothing by this word.
bool MaskPredicate::seesDocument(const HostTensor &ids, const Pair &pair) const {
  int64_t b = ids.size(0) == 1 ? 0 : pair.batch;
  if (pair.position < 0 || pair.position >= ids.size(1) || pair.key >= ids.size(1))
    return false;
  return ids.at({b, pair.key}) == ids.at({b, pair.position});
}

bool MaskPredicate::sees(MaskAttr node, const Pair &pair) const {
  ArrayRef<int64_t> values = node.getValues();
  auto child = [&](size_t i) { return cast<MaskAttr>(node.getChildren()[i]); };
  auto childSees = [&](Attribute operand) { return sees(cast<MaskAttr>(operand), pair); };
  switch (node.getKind()) {
  case MaskKind::All:
    return true;
  case MaskKind::None:
    return false;
  case MaskKind::Causal:
    return pair.key <= pair.position;
  case MaskKind::Window:
    return inWindow(values, pair);
  case MaskKind::Sink:
  case MaskKind::Prefix:
    return pair.key < values[0];
  case MaskKind::Chunk:
    // Positions may be negative (more rows than keys), so division must round down.
    return llvm::divideFloorSigned(pair.key, values[0]) ==
           llvm::divideFloorSigned(pair.position, values[0]);
  case MaskKind::Stride:
    return pair.key == pair.position || (pair.key + 1) % values[0] == 0;
  case MaskKind::PrefixLength: {
    const HostTensor &lengths = *operands[values[0]];
    return static_cast<double>(pair.key) < lengths.at({lengths.size(0) == 1 ? 0 : pair.batch});
  }
  case MaskKind::Document:
    return seesDocument(*operands[values[0]], pair);
  case MaskKind::Dense:
    return broadcastAt(*operands[values[0]], pair.batch, pair.head, pair.row, pair.key) != 0;
  case MaskKind::Blocks:
    return broadcastAt(*operands[values[2]], pair.batch, pair.head, pair.row / values[0],
                       pair.key / values[1]) != 0;
  case MaskKind::PerHead:
    return sees(child(values[pair.head]), pair);
  case MaskKind::And:
    return llvm::all_of(node.getChildren(), childSees);
  case MaskKind::Or:
    return llvm::any_of(node.getChildren(), childSees);
  case MaskKind::Not:
    return !sees(child(0), pair);
  }
  llvm_unreachable("unknown mask word");
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

static std::string describe(ArrayRef<int64_t> sizes) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(sizes, os);
  return text + "]";
}

/// `needed` per axis; an axis may be 1 where `broadcasts` says so.
static std::optional<std::string> checkOperand(StringRef word, const HostTensor &operand,
                                               ArrayRef<int64_t> needed, unsigned broadcasts) {
  bool fits = operand.rank() == static_cast<int64_t>(needed.size());
  for (size_t axis = 0; fits && axis < needed.size(); ++axis)
    fits = operand.sizes[axis] >= needed[axis] ||
           (operand.sizes[axis] == 1 && ((broadcasts >> axis) & 1));
  if (fits)
    return std::nullopt;
  return ("the operand of mask word '" + word + "' must cover " + describe(needed) + ", found " +
          describe(operand.sizes))
      .str();
}

static std::optional<std::string> checkWord(MaskAttr node, ArrayRef<const HostTensor *> operands,
                                            ArrayRef<int64_t> counts) {
  auto [batches, heads, rows, keys] = std::tuple(counts[0], counts[1], counts[2], counts[3]);
  ArrayRef<int64_t> values = node.getValues();
  switch (node.getKind()) {
  case MaskKind::PrefixLength:
    return checkOperand("prefix_length", *operands[values[0]], {batches}, 1);
  case MaskKind::Document:
    return checkOperand("document", *operands[values[0]], {batches, keys}, 1);
  case MaskKind::Dense:
    return checkOperand("dense", *operands[values[0]], counts, 15);
  case MaskKind::Blocks:
    return checkOperand("blocks", *operands[values[2]],
                        {batches, heads, llvm::divideCeilSigned(rows, values[0]),
                         llvm::divideCeilSigned(keys, values[1])},
                        15);
  default:
    return std::nullopt;
  }
}

static std::optional<std::string> checkTree(MaskAttr node, ArrayRef<const HostTensor *> operands,
                                            ArrayRef<int64_t> counts) {
  if (std::optional<std::string> problem = checkWord(node, operands, counts))
    return problem;
  for (Attribute child : node.getChildren())
    if (auto problem = checkTree(cast<MaskAttr>(child), operands, counts))
      return problem;
  return std::nullopt;
}

std::optional<std::string> MaskPredicate::checkSizes(int64_t batches, int64_t heads, int64_t rows,
                                                     int64_t keys) const {
  return checkTree(mask, operands, {batches, heads, rows, keys});
}
