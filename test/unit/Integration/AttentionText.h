//===- AttentionText.h - writes functions around one attention ----------------===//
#ifndef ATTN_TEST_INTEGRATION_ATTENTIONTEXT_H
#define ATTN_TEST_INTEGRATION_ATTENTIONTEXT_H

#include <cstdint>
#include <string>
#include <vector>

namespace mlir::attn::test {

/// Small tiles, so that short lengths cross many of them.
inline constexpr const char *smallTiles =
    "rows = 16, keys = 12, panels = 2, register_keys = 4, register_values = 4";

/// One attention as a function `f(query, key, value[, sinks][, offset][, table], masks...)` with
/// results out and, after a softmax, lse.
struct AttentionText {
  std::string name = "f";
  int64_t queryHeads = 2, keyHeads = 1, valueHeads = 1;
  int64_t qkSize = 16, vSize = 16;
  std::string dtype = "f32";
  /// Without `<>`; empty for none.
  std::string mask = "causal";
  /// Types of the mask's operands.
  std::vector<std::string> maskOperands = {};
  /// Tables such as `key = [0, 0, 1]`, and how many score heads they have.
  std::string heads = "";
  int64_t scoreHeads = 0;
  bool sinks = false, offset = false;
  std::string normalizer = "";
  /// Lines of the score region, from `%s` (and `%b %h %i %j`) to `%r`.
  std::string score = "";
  /// Type of a tensor `%table` that the region reads; empty for none.
  std::string table = "";
  /// Inside of `schedule<>`; empty leaves it to planning.
  std::string schedule = "";
  /// Zero: 1 / sqrt(qkSize).
  double scale = 0;

  std::string str() const;
};

/// Score regions.
extern const std::string softcapRegion, alibiRegion, biasRegion;

} // namespace mlir::attn::test

#endif // ATTN_TEST_INTEGRATION_ATTENTIONTEXT_H
