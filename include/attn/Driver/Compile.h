//===- Compile.h - an input in, an artefact out ---------------------------===//

#ifndef ATTN_DRIVER_COMPILE_H
#define ATTN_DRIVER_COMPILE_H

#include "attn/Artifact/Report.h"
#include "attn/Driver/Session.h"
#include "attn/Target/Target.h"

#include <functional>
#include <optional>

namespace mlir::attn {

/// What a compilation gives: IR of a state, machine code, or a folder ready to use.
enum class Emit { Attn, Planned, Tiled, LLVM, Asm, Ptx, Cubin, Obj, Bundle };

/// A kernel between planning and tiling.
struct PlannedKernel {
  /// Its module is in state `planned`; schedules may still be exchanged.
  Session &session;
  /// The same functions in state `elaborated`: what the kernel computes.
  ModuleOp elaborated;
  const Target &target;
};

/// What `--tune` and its companions ask for.
struct TuneRequest {
  /// Search on this machine; otherwise only what is remembered.
  bool search = false;
  /// Seconds for all entries together.
  double budget = 60;
  int32_t threads = 1;
  /// The call that is timed.
  ReportSizes sizes;
};

/// Does what a TuneRequest says; what it has to tell goes to the stream.
using TuneFunction = std::function<Outcome(PlannedKernel &, const TuneRequest &, raw_ostream &)>;

struct CompileOptions {
  /// `.mlir` or a Hugging Face `config.json`.
  std::string input;
  /// Empty: the target the input is planned for, else `cpu`.
  std::string target;
  /// Absent: nothing but the report when there is one, else a bundle.
  std::optional<Emit> emit;
  /// Roles (`prefill`) or names of functions; empty for all.
  std::vector<std::string> entries;
  /// f32, bf16 or f16; empty leaves what the input says.
  std::string dtype;
  /// A file, or for a bundle a folder. Empty: text goes to standard output, an object to
  /// `<kernel>.o`, a bundle to `<kernel>.bundle`.
  std::string output;
  /// Empty: `<kernel>.reproducer.mlir`.
  std::string reproducer;
  bool report = false, reportJson = false, remarks = false, strict = false;
  /// Running maxima, also where the target would keep the first key tile's.
  bool exactMaximum = false;
  ReportSizes reportSizes;
  /// Exchanges schedules of a planned kernel, as tuning does; empty keeps those of the planner.
  std::function<Outcome(PlannedKernel &)> chooseSchedules;
};

/// Compiles. Artefacts go where the options say; the report and emitted text without a file go to
/// `out`, errors to `diagnostics`. Nothing is left half-written.
Outcome compile(const CompileOptions &options, raw_ostream &out, raw_ostream &diagnostics);

/// Writes a bundle of the loaded session to `folder`; its module ends in state `lowered`.
/// `entries` as in CompileOptions. Used by `compile` and by `attn-run`.
Outcome compileBundle(Session &session, const CompileOptions &options, StringRef folder);

/// The program attn-compile; `tune` is what `--tune` runs. Returns its exit code.
int compileMain(int argc, char **argv, const TuneFunction &tune);

} // namespace mlir::attn

#endif // ATTN_DRIVER_COMPILE_H
