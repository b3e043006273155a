//===- MechanismTest.cpp - every mechanism file can be judged ----------------===//
//
// Both evaluations of each function in examples/mechanisms run on the same arguments: the plain one
// must be near the exact one, or one of the two does not compute the formula.
//
//===----------------------------------------------------------------------===//
#include "TestSupport.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::attn::reference;

static std::vector<std::string> mechanismFiles() {
  std::vector<std::string> files;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(ATTN_SOURCE_DIR "/examples/mechanisms", error), end;
       it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".mlir")
      files.push_back(it->path());
  llvm::sort(files);
  return files;
}

static double worstRoundoff(const HostTensor &tensor) {
  return tensor.kind == ElementKind::F32 ? 1e-5 : 40 * unitRoundoff(tensor.kind);
}

/// The largest difference, as a share of the tensor's root mean square.
static double relativeDifference(const HostTensor &a, const HostTensor &b) {
  double difference = 0, squares = 0;
  for (auto [x, y] : llvm::zip_equal(a.values, b.values)) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      EXPECT_EQ(x, y);
      continue;
    }
    difference = std::max(difference, std::fabs(x - y));
    squares += x * x;
  }
  return difference / std::sqrt(squares / std::max<double>(1, a.numElements()) + 1e-30);
}

/// What a private function holds becomes part of the entries that call it.
static void inlineCalls(Program &program) {
  PassManager passes(&program.context);
  passes.addPass(createInlinerPass({}, [](OpPassManager &) {}));
  passes.addPass(createSymbolDCEPass());
  EXPECT_TRUE(succeeded(passes.run(*program.module))) << program.errors;
}

static int checkFile(StringRef path, InputSizes sizes) {
  auto text = llvm::MemoryBuffer::getFile(path);
  EXPECT_TRUE(static_cast<bool>(text));
  Program program((*text)->getBuffer());
  inlineCalls(program);
  int functions = 0;
  for (auto function : program.module->getOps<func::FuncOp>()) {
    SCOPED_TRACE((path + " @" + function.getName()).str());
    auto inputs = makeInputs(function, sizes, 3);
    EXPECT_TRUE(succeeded(inputs)) << program.errors;
    auto exact = program.run(*inputs, Precision::Exact, function.getName());
    auto plain = program.run(*inputs, Precision::Plain, function.getName());
    for (auto [e, p] : llvm::zip_equal(exact, plain))
      EXPECT_LT(relativeDifference(e, p), worstRoundoff(e));
    ++functions;
  }
  return functions;
}

TEST(Mechanisms, PlainIsNearExactInEveryFile) {
  int functions = 0;
  for (const std::string &path : mechanismFiles())
    for (InputSizes sizes : {InputSizes{2, 5, 11}, {1, 1, 40}, {1, 7, 7}})
      functions += checkFile(path, sizes);
  EXPECT_GT(functions, 20);
}
