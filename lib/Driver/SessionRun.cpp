//===- SessionRun.cpp - runs passes; tells refusals from internal failures ===//

#include "Diagnostics.h"
#include "attn/Artifact/Bundle.h"
#include "attn/Driver/Session.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassInstrumentation.h"

using namespace mlir;
using namespace mlir::attn;

namespace {

/// Remembers which pass failed first, and whether it left invalid IR behind.
class FailureWatch : public PassInstrumentation {
public:
  FailureWatch(std::string &pass, bool &isBroken, bool &muted)
      : pass(pass), isBroken(isBroken), muted(muted) {}

  void runAfterPassFailed(Pass *failed, Operation *op) override {
    if (!pass.empty())
      return;
    pass = (failed->getArgument().empty() ? failed->getName() : failed->getArgument()).str();
    muted = true;
    isBroken = mlir::failed(verify(op));
    muted = false;
  }

private:
  std::string &pass;
  bool &isBroken, &muted;
};

/// Keeps a reproducer in memory until it is known whether anybody wants it.
class TextStream : public ReproducerStream {
public:
  explicit TextStream(std::string &text) : stream(text) {}
  StringRef description() override { return "memory"; }
  raw_ostream &os() override { return stream; }

private:
  llvm::raw_string_ostream stream;
};

} // namespace

/// Passes of this project refuse what they cannot do, with a reason; a state that does not verify
/// and a failing upstream pass are our own mistakes.
static bool isRefusal(StringRef pass, bool isBroken, bool saidWhy) {
  return saidWhy && !isBroken && pass.starts_with("attn-") && !pass.starts_with("attn-verify-");
}

Outcome Session::run(function_ref<void(OpPassManager &)> build, bool verifyEach) {
  PassManager pm(module()->getName());
  pm.enableVerifier(verifyEach);
  std::string failedPass, reproducer;
  bool isBroken = false;
  pm.addInstrumentation(std::make_unique<FailureWatch>(failedPass, isBroken, diagnostics->muted));
  pm.enableCrashReproducerGeneration([&](std::string &) -> std::unique_ptr<ReproducerStream> {
    return std::make_unique<TextStream>(reproducer);
  });
  build(pm);
  unsigned before = diagnostics->errors;
  if (succeeded(pm.run(module())))
    return Outcome::Success;
  if (isRefusal(failedPass, isBroken, diagnostics->errors != before))
    return Outcome::UserError;
  error("internal failure in pass '" + (failedPass.empty() ? "unknown" : failedPass) +
        "'; this is a mistake in the compiler, not in the input");
  writeReproducer(reproducer);
  // What a crash left behind cannot be taken apart safely.
  (void)moduleOwner.release();
  return Outcome::InternalError;
}

void Session::writeReproducer(StringRef text) {
  std::string path = reproducerPath.empty() ? kernelName() + ".reproducer.mlir" : reproducerPath;
  if (llvm::Error failed = writeFile(path, text)) {
    error(llvm::toString(std::move(failed)));
    return;
  }
  diagnostics->os << "note: reproduce it with: attn-opt --run-reproducer " << path << "\n";
}
