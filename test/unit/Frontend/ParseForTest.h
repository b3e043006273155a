//===- ParseForTest.h - parse a config and keep its diagnostics -----------===//

#ifndef ATTN_TEST_UNIT_FRONTEND_PARSEFORTEST_H
#define ATTN_TEST_UNIT_FRONTEND_PARSEFORTEST_H

#include "attn/Frontend/HFConfig.h"

#include <gtest/gtest.h>

namespace mlir::attn::test {

struct Parsed {
  llvm::FailureOr<ModelAttention> model = llvm::failure();
  std::vector<std::string> errors;

  bool ok() const { return succeeded(model); }
  const LayerSpec &spec(size_t i = 0) const { return model->specs.at(i).first; }
  const std::vector<int64_t> &layers(size_t i = 0) const { return model->specs.at(i).second; }
  std::string text() const {
    std::string all;
    for (const std::string &error : errors)
      all += error + "\n";
    return all;
  }
};

inline Parsed parse(llvm::StringRef text, llvm::StringRef fileName = "m.json") {
  Parsed result;
  result.model = parseHFConfig({text, fileName}, [&](const ConfigDiagnostic &d) {
    result.errors.push_back(d.str(fileName));
  });
  return result;
}

/// The layers 0 … n-1 for which `rule` holds.
inline std::vector<int64_t> layersWhere(int64_t n, llvm::function_ref<bool(int64_t)> rule) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < n; ++i)
    if (rule(i))
      result.push_back(i);
  return result;
}

} // namespace mlir::attn::test

#endif // ATTN_TEST_UNIT_FRONTEND_PARSEFORTEST_H
