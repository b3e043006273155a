//===- CompileMain.cpp - the command line of attn-compile -----------------===//

#include "attn/Driver/Compile.h"

#include "ProgramMain.h"
#include "attn/Driver/Options.h"
#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

struct EmitName {
  const char *name;
  Emit emit;
};

} // namespace

static constexpr EmitName emitNames[] = {
    {"attn", Emit::Attn},   {"planned", Emit::Planned}, {"tiled", Emit::Tiled},
    {"llvm", Emit::LLVM},   {"asm", Emit::Asm},         {"ptx", Emit::Ptx},
    {"cubin", Emit::Cubin}, {"obj", Emit::Obj},         {"bundle", Emit::Bundle}};

static std::vector<std::string> emitWords() {
  std::vector<std::string> words;
  for (const EmitName &entry : emitNames)
    words.push_back(entry.name);
  return words;
}

static std::string storeEmit(CompileOptions &options, StringRef value) {
  for (const EmitName &entry : emitNames)
    if (value == entry.name)
      options.emit = entry.emit;
  return "";
}

static std::string storeReport(CompileOptions &options, StringRef value) {
  (value == "json" ? options.reportJson : options.report) = true;
  return "";
}

static Option reportOption(CompileOptions &options) {
  Option option = choiceOption("report", "json", "FLOPs, bytes, cache, schedule and why", {"json"},
                               [&](StringRef value) { return storeReport(options, value); });
  option.optionalValue = true;
  return option;
}

static Option emitOption(CompileOptions &options) {
  return choiceOption("emit", "KIND", "what to write (default bundle)", emitWords(),
                      [&](StringRef value) { return storeEmit(options, value); });
}

namespace {

/// What the command line says about tuning.
struct TuneFlags {
  bool tune = false, useTuned = false;
  int64_t budget = 60, threads = 1;
};

} // namespace

static void addTuneOptions(std::vector<Option> &options, TuneFlags &flags) {
  constexpr int64_t day = 86400, mostThreads = 4096;
  options.push_back(
      flagOption("tune", "search schedules on this machine and remember the best", flags.tune));
  options.push_back(
      flagOption("use-tuned", "take schedules that --tune remembered", flags.useTuned));
  options.push_back(numberOption("tune-budget", "seconds for the search (default 60)",
                                 storeNumber(flags.budget, 0, day)));
  options.push_back(numberOption("tune-threads", "threads to time with (default 1)",
                                 storeNumber(flags.threads, 1, mostThreads)));
}

/// Lets the options' kernel be tuned as the command line says.
static void requestTuning(CompileOptions &options, const TuneFlags &flags,
                          const TuneFunction &tune) {
  TuneRequest request{flags.tune, static_cast<double>(flags.budget),
                      static_cast<int32_t>(flags.threads), options.reportSizes};
  options.chooseSchedules = [request, &tune](PlannedKernel &kernel) {
    return tune(kernel, request, llvm::errs());
  };
}

static OptionTable optionTable(CompileOptions &options, TuneFlags &flags) {
  OptionTable table;
  table.program = "attn-compile";
  table.usage = "INPUT [options]";
  table.overview = "Compiles attention. INPUT is .mlir (attn.spec or functions) or a Hugging Face "
                   "config.json.";
  table.positional = [&](StringRef value) { return storeInput(options.input, value); };
  table.options = {
      textOption("target", "TARGET",
                 "cpu (this machine), cpu:x86-64-v3, cpu:x86-64-v4, sm_90a, ...", options.target),
      emitOption(options),
      entryOption(options.entries),
      dtypeOption(options.dtype),
      reportOption(options),
      batchOption(options.reportSizes),
      queryLengthOption(options.reportSizes),
      keyLengthOption(options.reportSizes),
      flagOption("exact-maximum",
                 "running maxima; GPU kernels keep the first tile's and mend what outgrows it",
                 options.exactMaximum),
      flagOption("strict", "of a GPU: a NaN in excluded keys or values reaches no row (promise 3)",
                 options.strict),
      flagOption("remarks", "also say which rewrites declined, and why", options.remarks),
      textOption("reproducer", "FILE", "where an internal failure leaves its reproducer",
                 options.reproducer),
      textOption("o", "PATH", "file, or for a bundle folder (default: <kernel>.bundle)",
                 options.output),
  };
  addTuneOptions(table.options, flags);
  return table;
}

int attn::compileMain(int argc, char **argv, const TuneFunction &tune) {
  CompileOptions options;
  TuneFlags flags;
  return programMain(argc, argv, optionTable(options, flags), [&] {
    if (options.input.empty())
      return missingInput("attn-compile");
    registerCPUTarget();
    registerNVGPUTargets();
    if (flags.tune || flags.useTuned)
      requestTuning(options, flags, tune);
    return compile(options, llvm::outs(), llvm::errs());
  });
}
