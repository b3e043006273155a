//===- ProgramMain.cpp - what the two programs share ----------------------===//

#include "ProgramMain.h"

#include "attn/Target/CPU/CPUTarget.h"
#include "attn/Target/NVGPU/NVGPUTarget.h"
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

void attn::addSizeOptions(OptionTable &table, ReportSizes &sizes) {
  constexpr int64_t longest = int64_t(1) << 40;
  auto storeQuery = [&sizes](StringRef value) {
    int64_t number = 0;
    std::string wrong = storeNumber(number, 0, longest)(value);
    if (wrong.empty())
      sizes.queryLength = number;
    return wrong;
  };
  table.options.push_back({"batch", "N", "batch size (default " + std::to_string(sizes.batch) + ")",
                           {}, false, storeNumber(sizes.batch, 0, longest)});
  table.options.push_back({"q-len", "N", "query rows (default: 1 for decode, else " +
                                             (sizes.queryLength ? std::to_string(*sizes.queryLength)
                                                                : std::string("as many as keys")) +
                                             ")",
                           {}, false, storeQuery});
  table.options.push_back({"kv-len", "N", "keys (default " + std::to_string(sizes.keyLength) + ")",
                           {}, false, storeNumber(sizes.keyLength, 0, longest)});
}

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
  registerCPUTarget();
  registerNVGPUTargets();
  int code = static_cast<int>(runSafely(body, argc, argv));
  llvm::outs().flush();
  // After a crash nothing can be taken apart safely.
  llvm::sys::Process::Exit(code, /*NoCleanup=*/code == static_cast<int>(Outcome::InternalError));
}
