//===- Equivalence.h - do two forms of a function give the same numbers? -----===//
#ifndef ATTN_TEST_REWRITE_EQUIVALENCE_H
#define ATTN_TEST_REWRITE_EQUIVALENCE_H

#include "attn/Reference/Evaluate.h"
#include "attn/Reference/Inputs.h"
#include "attn/Rewrite/Passes.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "gtest/gtest.h"

#include <cmath>
#include <string>

namespace mlir::attn {

/// A module, and the diagnostics about it.
struct Program {
  explicit Program(StringRef text) {
    load();
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << messages;
  }
  /// A file of the source tree, such as "test/Rewrite/fold-heads.mlir".
  static std::unique_ptr<Program> fromFile(StringRef path) {
    auto program = std::unique_ptr<Program>(new Program());
    program->load();
    program->module =
        parseSourceFile<ModuleOp>((ATTN_SOURCE_DIR "/" + path).str(), &program->context);
    EXPECT_TRUE(program->module) << path.str() << ": " << program->messages;
    return program;
  }

  /// From state `imported` to `elaborated`, with what private functions hold in the entries.
  LogicalResult elaborate() {
    PassManager passes(&context);
    passes.addPass(createElaboratePass());
    passes.addPass(createInlinerPass({}, [](OpPassManager &) {}));
    passes.addPass(createSymbolDCEPass());
    return passes.run(*module);
  }
  /// Runs a pipeline such as "attn-elaborate{entry=decode},attn-absorb-latent" on the module.
  LogicalResult run(StringRef pipeline) {
    PassManager passes(&context);
    EXPECT_TRUE(succeeded(parsePassPipeline(pipeline, passes))) << messages;
    return passes.run(*module);
  }
  func::FuncOp function(StringRef name) { return module->lookupSymbol<func::FuncOp>(name); }
  std::string text() {
    std::string result;
    llvm::raw_string_ostream os(result);
    module->print(os);
    return result;
  }

  MLIRContext context;
  std::string messages;
  OwningOpRef<ModuleOp> module;

private:
  Program() = default;
  void load() {
    static const bool registered = (registerRewritePasses(), true);
    (void)registered;
    DialectRegistry registry;
    func::registerInlinerExtension(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<AttnDialect, arith::ArithDialect, func::FuncDialect, math::MathDialect,
                        tensor::TensorDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
  }
};

using reference::HostTensor;
using Tensors = SmallVector<HostTensor>;

/// The exact results of `function`; fails the test when there are none.
inline Tensors exactResults(func::FuncOp function, ArrayRef<HostTensor> args) {
  auto results = reference::evaluate(function, args, reference::Precision::Exact);
  EXPECT_TRUE(succeeded(results)) << function.getName().str();
  return succeeded(results) ? std::move(*results) : Tensors();
}

/// Equal up to the rounding of doubles in another order.
inline void expectEqualNumbers(const HostTensor &actual, const HostTensor &expected,
                               StringRef what) {
  ASSERT_EQ(actual.sizes, expected.sizes) << what.str();
  double largest = 1.0;
  for (double value : expected.values)
    largest = std::isfinite(value) ? std::max(largest, std::fabs(value)) : largest;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    if (!std::isfinite(expected.values[i]))
      ASSERT_EQ(actual.values[i], expected.values[i]) << what.str() << ", element " << i;
    else
      ASSERT_NEAR(actual.values[i], expected.values[i], 1e-12 * largest)
          << what.str() << ", element " << i;
  }
}

inline void expectEqualNumbers(ArrayRef<HostTensor> actual, ArrayRef<HostTensor> expected,
                               StringRef what) {
  ASSERT_EQ(actual.size(), expected.size()) << what.str();
  for (size_t i = 0; i < actual.size(); ++i)
    expectEqualNumbers(actual[i], expected[i], (what + ", result " + Twine(i)).str());
}

/// Rows `[first, first + count)` of axis 2.
inline HostTensor rows(const HostTensor &tensor, int64_t first, int64_t count) {
  SmallVector<int64_t> sizes(tensor.sizes);
  sizes[2] = count;
  HostTensor result(sizes, tensor.kind);
  int64_t inner = tensor.rank() == 4 ? tensor.size(3) : 1;
  for (int64_t outer = 0; outer < tensor.size(0) * tensor.size(1); ++outer)
    std::copy_n(tensor.values.begin() + (outer * tensor.size(2) + first) * inner, count * inner,
                result.values.begin() + outer * count * inner);
  return result;
}

} // namespace mlir::attn

#endif // ATTN_TEST_REWRITE_EQUIVALENCE_H
