//===- BundleWriterTest.cpp - files that are whole or absent --------------===//

#include "attn/Artifact/Bundle.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::attn;
namespace fs = llvm::sys::fs;

namespace {

class BundleWriterTest : public ::testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(fs::createUniqueDirectory("attn-bundle", root)); }
  void TearDown() override { fs::remove_directories(root); }

  std::string at(StringRef name) { return (root + "/" + name).str(); }
  std::string contents(StringRef name) {
    auto buffer = llvm::MemoryBuffer::getFile(at(name));
    return buffer ? (*buffer)->getBuffer().str() : "<absent>";
  }
  unsigned countFiles() {
    unsigned count = 0;
    std::error_code code;
    for (fs::directory_iterator it(root, code), end; it != end && !code; it.increment(code))
      ++count;
    return count;
  }
  static std::string text(llvm::Error error) { return llvm::toString(std::move(error)); }

  SmallString<128> root;
};

} // namespace

TEST_F(BundleWriterTest, AppearsOnlyWithCommit) {
  {
    BundleWriter writer(at("bundle/"));
    EXPECT_EQ(text(writer.begin()), "");
    EXPECT_EQ(text(writer.add("manifest.json", "{}")), "");
    EXPECT_FALSE(fs::exists(at("bundle")));
    EXPECT_EQ(text(writer.commit()), "");
  }
  EXPECT_EQ(contents("bundle/manifest.json"), "{}");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(BundleWriterTest, LeavesNothingWithoutCommit) {
  {
    BundleWriter writer(at("bundle"));
    EXPECT_EQ(text(writer.begin()), "");
    EXPECT_EQ(text(writer.add("manifest.json", "{}")), "");
  }
  EXPECT_EQ(countFiles(), 0u);
}

TEST_F(BundleWriterTest, ReplacesAnOlderBundleAndKeepsStrangersFiles) {
  ASSERT_FALSE(fs::create_directory(at("bundle")));
  EXPECT_EQ(text(writeFile(at("bundle/manifest.json"), "old")), "");
  EXPECT_EQ(text(writeFile(at("bundle/notes.txt"), "mine")), "");
  BundleWriter writer(at("bundle"));
  EXPECT_EQ(text(writer.begin()), "");
  EXPECT_EQ(text(writer.add("manifest.json", "new")), "");
  EXPECT_EQ(text(writer.add("part", "gone")), "");
  writer.remove("part");
  EXPECT_EQ(text(writer.commit()), "");
  EXPECT_EQ(contents("bundle/manifest.json"), "new");
  EXPECT_EQ(contents("bundle/notes.txt"), "mine");
  EXPECT_EQ(contents("bundle/part"), "<absent>");
}

TEST_F(BundleWriterTest, RefusesAFileInTheWay) {
  EXPECT_EQ(text(writeFile(at("file"), "x")), "");
  BundleWriter writer(at("file"));
  EXPECT_NE(text(writer.begin()).find("Not a directory"), std::string::npos);
  EXPECT_EQ(contents("file"), "x");
}

TEST_F(BundleWriterTest, WriteFileReplacesAtOnceAndLeavesNoParts) {
  EXPECT_EQ(text(writeFile(at("a"), "1")), "");
  EXPECT_EQ(text(writeFile(at("a"), "22")), "");
  EXPECT_EQ(contents("a"), "22");
  EXPECT_EQ(countFiles(), 1u);
  EXPECT_NE(text(writeFile(at("absent/a"), "1")).find("cannot write"), std::string::npos);
  EXPECT_NE(text(writeFile(root, "1")).find("Is a directory"), std::string::npos);
}
