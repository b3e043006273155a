//===- Report.h - what a kernel costs and how it will run -----------------===//

#ifndef ATTN_ARTIFACT_REPORT_H
#define ATTN_ARTIFACT_REPORT_H

#include "attn/Artifact/KernelInfo.h"
#include "attn/IR/AttnOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace mlir::attn {

/// The lengths a report or a measurement is about; they fill what a function leaves open.
struct ReportSizes {
  int64_t batch = 1;
  /// Query rows; absent: 1 for decode, decode-core and layer-decode, the keys' length for all
  /// others.
  std::optional<int64_t> queryLength;
  int64_t keyLength = 2048;

  int64_t queryLengthFor(StringRef role) const {
    return queryLength.value_or(isDecodeRole(role) ? 1 : keyLength);
  }
};

/// What one call of an entry costs.
struct Cost {
  int64_t batch = 0, queryLength = 0, keyLength = 0;
  /// Multiplications and additions of the products, visible pairs only, and of expansions.
  double flops = 0;
  /// Each input read once and each output written once.
  double bytes = 0;
  /// A mask depends on data; all that the data could show counts as visible.
  bool isUpperBound = false;
  double intensity() const { return bytes > 0 ? flops / bytes : 0; }
};

/// The facts of an entry's largest attention, for tables.
struct HeadFacts {
  int64_t queryHeads = 0, keyHeads = 0, valueHeads = 0, qkSize = 0, vSize = 0;
  std::string mask = "none";
  /// `absorbed`, `expanded`, or `plain` without a latent.
  std::string form = "plain";
  /// Bytes cached per token and layer: as the mechanism caches them, if keys and values of every
  /// head were cached instead, and under MHA of the same width. Zero where it is not known.
  int64_t cacheBytesPerToken = 0, expandedBytesPerToken = 0, mhaBytesPerToken = 0;
  double cacheRatio() const {
    return mhaBytesPerToken
               ? static_cast<double>(cacheBytesPerToken) / static_cast<double>(mhaBytesPerToken)
               : 0;
  }
  std::vector<int64_t> layers;
};

/// The cost of calling `function` (state `elaborated` or `planned`) with these sizes.
Cost costOf(func::FuncOp function, const ReportSizes &sizes);
HeadFacts headFactsOf(func::FuncOp function);

/// Keys that `head` sees, summed over rows `offset` … `offset + rows - 1` of `keys` keys. Words
/// that depend on data count as all visible, and `dependsOnData` is set.
double countVisible(MaskAttr mask, int64_t head, int64_t rows, int64_t keys, int64_t offset,
                    bool &dependsOnData);

/// The report of a module in state `planned`.
void printReport(raw_ostream &os, ModuleOp planned, const KernelInfo &info,
                 const ReportSizes &sizes);
void printReportJson(raw_ostream &os, ModuleOp planned, const KernelInfo &info,
                     const ReportSizes &sizes);

} // namespace mlir::attn

#endif // ATTN_ARTIFACT_REPORT_H
