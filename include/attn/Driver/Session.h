//===- Session.h - one input on its way through the stations --------------===//

#ifndef ATTN_DRIVER_SESSION_H
#define ATTN_DRIVER_SESSION_H

#include "attn/Driver/Outcome.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/SourceMgr.h"

#include <memory>
#include <string>

namespace mlir::attn {

/// An input file, its module, and everybody who hears about errors. Errors are printed to the
/// given stream as they occur, with the line of the input they are about.
class Session {
public:
  explicit Session(raw_ostream &diagnostics);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  /// Reads a `.mlir` file or a `config.json`. "-" is standard input, as `.mlir`.
  Outcome load(StringRef path);
  /// Sets the element type of every spec: f32, bf16 or f16. Refused where a function was written
  /// by hand for another one.
  Outcome setDtype(StringRef dtype);
  /// Removes the public functions that none of `entries` (roles or names) asks for. Refused where
  /// an entry asks for nothing.
  Outcome keepEntries(ArrayRef<std::string> entries);
  /// Runs passes. An internal failure (a crash, invalid IR, a broken state) writes a reproducer
  /// and says so. `verifyEach` verifies the IR behind each pass; without it the last pass must, as
  /// `attn-verify-lowered` does (the lowering makes so many operations that it pays).
  Outcome run(function_ref<void(OpPassManager &)> build, bool verifyEach = true);

  /// Prints an error that has no place in the input.
  Outcome error(const Twine &message);

  MLIRContext *context();
  ModuleOp module();
  /// Goes on with another module of the same context; gives the one before.
  OwningOpRef<ModuleOp> exchangeModule(OwningOpRef<ModuleOp> module) {
    std::swap(module, moduleOwner);
    return module;
  }
  /// The model's or the spec's name, else the input's file name; a C identifier.
  std::string kernelName();
  /// Where `run` writes a reproducer; by default beside the working directory's files, as
  /// `<kernel>.reproducer.mlir`.
  void setReproducerPath(StringRef path) { reproducerPath = path.str(); }
  /// Prints the remarks of passes too: why a rewrite declined.
  void showRemarks();
  /// Errors printed so far.
  unsigned errorCount() const;

private:
  class Diagnostics;
  Outcome parse(std::unique_ptr<llvm::MemoryBuffer> buffer, bool isConfig);
  void writeReproducer(StringRef text);

  std::string inputPath, reproducerPath;
  // The order matters: the module dies before its context, handlers before the source.
  std::unique_ptr<MLIRContext> contextOwner;
  std::unique_ptr<Diagnostics> diagnostics;
  OwningOpRef<ModuleOp> moduleOwner;
};

} // namespace mlir::attn

#endif // ATTN_DRIVER_SESSION_H
