//===- ExponentialTest.cpp - how exact a kernel's 2^x is ----------------------===//
#include "AttentionText.h"
#include "Kernel.h"

#include <cmath>

using namespace mlir;
using namespace mlir::attn::test;

namespace {
constexpr int64_t rows = 4096, size = 16;
constexpr double ulp = 0x1p-23;
} // namespace

/// Row r meets a key with score 0 and one with score -87 r / rows, whose value alone is 1: its
/// result is p / (1 + p), where p is the weight of the second key.
static Tensors twoKeys(Kernel &kernel) {
  Tensors inputs = makeInputs(kernel, {1, rows, 2});
  for (HostTensor &tensor : inputs)
    std::fill(tensor.values.begin(), tensor.values.end(), 0.0);
  for (int64_t r = 0; r < rows; ++r)
    inputs[0].values[r * size] = static_cast<float>(87.0 * r / rows);
  inputs[1].values[size] = -1;
  std::fill(inputs[2].values.begin() + size, inputs[2].values.end(), 1.0);
  return inputs;
}

/// What remains of p / (1 + p) when only 2^x is inexact: x is the float32 product it is given.
static double expected(double score) {
  float x = static_cast<float>(score) * 1.44269504088896340736F;
  double weight = std::exp2(static_cast<double>(x));
  return weight / (1 + weight);
}

struct Exponential : testing::TestWithParam<const char *> {};

// Two units in the last place for 2^x, and one for the sum, its inverse and the product together.
TEST_P(Exponential, IsWithinTwoUnitsInTheLastPlace) {
  AttentionText text{"f", 1, 1, 1, size, size};
  text.mask = "";
  text.scale = 1;
  auto kernel = Kernel::compile(text.str(), GetParam());
  ASSERT_TRUE(kernel);
  Tensors inputs = twoKeys(*kernel), outputs = results(*kernel, inputs);
  double worst = 0;
  for (int64_t r = 0; r < rows; ++r) {
    double exact = expected(-inputs[0].values[r * size]);
    worst = std::max(worst, std::fabs(outputs[0].values[r * size] / exact - 1) / ulp);
  }
  RecordProperty("units", std::to_string(worst));
  EXPECT_LE(worst, 2.0 + 1.0) << "units in the last place, of which one is not of 2^x";
}

INSTANTIATE_TEST_SUITE_P(Every, Exponential, testing::Values("cpu", "cpu:x86-64"),
                         [](const auto &info) {
                           return std::string(info.param) == "cpu" ? "Host" : "Baseline";
                         });
