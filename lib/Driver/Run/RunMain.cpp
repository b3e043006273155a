//===- RunMain.cpp - the command line of attn-run -------------------------===//

#include "../ProgramMain.h"
#include "attn/Artifact/Bundle.h"
#include "attn/Driver/Options.h"
#include "attn/Driver/Run.h"

#include "llvm/Support/raw_ostream.h"

#include <limits>

using namespace mlir;
using namespace mlir::attn;

static OptionTable optionTable(RunOptions &options) {
  constexpr int64_t anySeed = std::numeric_limits<int64_t>::max(), mostThreads = 4096;
  OptionTable table;
  table.program = "attn-run";
  table.usage = "BUNDLE_OR_INPUT [options]";
  table.overview = "Runs attention kernels: a bundle's folder, or .mlir or config.json, which is "
                   "compiled first. Checks unless told otherwise.";
  table.positional = [&](StringRef value) { return storeInput(options.input, value); };
  table.options = {
      flagOption("check", "compare with the double-precision reference (default)", options.check),
      flagOption("bench", "time on random data; share of this machine's measured ceiling",
                 options.bench),
      textOption("target", "TARGET", "what to compile an input for (default cpu)", options.target),
      entryOption(options.entries),
      dtypeOption(options.dtype),
      numberOption("batch", "batch size (default: 2 to check, 1 to time)",
                   storeSize(options.batch)),
      numberOption("q-len", "query rows (default: 1 for decode; 67 to check, as keys to time)",
                   storeSize(options.queryLength)),
      numberOption("kv-len", "keys (default: 131 to check, 2048 to time)",
                   storeSize(options.keyLength)),
      numberOption("rows", "rows to compare (default: all, of long inputs evenly spread ones)",
                   storeNumber(options.rows, 0, std::numeric_limits<int64_t>::max())),
      numberOption("threads", "threads of the kernel (default 0: all)",
                   storeNumber(options.threads, 0, mostThreads)),
      numberOption("seed", "of the random data (default 1)", storeNumber(options.seed, 0, anySeed)),
      textOption("json", "FILE", "write the measurements as a JSON array", options.json),
  };
  return table;
}

int attn::runMain(int argc, char **argv) {
  RunOptions options;
  return programMain(argc, argv, optionTable(options), [&] {
    if (options.input.empty())
      return missingInput("attn-run");
    std::vector<RunRecord> records;
    Outcome outcome = runKernels(options, llvm::outs(), llvm::errs(), records);
    if (options.json.empty() || (records.empty() && outcome != Outcome::Success))
      return outcome;
    if (llvm::Error error = writeFile(options.json, printRecords(records))) {
      llvm::errs() << "error: " << llvm::toString(std::move(error)) << "\n";
      return std::max(outcome, Outcome::UserError);
    }
    return outcome;
  });
}
