//===- StoreTest.cpp - what tuning found, remembered in a file -------------===//

#include "attn/Tuning/Store.h"

#include "attn/IR/AttnOps.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace mlir;
using namespace mlir::attn;
using namespace mlir::attn::tuning;

namespace {

Result makeResult(std::string kernel, std::string schedule) {
  Result result;
  result.key = {"a processor", "#attn.target<lanes = 8>", std::move(kernel)};
  result.entry = "f";
  result.schedules = {std::move(schedule)};
  result.batch = 2;
  result.keyLength = 512;
  result.seconds = 0.25;
  result.plannedSeconds = 0.5;
  return result;
}

std::string fileName(StringRef name) { return ::testing::TempDir() + "/attn-store/" + name.str(); }

Store readBack(const std::string &path) {
  llvm::Expected<Store> store = Store::read(path);
  EXPECT_TRUE(static_cast<bool>(store));
  return store ? *store : Store();
}

std::string readError(StringRef text) {
  std::string path = fileName("broken.json");
  llvm::cantFail(Store().write(path));
  std::ofstream(path) << text.str();
  llvm::Expected<Store> store = Store::read(path);
  EXPECT_FALSE(static_cast<bool>(store)) << text.str();
  return store ? "" : llvm::toString(store.takeError());
}

} // namespace

TEST(Store, ComesBackFromItsFile) {
  std::string path = fileName("results.json");
  Store store;
  store.put(makeResult("one", "#attn.schedule<rows = 8, keys = 64>"));
  store.put(makeResult("two", "#attn.schedule<rows = 16, keys = 64>"));
  llvm::cantFail(store.write(path));
  Store again = readBack(path);
  EXPECT_EQ(again.size(), 2u);
  const Result *found = again.find(makeResult("two", "").key);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->schedules, std::vector<std::string>{"#attn.schedule<rows = 16, keys = 64>"});
  EXPECT_EQ(found->batch, 2);
  EXPECT_EQ(found->keyLength, 512);
  EXPECT_DOUBLE_EQ(found->seconds, 0.25);
  EXPECT_EQ(again.find(makeResult("three", "").key), nullptr);
}

TEST(Store, KeepsOneResultForAKey) {
  Store store;
  store.put(makeResult("one", "first"));
  store.put(makeResult("one", "second"));
  EXPECT_EQ(store.size(), 1u);
  EXPECT_EQ(store.find(makeResult("one", "").key)->schedules[0], "second");
}

TEST(Store, MachineAndTargetBelongToTheKey) {
  Store store;
  store.put(makeResult("one", "first"));
  Key other = makeResult("one", "").key;
  other.machine = "another processor";
  EXPECT_EQ(store.find(other), nullptr);
  other = makeResult("one", "").key;
  other.target = "#attn.target<lanes = 16>";
  EXPECT_EQ(store.find(other), nullptr);
}

TEST(Store, AMissingFileIsEmpty) { EXPECT_EQ(readBack("/nonexistent/tune.json").size(), 0u); }

TEST(Store, AnotherFileIsRefusedByName) {
  for (StringRef text : {"not JSON", "[]", "{\"format\": 2, \"results\": []}",
                         "{\"format\": 1, \"results\": [{\"entry\": 1}]}"})
    EXPECT_NE(readError(text).find("broken.json': expected results of tuning"), std::string::npos);
}

TEST(Store, PathFollowsTheEnvironment) {
  setenv("ATTN_TUNE_FILE", "/tmp/mine.json", 1);
  EXPECT_EQ(defaultStorePath(), "/tmp/mine.json");
  unsetenv("ATTN_TUNE_FILE");
  setenv("XDG_CACHE_HOME", "/tmp/cache", 1);
  EXPECT_EQ(defaultStorePath(), "/tmp/cache/attn-mlir/tune.json");
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/tmp/home", 1);
  EXPECT_EQ(defaultStorePath(), "/tmp/home/.cache/attn-mlir/tune.json");
}

namespace {

std::string digestOf(MLIRContext &context, StringRef name, StringRef scale) {
  std::string text =
      ("func.func @" + name + R"((%q: tensor<?x2x?x64xf32>, %k: tensor<?x1x?x64xf32>)
      -> tensor<?x2x?x64xf32> attributes {attn.entry = "prefill"} {
    %o = attn.attention %q, %k, %k scale()" +
       scale + R"() : tensor<?x2x?x64xf32>, tensor<?x1x?x64xf32>, tensor<?x1x?x64xf32>
        -> tensor<?x2x?x64xf32>
    return %o : tensor<?x2x?x64xf32>
  })")
          .str();
  auto module = parseSourceString<ModuleOp>(text, &context);
  auto target = parseAttribute("#attn.target<kind = cpu, lanes = 8>", &context);
  return keyOf(*module->getOps<func::FuncOp>().begin(), target).kernel;
}

} // namespace

TEST(Key, FollowsTheDefinitionAndNotItsName) {
  MLIRContext context;
  context.loadDialect<AttnDialect, func::FuncDialect>();
  EXPECT_EQ(digestOf(context, "f", "0.125"), digestOf(context, "g", "0.125"));
  EXPECT_NE(digestOf(context, "f", "0.125"), digestOf(context, "f", "0.25"));
}
