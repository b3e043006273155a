//===- RunMain.cpp - the command line of attn-run -------------------------===//

#include "../ProgramMain.h"
#include "attn/Artifact/Bundle.h"
#include "attn/Driver/Options.h"
#include "attn/Driver/Run.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::attn;

static std::function<std::string(StringRef)> storeOptional(std::optional<int64_t> &target) {
  return [&target](StringRef value) {
    int64_t number = 0;
    std::string wrong = storeNumber(number, 0, int64_t(1) << 40)(value);
    if (wrong.empty())
      target = number;
    return wrong;
  };
}

static OptionTable optionTable(RunOptions &options) {
  constexpr int64_t anySeed = std::numeric_limits<int64_t>::max(), mostThreads = 4096;
  OptionTable table;
  table.program = "attn-run";
  table.usage = "BUNDLE_OR_INPUT [options]";
  table.overview = "Runs attention kernels: a bundle's folder, or .mlir or config.json, which is "
                   "compiled first. Checks unless told otherwise.";
  table.positional = [&](StringRef value) { return storeInput(options.input, value); };
  table.options = {
      {"check", "", "compare with the double-precision reference (default)", {}, false,
       storeFlag(options.check)},
      {"bench", "", "time on random data; share of this machine's measured ceiling", {}, false,
       storeFlag(options.bench)},
      {"target", "TARGET", "what to compile an input for (default cpu)", {}, false,
       storeText(options.target)},
      {"entry", "NAMES", "only these: prefill, decode, append, or names of functions", {}, false,
       storeEntryList(options.entries)},
      {"dtype", "TYPE", "element type of every spec of an input", {"f32", "bf16", "f16"}, false,
       storeText(options.dtype)},
      {"batch", "N", "batch size (default: 2 to check, 1 to time)", {}, false,
       storeOptional(options.batch)},
      {"q-len", "N", "query rows (default: 1 for decode; 67 to check, as many as keys to time)", {},
       false, storeOptional(options.queryLength)},
      {"kv-len", "N", "keys (default: 131 to check, 2048 to time)", {}, false,
       storeOptional(options.keyLength)},
      {"threads", "N", "threads of the kernel (default 0: all)", {}, false,
       storeNumber(options.threads, 0, mostThreads)},
      {"seed", "N", "of the random data (default 1)", {}, false,
       storeNumber(options.seed, 0, anySeed)},
      {"json", "FILE", "write the measurements as a JSON array", {}, false,
       storeText(options.json)},
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
