//===- ScalarTest.cpp - index arithmetic and scalar operations ---------------===//
#include "TestSupport.h"

using namespace mlir;
using namespace mlir::attn::reference;

/// Result of a one-result body on index arguments %a and %b.
static double onIndex(StringRef body, int64_t a, int64_t b, StringRef type = "index") {
  Program program(("func.func @f(%a: index, %b: index) -> " + type + " {\n" + body +
                   "\nreturn %r : " + type + "\n}")
                      .str());
  return program
      .run({HostTensor::scalar(static_cast<double>(a)),
            HostTensor::scalar(static_cast<double>(b))})[0]
      .values[0];
}

static double onReal(StringRef body, double a, double b, Precision precision = Precision::Exact) {
  Program program(
      ("func.func @f(%a: f32, %b: f32) -> f32 {\n" + body + "\nreturn %r : f32\n}").str());
  return program
      .run({HostTensor::scalar(a, ElementKind::F32), HostTensor::scalar(b, ElementKind::F32)},
           precision)[0]
      .values[0];
}

TEST(Scalar, IndexArithmetic) {
  EXPECT_EQ(onIndex("%r = arith.subi %a, %b : index", 3, 5), -2);
  EXPECT_EQ(onIndex("%r = arith.muli %a, %b : index", -3, 5), -15);
  EXPECT_EQ(onIndex("%r = arith.divsi %a, %b : index", -7, 2), -3);
  EXPECT_EQ(onIndex("%r = arith.floordivsi %a, %b : index", -7, 2), -4);
  EXPECT_EQ(onIndex("%r = arith.ceildivsi %a, %b : index", 7, 2), 4);
  EXPECT_EQ(onIndex("%r = arith.remsi %a, %b : index", -7, 2), -1);
  EXPECT_EQ(onIndex("%r = arith.maxsi %a, %b : index", -7, 2), 2);
  EXPECT_EQ(onIndex("%r = arith.minui %a, %b : index", -7, 2), 2);
  EXPECT_EQ(
      onIndex("%c = arith.cmpi slt, %a, %b : index\n%r = arith.select %c, %b, %a : index", -7, 2),
      2);
}

TEST(Scalar, NarrowIntegersWrap) {
  EXPECT_EQ(
      onIndex("%x = arith.index_cast %a : index to i8\n%y = arith.index_cast %b : index to i8\n"
              "%z = arith.addi %x, %y : i8\n%r = arith.extsi %z : i8 to i32",
              100, 100, "i32"),
      -56);
  EXPECT_EQ(onIndex("%x = arith.index_cast %a : index to i8\n%r = arith.extui %x : i8 to i32", -1,
                    0, "i32"),
            255);
  EXPECT_EQ(
      onIndex("%c = arith.cmpi eq, %a, %a : index\n%r = arith.extsi %c : i1 to i32", 1, 0, "i32"),
      -1);
  EXPECT_EQ(
      onIndex("%c = arith.cmpi eq, %a, %a : index\n%r = arith.extui %c : i1 to i32", 1, 0, "i32"),
      1);
}

TEST(Scalar, RealFunctions) {
  EXPECT_EQ(onReal("%r = math.fma %a, %b, %a : f32", 2, 3), 8);
  EXPECT_EQ(onReal("%r = arith.maximumf %a, %b : f32", 2, 3), 3);
  EXPECT_TRUE(std::isnan(onReal("%r = arith.maximumf %a, %b : f32", notANumber, 3)));
  EXPECT_EQ(onReal("%r = arith.maxnumf %a, %b : f32", notANumber, 3), 3);
  EXPECT_EQ(onReal("%c = arith.cmpf olt, %a, %b : f32\n%r = arith.select %c, %a, %b : f32",
                   notANumber, 3),
            3);
  EXPECT_EQ(onReal("%c = arith.cmpf ult, %a, %b : f32\n%r = arith.select %c, %b, %b : f32",
                   notANumber, 3),
            3);
  EXPECT_NEAR(onReal("%r = math.tanh %a : f32", 0.5, 0), std::tanh(0.5), 1e-16);
  EXPECT_NEAR(onReal("%r = math.powf %a, %b : f32", 2, 0.5), std::sqrt(2.0), 1e-15);
}

TEST(Scalar, PlainRoundsEachStepAndExactNone) {
  StringRef third =
      "%c = arith.constant 3.0 : f32\n%x = arith.divf %a, %c : f32\n%r = arith.mulf %x, %b : f32";
  EXPECT_EQ(onReal(third, 1, 1), 1.0 / 3.0);
  EXPECT_EQ(onReal(third, 1, 1, Precision::Plain), static_cast<double>(1.0f / 3.0f));
}

TEST(Scalar, ANarrowingToBf16IsPartOfTheDefinition) {
  StringRef narrow = "%x = arith.truncf %a : f32 to bf16\n%r = arith.extf %x : bf16 to f32";
  EXPECT_EQ(onReal(narrow, 1.0 + 0x1p-9, 0), 1.0);
}

TEST(Scalar, SizesOfTensors) {
  Program program(R"(
func.func @f(%x: tensor<?x2x?x4xf32>) -> (index, index) {
  %c2 = arith.constant 2 : index
  %c1 = arith.constant 1 : index
  %s = tensor.dim %x, %c2 : tensor<?x2x?x4xf32>
  %h = tensor.dim %x, %c1 : tensor<?x2x?x4xf32>
  return %s, %h : index, index
})");
  auto results = program.run({HostTensor({1, 2, 7, 4}, ElementKind::F32)});
  EXPECT_EQ(results[0].values[0], 7);
  EXPECT_EQ(results[1].values[0], 2);
}

TEST(Scalar, ConstantTensorsAndCalls) {
  Program program(R"(
func.func private @twice(%x: tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32> {
  %r = attn.scale %x by 2.0 : tensor<1x1x1x2xf32>
  return %r : tensor<1x1x1x2xf32>
}
func.func @f() -> tensor<1x1x1x2xf32> {
  %c = arith.constant dense<[[[[1.0, 2.5]]]]> : tensor<1x1x1x2xf32>
  %r = func.call @twice(%c) : (tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32>
  return %r : tensor<1x1x1x2xf32>
})");
  expectValues(program.run({})[0], {2, 5});
}

TEST(Scalar, UnknownOperationsAreRefusedByName) {
  Program program(R"(
func.func @f(%x: tensor<1x1x1x2xf32>) -> tensor<1x1x1x2xf32> {
  %r = arith.addf %x, %x : tensor<1x1x1x2xf32>
  return %r : tensor<1x1x1x2xf32>
})");
  EXPECT_TRUE(failed(program.tryRun({HostTensor({1, 1, 1, 2}, ElementKind::F32)})));
  EXPECT_NE(program.errors.find("no definition of 'arith.addf'"), std::string::npos)
      << program.errors;
}

TEST(Scalar, FaultsAreErrorsNotCrashes) {
  Program division("func.func @f(%a: index, %b: index) -> index {\n%r = arith.divsi %a, %b : "
                   "index\nreturn %r : index\n}");
  EXPECT_TRUE(failed(division.tryRun({HostTensor::scalar(1), HostTensor::scalar(0)})));
  EXPECT_NE(division.errors.find("division by zero"), std::string::npos) << division.errors;

  Program outside(R"(
func.func @f(%q: tensor<1x1x1x1xf32>, %t: tensor<?xf32>) -> tensor<1x1x1x1xf32> {
  %o = attn.attention %q, %q, %q scale(1.0) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %c = arith.constant 4 : index
    %x = tensor.extract %t[%c] : tensor<?xf32>
    attn.yield %x : f32
  } : tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32> -> tensor<1x1x1x1xf32>
  return %o : tensor<1x1x1x1xf32>
})");
  EXPECT_TRUE(failed(outside.tryRun(
      {HostTensor({1, 1, 1, 1}, ElementKind::F32), HostTensor({4}, ElementKind::F32)})));
  EXPECT_NE(outside.errors.find("index 4 is outside of a tensor's axis 0 of size 4"),
            std::string::npos)
      << outside.errors;
}

TEST(Scalar, WrongArgumentsAreRefused) {
  Program program(
      "func.func @f(%a: tensor<2x?xf32>) -> tensor<2x?xf32> {\nreturn %a : tensor<2x?xf32>\n}");
  EXPECT_TRUE(failed(program.tryRun({HostTensor({3, 1}, ElementKind::F32)})));
  EXPECT_TRUE(failed(program.tryRun({HostTensor({2, 1}, ElementKind::BF16)})));
  EXPECT_TRUE(failed(program.tryRun({})));
  EXPECT_TRUE(succeeded(program.tryRun({HostTensor({2, 0}, ElementKind::F32)})));
}
