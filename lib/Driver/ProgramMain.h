//===- ProgramMain.h - what the two programs share ------------------------===//

#ifndef ATTN_LIB_DRIVER_PROGRAMMAIN_H
#define ATTN_LIB_DRIVER_PROGRAMMAIN_H

#include "attn/Artifact/Report.h"
#include "attn/Driver/Options.h"
#include "attn/Driver/Outcome.h"

namespace mlir::attn {

/// Parses the command line, answers --help and mistakes, then calls `body`. A crash in it is told
/// and becomes an internal failure. Returns the exit code.
int programMain(int argc, char **argv, const OptionTable &table, function_ref<Outcome()> body);

/// `error: expected an INPUT …`
Outcome missingInput(StringRef program);

/// Takes the one positional argument.
std::string storeInput(std::string &input, StringRef value);

/// The options both programs have.
Option entryOption(std::vector<std::string> &entries);
Option dtypeOption(std::string &dtype);
/// Of a report: what it is about.
Option batchOption(ReportSizes &sizes);
Option queryLengthOption(ReportSizes &sizes);
Option keyLengthOption(ReportSizes &sizes);

/// Stores a size of zero or more.
std::function<std::string(StringRef)> storeSize(std::optional<int64_t> &target);

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_PROGRAMMAIN_H
