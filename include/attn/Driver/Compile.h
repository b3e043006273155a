//===- Compile.h - an input in, an artefact out ---------------------------===//

#ifndef ATTN_DRIVER_COMPILE_H
#define ATTN_DRIVER_COMPILE_H

#include "attn/Artifact/Report.h"
#include "attn/Driver/Session.h"

#include <optional>

namespace mlir::attn {

/// What a compilation gives: IR of a state, machine code, or a folder ready to use.
enum class Emit { Attn, Planned, Tiled, LLVM, Asm, Ptx, Cubin, Obj, Bundle };

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
};

/// Compiles. Artefacts go where the options say; the report and emitted text without a file go to
/// `out`, errors to `diagnostics`. Nothing is left half-written.
Outcome compile(const CompileOptions &options, raw_ostream &out, raw_ostream &diagnostics);

/// Writes a bundle of the loaded session to `folder`; its module ends in state `lowered`.
/// `entries` as in CompileOptions. Used by `compile` and by `attn-run`.
Outcome compileBundle(Session &session, const CompileOptions &options, StringRef folder);

/// The program attn-compile. Returns its exit code.
int compileMain(int argc, char **argv);

} // namespace mlir::attn

#endif // ATTN_DRIVER_COMPILE_H
