//===- VisiblePairs.cpp - how many keys a mask lets rows see --------------===//

#include "attn/Artifact/Report.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// Keys as ascending, disjoint, non-empty ranges [first, second).
using KeySet = SmallVector<std::pair<int64_t, int64_t>>;

/// Evaluates a mask for one row at a time.
struct RowEvaluator {
  int64_t head, keys;
  bool &dependsOnData;

  KeySet range(int64_t first, int64_t last) const {
    first = std::max<int64_t>(first, 0);
    last = std::min(last, keys);
    return first < last ? KeySet{{first, last}} : KeySet{};
  }

  KeySet complement(const KeySet &set) const {
    KeySet result;
    int64_t from = 0;
    for (auto [first, last] : set) {
      result.append(range(from, first));
      from = last;
    }
    result.append(range(from, keys));
    return result;
  }

  static KeySet intersect(const KeySet &a, const KeySet &b) {
    KeySet result;
    for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      int64_t first = std::max(a[i].first, b[j].first), last = std::min(a[i].second, b[j].second);
      if (first < last)
        result.push_back({first, last});
      a[i].second < b[j].second ? ++i : ++j;
    }
    return result;
  }

  KeySet unite(const KeySet &a, const KeySet &b) const {
    return complement(intersect(complement(a), complement(b)));
  }

  KeySet stride(int64_t q, int64_t n) const {
    KeySet last;
    for (int64_t k = n - 1; k < keys; k += n)
      last.push_back({k, k + 1});
    return unite(last, range(q, q + 1));
  }

  /// Positions may be negative, where queries outnumber keys.
  KeySet chunk(int64_t q, int64_t n) const {
    int64_t number = llvm::divideFloorSigned(q, n);
    return range(number * n, (number + 1) * n);
  }

  /// `window<l>`: k > q - l; `window<l, r>`: also k < q + r.
  KeySet window(int64_t q, ArrayRef<int64_t> values) const {
    int64_t last = values.size() > 1 ? q + values[1] : keys;
    return range(q - values[0] + 1, last);
  }

  KeySet visible(MaskAttr mask, int64_t q) const {
    ArrayRef<int64_t> values = mask.getValues();
    switch (mask.getKind()) {
    case MaskKind::All:
      return range(0, keys);
    case MaskKind::None:
      return {};
    case MaskKind::Causal:
      return range(0, q + 1);
    case MaskKind::Window:
      return window(q, values);
    case MaskKind::Sink:
    case MaskKind::Prefix:
      return range(0, values[0]);
    case MaskKind::Chunk:
      return chunk(q, values[0]);
    case MaskKind::Stride:
      return stride(q, values[0]);
    case MaskKind::PerHead:
      return visible(mask.forHead(head), q);
    case MaskKind::And:
      return fold(mask, q, /*isAnd=*/true);
    case MaskKind::Or:
      return fold(mask, q, /*isAnd=*/false);
    case MaskKind::Not:
      return isDataMask(mask.getChild(0)) ? everything() : complement(visible(mask.getChild(0), q));
    case MaskKind::PrefixLength:
    case MaskKind::Document:
    case MaskKind::Dense:
    case MaskKind::Blocks:
      return everything();
    }
    llvm_unreachable("every kind of mask is handled");
  }

  /// A word that only data decides: anything may be visible.
  KeySet everything() const {
    dependsOnData = true;
    return range(0, keys);
  }

  static bool isDataMask(MaskAttr mask) { return mask.getNumOperands() > 0; }

  KeySet fold(MaskAttr mask, int64_t q, bool isAnd) const {
    KeySet result = visible(mask.getChild(0), q);
    for (unsigned i = 1; i < mask.getChildren().size(); ++i) {
      KeySet next = visible(mask.getChild(i), q);
      result = isAnd ? intersect(result, next) : unite(result, next);
    }
    return result;
  }
};

} // namespace

double attn::countVisible(MaskAttr mask, int64_t head, int64_t rows, int64_t keys, int64_t offset,
                          bool &dependsOnData) {
  mask = mask.forHead(head);
  if (mask.isAll())
    return static_cast<double>(rows) * keys;
  RowEvaluator evaluator{head, keys, dependsOnData};
  double count = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (auto [first, last] : evaluator.visible(mask, offset + row))
      count += static_cast<double>(last - first);
  return count;
}
