//===- EquivalenceTest.cpp - rewrites change the form, not the numbers -------===//
//
// The cases are the functions of the passes' own positive tests and of the mechanisms' files:
// each is evaluated by the reference before and after.
//
//===----------------------------------------------------------------------===//

#include "Equivalence.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::attn;

/// Every function of the module, with its arguments and exact results.
namespace {
struct Evaluated {
  std::string name;
  Tensors args, results;
};
} // namespace

static std::vector<Evaluated> evaluateAll(Program &program, reference::InputSizes sizes) {
  std::vector<Evaluated> all;
  for (auto function : program.module->getOps<func::FuncOp>()) {
    auto args = reference::makeInputs(function, sizes, /*seed=*/all.size() + 1);
    EXPECT_TRUE(succeeded(args)) << program.messages;
    if (succeeded(args))
      all.push_back({function.getName().str(), *args, exactResults(function, *args)});
  }
  return all;
}

static void expectUnchanged(Program &program, StringRef pipeline, reference::InputSizes sizes) {
  std::vector<Evaluated> before = evaluateAll(program, sizes);
  ASSERT_TRUE(succeeded(program.run(pipeline))) << program.messages;
  for (const Evaluated &function : before)
    expectEqualNumbers(exactResults(program.function(function.name), function.args),
                       function.results, function.name);
}

//===----------------------------------------------------------------------===//
// Positive tests of the passes
//===----------------------------------------------------------------------===//

class PassFile : public testing::TestWithParam<const char *> {};

TEST_P(PassFile, BeforeEqualsAfter) {
  std::string path = std::string("test/Rewrite/") + GetParam() + ".mlir";
  for (reference::InputSizes sizes : {reference::InputSizes{2, 3, 7}, {1, 1, 5}, {1, 4, 4}}) {
    auto program = Program::fromFile(path);
    std::string before = program->text();
    expectUnchanged(*program, std::string("attn-") + GetParam(), sizes);
    EXPECT_NE(program->text(), before) << "the pass did nothing, so the test says nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(Rewrite, PassFile,
                         testing::Values("absorb-latent", "expand-latent", "fold-scale",
                                         "fold-heads", "alias-value", "groups-to-latent",
                                         "fold-weights"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

//===----------------------------------------------------------------------===//
// Mechanisms
//===----------------------------------------------------------------------===//

static std::vector<std::string> mechanisms() {
  std::vector<std::string> files;
  std::error_code error;
  llvm::sys::fs::directory_iterator at(ATTN_SOURCE_DIR "/examples/mechanisms", error), end;
  for (; !error && at != end; at.increment(error))
    if (StringRef(at->path()).ends_with(".mlir"))
      files.push_back(llvm::sys::path::filename(at->path()).str());
  llvm::sort(files);
  return files;
}

// All rewrites in a row, both directions of the latent included, on every entry of every mechanism.
TEST(Mechanisms, AllRewritesKeepTheNumbers) {
  std::vector<std::string> files = mechanisms();
  EXPECT_GE(files.size(), 30u);
  for (const std::string &file : files) {
    SCOPED_TRACE(file);
    auto program = Program::fromFile("examples/mechanisms/" + file);
    ASSERT_TRUE(succeeded(program->elaborate())) << program->messages;
    expectUnchanged(*program,
                    "attn-fold-heads,attn-fold-scale,attn-fold-weights,attn-alias-value,"
                    "attn-absorb-latent,attn-expand-latent",
                    {1, 2, 5});
  }
}

// Grouped keys as a latent and back to one key head, on every attention that has groups.
TEST(Mechanisms, GroupsAsALatentKeepTheNumbers) {
  for (const std::string &file : mechanisms()) {
    SCOPED_TRACE(file);
    auto program = Program::fromFile("examples/mechanisms/" + file);
    ASSERT_TRUE(succeeded(program->elaborate())) << program->messages;
    expectUnchanged(*program, "attn-groups-to-latent,attn-absorb-latent", {1, 2, 5});
  }
}

//===----------------------------------------------------------------------===//
// Rewrites that change a signature
//===----------------------------------------------------------------------===//

// The weights' function, and then the function on what it made.
TEST(HoistWeights, TwoCallsEqualOne) {
  auto program = Program::fromFile("test/Rewrite/hoist-weights.mlir");
  auto args = reference::makeInputs(program->function("layer"), {2, 3, 3}, 5);
  ASSERT_TRUE(succeeded(args)) << program->messages;
  Tensors before = exactResults(program->function("layer"), *args);
  ASSERT_TRUE(succeeded(program->run("attn-hoist-weights"))) << program->messages;
  Tensors weights = {(*args)[1], (*args)[2], (*args)[3]};
  Tensors made = exactResults(program->function("layer_weights"), weights);
  ASSERT_EQ(made.size(), 1u);
  Tensors after = exactResults(program->function("layer"), {(*args)[0], (*args)[3], made[0]});
  expectEqualNumbers(after, before, "layer");
}

// Where both arguments hold the one cache that they say they are.
TEST(ShareKeyValue, OneCacheForTwo) {
  auto program = Program::fromFile("test/Rewrite/share-kv.mlir");
  auto args = reference::makeInputs(program->function("pair"), {2, 3, 7}, 5);
  ASSERT_TRUE(succeeded(args)) << program->messages;
  (*args)[3] = (*args)[2];
  Tensors before = exactResults(program->function("pair"), *args);
  ASSERT_TRUE(succeeded(program->run("attn-share-kv"))) << program->messages;
  args->erase(args->begin() + 3);
  expectEqualNumbers(exactResults(program->function("pair"), *args), before, "pair");
}
