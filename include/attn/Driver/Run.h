//===- Run.h - runs a kernel, compares it with its definition, times it ---===//

#ifndef ATTN_DRIVER_RUN_H
#define ATTN_DRIVER_RUN_H

#include "attn/Artifact/Report.h"
#include "attn/Driver/MachineCeiling.h"
#include "attn/Driver/Outcome.h"

#include <optional>
#include <vector>

namespace mlir::attn {

struct RunOptions {
  /// A bundle's folder, or anything attn-compile takes.
  std::string input;
  /// For inputs that are compiled first; empty for their defaults.
  std::string target, dtype;
  /// Roles or names of functions; empty for all.
  std::vector<std::string> entries;
  /// Neither means check.
  bool check = false, bench = false;
  /// Absent sizes: small odd ones to check, long ones to time.
  std::optional<int64_t> batch, queryLength, keyLength;
  /// Zero: all processors.
  int64_t threads = 0;
  int64_t seed = 1;
  /// Rows to compare with the definition, evenly spread; zero: all of short inputs, of long ones as
  /// many as keep the reference's work bounded (at least a thousand).
  int64_t rows = 0;
  /// Where to write an array of records; empty for nowhere.
  std::string json;
};

/// What was found out about one entry; the fields that were not measured are absent.
struct RunRecord {
  std::string name, model, target, dtype;
  /// The GPU's name; empty for the machine's processors.
  std::string device;
  int64_t threads = 0;
  HeadFacts heads;
  Cost cost;
  std::optional<double> compileSeconds;
  /// Of `--bench`.
  std::optional<double> medianSeconds, ceiling, ceilingShare;
  MachineCeiling measuredCeiling;
  /// Of `--check`: absolute, of the output nearest to (or furthest past) its allowance.
  std::optional<double> maxError, allowedError, errorRatio;
  /// Rows that were compared, and whether there are more.
  std::optional<int64_t> checkedRows;
  bool isSampled = false;
};

/// Checks and times as the options say. Prints a line per entry to `out`. A mismatch with the
/// definition is a user error in the sense of the exit code.
Outcome runKernels(const RunOptions &options, raw_ostream &out, raw_ostream &diagnostics,
                   std::vector<RunRecord> &records);

/// The records as a JSON array, each with the same fields in the same order (null where absent).
std::string printRecords(const std::vector<RunRecord> &records);

/// The program attn-run. Returns its exit code.
int runMain(int argc, char **argv);

} // namespace mlir::attn

#endif // ATTN_DRIVER_RUN_H
