//===- Diagnostics.h - who hears about errors of a session ----------------===//

#ifndef ATTN_LIB_DRIVER_DIAGNOSTICS_H
#define ATTN_LIB_DRIVER_DIAGNOSTICS_H

#include "attn/Driver/Session.h"

namespace mlir::attn {

/// Prints errors, warnings and notes with the line they are about; counts errors. Remarks of
/// passes (why a rewrite declined) are printed only on demand.
class Session::Diagnostics {
public:
  Diagnostics(MLIRContext *context, raw_ostream &os)
      : os(os), printer(sources, context, os),
        filter(context, [this](Diagnostic &diagnostic) { return hear(diagnostic); }) {}

  llvm::SourceMgr sources;
  raw_ostream &os;
  unsigned errors = 0;
  bool muted = false;
  bool showRemarks = false;

private:
  /// Success swallows the diagnostic, failure hands it on to the printer.
  LogicalResult hear(Diagnostic &diagnostic) {
    // The pass manager's own epilogue; the session says it in its own words.
    constexpr StringLiteral epilogue = "Failures have been detected while processing an MLIR pass";
    bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
    bool isRemark = diagnostic.getSeverity() == DiagnosticSeverity::Remark;
    if (muted || (isRemark && !showRemarks) ||
        (isError && StringRef(diagnostic.str()).starts_with(epilogue)))
      return success();
    errors += isError;
    return failure();
  }

  SourceMgrDiagnosticHandler printer;
  ScopedDiagnosticHandler filter;
};

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_DIAGNOSTICS_H
