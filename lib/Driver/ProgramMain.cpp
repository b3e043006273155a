//===- ProgramMain.cpp - what the two programs share ----------------------===//

#include "ProgramMain.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::attn;

Outcome attn::missingInput(StringRef program) {
  llvm::errs() << "error: expected an INPUT, found none; see " << program << " --help\n";
  return Outcome::UserError;
}

std::string attn::storeInput(std::string &input, StringRef value) {
  if (!input.empty())
    return "expected one INPUT, found '" + input + "' and '" + value.str() + "'";
  if (value.empty())
    return "expected an INPUT, found an empty name";
  input = value.str();
  return "";
}

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// Sizes beyond this overflow somewhere; no machine has the memory.
static constexpr int64_t longest = int64_t(1) << 40;

static std::string storeEntries(std::vector<std::string> &entries, StringRef value) {
  SmallVector<StringRef> words;
  value.split(words, ',', -1, /*KeepEmpty=*/false);
  for (StringRef word : words)
    entries.push_back(word.trim().str());
  return words.empty() ? "names separated by commas" : "";
}

Option attn::entryOption(std::vector<std::string> &entries) {
  return {"entry",
          "NAMES",
          "only these: prefill, decode, append, prefill-core, decode-core, layer-prefill, "
          "layer-decode, or names of functions",
          {},
          false,
          [&](StringRef value) { return storeEntries(entries, value); }};
}

Option attn::dtypeOption(std::string &dtype) {
  return choiceOption("dtype", "TYPE", "element type of every spec", {"f32", "bf16", "f16"},
                      [&](StringRef value) {
                        dtype = value.str();
                        return std::string();
                      });
}

std::function<std::string(StringRef)> attn::storeSize(std::optional<int64_t> &target) {
  return [&target](StringRef value) {
    int64_t number = 0;
    std::string wrong = storeNumber(number, 0, longest)(value);
    if (wrong.empty())
      target = number;
    return wrong;
  };
}

Option attn::batchOption(ReportSizes &sizes) {
  return numberOption("batch", "of the report: batch size (default 1)",
                      storeNumber(sizes.batch, 0, longest));
}

Option attn::queryLengthOption(ReportSizes &sizes) {
  return numberOption("q-len", "of the report: query rows (default: 1 for decode, else as keys)",
                      storeSize(sizes.queryLength));
}

Option attn::keyLengthOption(ReportSizes &sizes) {
  return numberOption("kv-len", "of the report: keys (default 2048)",
                      storeNumber(sizes.keyLength, 0, longest));
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Runs `body` so that a crash in it comes back as `InternalError`.
static Outcome runSafely(function_ref<Outcome()> body, int argc, char **argv) {
  Outcome outcome = Outcome::InternalError;
  llvm::CrashRecoveryContext::Enable();
  llvm::CrashRecoveryContext recovery;
  recovery.DumpStackAndCleanupOnFailure = false;
  if (recovery.RunSafely([&] { outcome = body(); }))
    return outcome;
  llvm::errs() << "error: internal failure: the compiler crashed; reproduce it with:";
  for (int i = 0; i < argc; ++i)
    llvm::errs() << " " << argv[i];
  llvm::errs() << "\n";
  return Outcome::InternalError;
}

int attn::programMain(int argc, char **argv, const OptionTable &table,
                      function_ref<Outcome()> body) {
  bool wantsHelp = false;
  SmallVector<StringRef> arguments(argv + (argc > 0), argv + argc);
  std::string wrong = table.parse(arguments, wantsHelp);
  if (!wrong.empty()) {
    llvm::errs() << "error: " << wrong << "\n";
    return static_cast<int>(Outcome::UserError);
  }
  if (wantsHelp) {
    table.printHelp(llvm::outs());
    return 0;
  }
  int code = static_cast<int>(runSafely(body, argc, argv));
  llvm::outs().flush();
  // After a crash nothing can be taken apart safely.
  llvm::sys::Process::Exit(code, /*NoCleanup=*/code == static_cast<int>(Outcome::InternalError));
}
