//===- ConfigText.h - JSON with the places of its keys --------------------===//

#ifndef ATTN_LIB_FRONTEND_HFCONFIG_CONFIGTEXT_H
#define ATTN_LIB_FRONTEND_HFCONFIG_CONFIGTEXT_H

#include "attn/Frontend/HFConfig.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"

namespace mlir::attn::hf {

/// A parsed text that still knows where each value stands. Paths are spelled `a.b[3].c`.
class ConfigText {
public:
  /// Fails with one report for text that is not a JSON object, is nested too deeply for a
  /// recursive parser, is too long, or names a key twice.
  static llvm::FailureOr<ConfigText> parse(llvm::StringRef text, ConfigReport report);

  const llvm::json::Object &root() const { return *value.getAsObject(); }

  /// A diagnostic at the value of `path`, or at its nearest enclosing value in the text.
  ConfigDiagnostic at(llvm::StringRef path, std::string message) const;

private:
  ConfigText(llvm::StringRef text, llvm::json::Value value) : text(text), value(std::move(value)) {}

  llvm::StringRef text;
  llvm::json::Value value;
  llvm::StringMap<size_t> offsets;
};

} // namespace mlir::attn::hf

#endif // ATTN_LIB_FRONTEND_HFCONFIG_CONFIGTEXT_H
