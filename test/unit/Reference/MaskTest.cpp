//===- MaskTest.cpp - every word of the mask algebra -------------------------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

/// Visible keys of each row as text, rows separated by '/': values are powers of two and all
/// scores are zero, so output times count is the set of visible keys.
static std::string visible(StringRef mask, int64_t rows, int64_t keys, int64_t heads = 1,
                           StringRef operandType = "", ArrayRef<HostTensor> operands = {},
                           std::optional<int64_t> offset = std::nullopt) {
  std::string h = std::to_string(heads), q = "tensor<1x" + h + "x?x1xf32>";
  std::string text = "func.func @f(%q: " + q + ", %k: " + q + ", %p: index";
  std::string clause = mask.str();
  if (!operandType.empty()) {
    text += ", %m: " + operandType.str();
    clause += ", %m : " + operandType.str();
  }
  text += ") -> (" + q + ", tensor<1x" + h +
          "x?xf32>) {\n%o, %l = attn.attention %q, %k, %k scale(0.0) mask(" + clause +
          ") offset(%p) : " + q + ", " + q + ", " + q + " -> " + q + ", tensor<1x" + h +
          "x?xf32>\nreturn %o, %l : " + q + ", tensor<1x" + h + "x?xf32>\n}";
  Program program(text);
  SmallVector<HostTensor> args = {
      HostTensor({1, heads, rows, 1}, ElementKind::F32),
      HostTensor({1, heads, keys, 1}, ElementKind::F32),
      HostTensor::scalar(static_cast<double>(offset.value_or(keys - rows)))};
  for (int64_t i = 0; i < heads * keys; ++i)
    args[1].values[i] = std::ldexp(1.0, static_cast<int>(i % keys));
  args.append(operands.begin(), operands.end());
  auto results = program.run(args);
  std::string seen;
  for (int64_t i = 0; i < results[0].numElements(); ++i) {
    double sum = results[0].values[i] * std::round(std::exp(results[1].values[i]));
    seen += i ? "/" : "";
    for (int64_t k = 0; k < keys; ++k)
      if ((std::llround(sum) >> k) & 1)
        seen += std::to_string(k);
  }
  return seen;
}

TEST(Mask, Words) {
  EXPECT_EQ(visible("<all>", 2, 3), "012/012");
  EXPECT_EQ(visible("<none>", 2, 3), "/");
  EXPECT_EQ(visible("<causal>", 3, 3), "0/01/012");
  EXPECT_EQ(visible("<causal>", 2, 4), "012/0123");
  EXPECT_EQ(visible("<window<2>>", 3, 4), "0123/123/23");
  EXPECT_EQ(visible("<window<2, 2>>", 4, 4), "01/012/123/23");
  EXPECT_EQ(visible("<sink<1>>", 2, 3), "0/0");
  EXPECT_EQ(visible("<prefix<2>>", 2, 3), "01/01");
  EXPECT_EQ(visible("<chunk<2>>", 5, 5), "01/01/23/23/4");
  EXPECT_EQ(visible("<stride<3>>", 4, 7), "235/245/25/256");
}

TEST(Mask, Algebra) {
  EXPECT_EQ(visible("<causal and window<2>>", 4, 4), "0/01/12/23");
  EXPECT_EQ(visible("<causal and window<2> or sink<1>>", 4, 4), "0/01/012/023");
  EXPECT_EQ(visible("<causal and (window<1> or prefix<1>)>", 3, 3), "0/01/02");
  EXPECT_EQ(visible("<not causal>", 3, 3), "12/2/");
  EXPECT_EQ(visible("<causal or prefix<2>>", 3, 3), "01/01/012");
}

TEST(Mask, PerHead) {
  EXPECT_EQ(visible("<per_head<[causal, all], [0, 1, 0]>>", 2, 2, 3), "0/01/01/01/0/01");
}

TEST(Mask, PrefixLengthPerBatch) {
  EXPECT_EQ(
      visible("<prefix_length<0>>", 2, 3, 1, "tensor<?xi32>", {of({1}, {2}, ElementKind::I32)}),
      "01/01");
}

TEST(Mask, Document) {
  HostTensor ids = of({1, 4}, {5, 5, 7, 7}, ElementKind::I64);
  EXPECT_EQ(visible("<document<0>>", 4, 4, 1, "tensor<?x?xi64>", {ids}), "01/01/23/23");
  EXPECT_EQ(visible("<causal and document<0>>", 2, 4, 1, "tensor<?x?xi64>", {ids}), "2/23");
  // Rows before the first and past the last key belong to no document.
  EXPECT_EQ(visible("<document<0>>", 6, 4, 1, "tensor<?x?xi64>", {ids}, -1), "/01/01/23/23/");
}

TEST(Mask, DenseIsByRowNotPosition) {
  HostTensor dense = of({1, 1, 2, 3}, {1, 0, 1, 0, 1, 0}, ElementKind::I8);
  EXPECT_EQ(visible("<dense<0>>", 2, 3, 2, "tensor<?x?x?x?xi8>", {dense}), "02/1/02/1");
}

TEST(Mask, Blocks) {
  HostTensor blocks = of({1, 1, 2, 2}, {1, 0, 0, 1}, ElementKind::I8);
  EXPECT_EQ(visible("<blocks<2, 3, 0>>", 3, 5, 1, "tensor<?x?x?x?xi8>", {blocks}), "012/012/34");
}

TEST(Mask, NegativePositionsRoundDown) {
  // Rows stand at -2, -1, 0, 1.
  EXPECT_EQ(visible("<chunk<2>>", 4, 2), "//01/01");
  EXPECT_EQ(visible("<causal>", 4, 2), "//0/01");
}

TEST(Mask, OperandThatIsTooSmallIsRefused) {
  Program program(R"(
func.func @f(%q: tensor<1x1x2x1xf32>, %m: tensor<1x1x?x?xi8>) -> tensor<1x1x2x1xf32> {
  %o = attn.attention %q, %q, %q scale(1.0) mask(<dense<0>>, %m : tensor<1x1x?x?xi8>)
    : tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32>, tensor<1x1x2x1xf32> -> tensor<1x1x2x1xf32>
  return %o : tensor<1x1x2x1xf32>
})");
  HostTensor q({1, 1, 2, 1}, ElementKind::F32), m({1, 1, 3, 0}, ElementKind::I8);
  EXPECT_TRUE(failed(program.tryRun({q, m})));
  EXPECT_NE(program.errors.find("mask word 'dense' must cover [1, 1, 2, 2], found [1, 1, 3, 0]"),
            std::string::npos)
      << program.errors;
}
