//===- TestSupport.h - functions from text, run by the reference -------------===//
#ifndef ATTN_TEST_REFERENCE_TESTSUPPORT_H
#define ATTN_TEST_REFERENCE_TESTSUPPORT_H

#include "attn/IR/AttnDialect.h"
#include "attn/IR/AttnOps.h"
#include "attn/Reference/Compare.h"
#include "attn/Reference/Evaluate.h"
#include "attn/Reference/Inputs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <string>

namespace mlir::attn::reference {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

/// A module parsed from text; `errors` collects the diagnostics of parsing and evaluation.
class Program {
public:
  explicit Program(StringRef text) {
    DialectRegistry registry;
    func::registerInlinerExtension(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<AttnDialect, arith::ArithDialect, func::FuncDialect, math::MathDialect,
                        tensor::TensorDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diag) {
      llvm::raw_string_ostream(errors) << diag.getLocation() << ": " << diag << "\n";
      return success();
    });
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << errors << text.str();
  }

  func::FuncOp function(StringRef name = "f") {
    return module ? module->lookupSymbol<func::FuncOp>(name) : func::FuncOp();
  }

  FailureOr<SmallVector<HostTensor>>
  tryRun(ArrayRef<HostTensor> args, Precision precision = Precision::Exact, StringRef name = "f") {
    func::FuncOp found = function(name);
    if (!found)
      return failure();
    return evaluate(found, args, precision);
  }

  /// The results; fails the test and returns empty tensors when there are none.
  SmallVector<HostTensor> run(ArrayRef<HostTensor> args, Precision precision = Precision::Exact,
                              StringRef name = "f") {
    auto results = tryRun(args, precision, name);
    EXPECT_TRUE(succeeded(results)) << errors;
    return succeeded(results) ? std::move(*results) : SmallVector<HostTensor>(4);
  }

  MLIRContext context;
  std::string errors;
  OwningOpRef<ModuleOp> module;
};

inline HostTensor of(ArrayRef<int64_t> sizes, std::vector<double> values,
                     ElementKind kind = ElementKind::F32) {
  HostTensor result(sizes, kind);
  EXPECT_EQ(result.values.size(), values.size());
  result.values = std::move(values);
  return result;
}

/// Numbers without pattern but with a fixed value for each seed, within (-2, 2).
inline HostTensor arbitrary(ArrayRef<int64_t> sizes, unsigned seed,
                            ElementKind kind = ElementKind::F32) {
  HostTensor result(sizes, kind);
  for (int64_t i = 0; i < result.numElements(); ++i)
    result.values[i] =
        roundTo(2.0 * std::sin(static_cast<double>(i * i % 977 + 3 * i) * 0.731 + seed), kind);
  return result;
}

inline void expectValues(const HostTensor &actual, const std::vector<double> &expected,
                         double tolerance = 1e-12) {
  ASSERT_EQ(actual.values.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::isfinite(expected[i]))
      EXPECT_NEAR(actual.values[i], expected[i], tolerance) << "element " << i;
    else
      EXPECT_TRUE(std::isnan(expected[i]) ? std::isnan(actual.values[i])
                                          : actual.values[i] == expected[i])
          << "element " << i << ": " << actual.values[i];
  }
}

inline void expectNear(const HostTensor &actual, const HostTensor &expected,
                       double tolerance = 1e-12) {
  EXPECT_EQ(actual.sizes, expected.sizes);
  expectValues(actual, expected.values, tolerance);
}

} // namespace mlir::attn::reference

#endif // ATTN_TEST_REFERENCE_TESTSUPPORT_H
