//===- GroupTest.cpp - decode with many rows in a group, and without memory ---===//
#include "Kernel.h"

#include "llvm/Support/FormatVariadic.h"
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::attn::test;

namespace {
/// One query position of `heads` heads over one key head.
struct GroupText {
  std::string dtype = "f32";
  int64_t heads = 20, qkSize = 40, vSize = 24;
  bool isLatent = false; // values are the keys' first columns
  std::string mask = "";
  bool isRagged = false; // each sequence has its own length, an operand

  std::string str() const;
};
} // namespace

std::string GroupText::str() const {
  auto tensor = [&](int64_t count, const char *rows, int64_t size) {
    return llvm::formatv("tensor<?x{0}x{1}x{2}x{3}>", count, rows, size, dtype).str();
  };
  std::string q = tensor(heads, "1", qkSize), k = tensor(1, "?", qkSize), v = tensor(1, "?", vSize),
              o = tensor(heads, "1", vSize);
  std::string argument = isLatent ? "" : ", %v: " + v;
  std::string columns =
      isLatent ? "%v = attn.columns %k from 0 : " + k + " -> " + v : std::string();
  std::string words = mask.empty() ? "" : "mask(<" + mask + ">)";
  if (isRagged) {
    argument += ", %n: tensor<?xi64>";
    words = "mask(<prefix_length<0>>, %n : tensor<?xi64>)";
  }
  return llvm::formatv("func.func @f(%q: {0}, %k: {1}{2}) -> {3} {{\n  {4}\n"
                       "  %o = attn.attention %q, %k, %v scale(0.17) {5} : {0}, {1}, {6} -> {3}\n"
                       "  return %o : {3}\n}\n",
                       q, k, argument, o, columns, words, v)
      .str();
}

/// Blocks of eight keys by as many rows as fill registers, which no other form has for these.
static bool usesGroupForm(const Kernel &kernel) {
  return kernel.scheduled("splits") > 1 && kernel.scheduled("register_keys") == 8;
}

/// `isGroup`: whether every vector unit takes the form; of small groups those do for which it pays.
static void checkLengths(const GroupText &text, StringRef target = "cpu", bool isGroup = true) {
  SCOPED_TRACE(text.str() + target.str());
  auto kernel = Kernel::compile(text.str(), target);
  ASSERT_TRUE(kernel && (!isGroup || usesGroupForm(*kernel)));
  for (int64_t keys : {0, 1, 8, 17, 130, 1500})
    expectCorrect(*kernel, InputSizes{2, 1, keys}, static_cast<uint64_t>(keys) + 1);
}

TEST(Group, OfEveryTypeOnEveryVectorUnit) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    for (const char *target : {"cpu", "cpu:x86-64"})
      checkLengths({dtype}, target);
}

TEST(Group, OfHeadsThatFillNoVector) {
  for (int64_t heads : {9, 16, 33})
    checkLengths({"f32", heads, 16, 16});
}

/// Up to eight heads: half a vector of 16, or the stream form.
TEST(Group, OfHeadsThatFillHalfAVector) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    for (int64_t heads : {5, 7, 8}) {
      checkLengths({dtype, heads, 40, 24}, "cpu", /*isGroup=*/false);
      checkLengths({dtype, heads, 48, 256, false, "window<700> and not sink<3>"}, "cpu", false);
    }
}

/// Rows of values that no two rows of queries have room for: visited whole by one of them first, or
/// woven in stretches of many keys.
TEST(Group, OfFewHeadsWithLongRows) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    for (int64_t heads : {1, 2, 3, 4}) {
      checkLengths({dtype, heads, 256, 256}, "cpu", /*isGroup=*/false);
      checkLengths({dtype, heads, 48, 200, false, "window<20>"}, "cpu", false);
      checkLengths({dtype, heads, 192, 128, false, "window<700> and not sink<3>"}, "cpu", false);
      checkLengths({dtype, heads, 192, 192, false, "window<700> and not sink<3>"}, "cpu", false);
    }
}

TEST(Group, WithAMask) {
  for (const char *dtype : {"f32", "bf16"})
    for (const char *mask : {"causal", "window<20>", "window<700> and not sink<3>"})
      checkLengths({dtype, 20, 40, 24, false, mask});
}

TEST(Group, LatentWhoseValuesAreColumnsOfItsKeys) {
  for (const char *dtype : {"f32", "bf16", "f16"})
    for (const char *target : {"cpu", "cpu:x86-64"})
      checkLengths({dtype, 16, 144, 128, true}, target);
}

TEST(Group, LatentOf576Columns) { checkLengths({"bf16", 16, 576, 512, true}); }

TEST(Group, SameBitsForAnyThreads) {
  for (const char *dtype : {"f32", "bf16"})
    for (int64_t heads : {2, 8, 20}) {
      auto kernel = Kernel::compile(GroupText{dtype, heads, 40, heads == 20 ? 24 : 256}.str());
      ASSERT_TRUE(kernel);
      expectSameBits(*kernel, {3, 1, 1500});
    }
}

/// A NaN in a value that no row sees stays out; one that is seen shows.
TEST(Group, NaNInAValue) {
  for (const char *dtype : {"f32", "bf16"})
    for (int64_t heads : {3, 8, 20}) {
      int64_t size = heads == 20 ? 24 : 200;
      auto kernel = Kernel::compile(GroupText{dtype, heads, 40, size, false, "window<20>"}.str());
      ASSERT_TRUE(kernel);
      for (int64_t key : {3, 55}) {
        Tensors inputs = makeInputs(*kernel, {1, 1, 60});
        inputs[2].values[key * size + 5] = std::numeric_limits<double>::quiet_NaN();
        expectCorrect(*kernel, inputs);
      }
    }
}

/// What lies beyond a sequence's own keys is not read into its result, in either form of decode.
TEST(Ragged, EverySequenceHasItsOwnLength) {
  constexpr int64_t keys = 1500;
  const int64_t lengths[] = {0, 1, 700, keys};
  for (int64_t heads : {4, 8, 20})
    for (const char *dtype : {"f32", "bf16"}) {
      auto kernel = Kernel::compile(GroupText{dtype, heads, 40, 24, false, "", true}.str());
      ASSERT_TRUE(kernel && kernel->scheduled("splits") > 1);
      Tensors inputs = makeInputs(*kernel, {4, 1, keys});
      for (int64_t b = 0; b < 4; ++b) {
        inputs[3].values[b] = static_cast<double>(lengths[b]);
        for (int64_t i : {1, 2}) {
          auto row = [&](int64_t j) { return inputs[i].values.begin() + j * (i == 1 ? 40 : 24); };
          std::fill(row(b * keys + lengths[b]), row((b + 1) * keys),
                    std::numeric_limits<double>::quiet_NaN());
        }
      }
      expectCorrect(*kernel, inputs);
    }
}

//===----------------------------------------------------------------------===//
// Without memory
//===----------------------------------------------------------------------===//

namespace {
/// Leaves the process a few megabytes of addresses beyond those it has.
class ScarceMemory {
public:
  ScarceMemory() {
    getrlimit(RLIMIT_AS, &before);
    int64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit scarce = before;
    scarce.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + (int64_t(8) << 20));
    setrlimit(RLIMIT_AS, &scarce);
  }
  ~ScarceMemory() { setrlimit(RLIMIT_AS, &before); }

private:
  rlimit before;
};
} // namespace

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ATTN_HAS_ADDRESS_SANITIZER
#endif
#endif

/// Workspaces for thousands of threads do not fit. The call says so and writes nothing; the next
/// one works.
static void expectOutOfMemory(const std::string &text, InputSizes sizes) {
#ifdef ATTN_HAS_ADDRESS_SANITIZER
  GTEST_SKIP() << "the sanitizer's allocator ends the program";
#else
  auto kernel = Kernel::compile(text);
  ASSERT_TRUE(kernel);
  Launch launch(*kernel, makeInputs(*kernel, sizes));
  ASSERT_EQ(launch.run(), 0);
  for (unsigned i = launch.numInputs; i < launch.memories.size(); ++i)
    launch.memories[i].poison();
  std::vector<char> untouched = launch.bits();
  std::string message;
  int32_t code;
  {
    ScarceMemory scarce;
    code = kernel->entry().run(launch.tensors.data(), static_cast<int64_t>(launch.tensors.size()),
                               /*threads=*/20000, &message);
  }
  EXPECT_EQ(code, ATTN_ERROR_OUT_OF_MEMORY) << message;
  EXPECT_NE(message.find("memory"), std::string::npos) << message;
  EXPECT_EQ(launch.bits(), untouched);
  EXPECT_EQ(launch.run(), 0);
#endif
}

TEST(OutOfMemory, InPrefill) {
  expectOutOfMemory("func.func @f(%x: tensor<?x2x?x16xf32>) -> tensor<?x2x?x16xf32> {\n"
                    "  %o = attn.attention %x, %x, %x scale(0.25) : tensor<?x2x?x16xf32>, "
                    "tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32> -> tensor<?x2x?x16xf32>\n"
                    "  return %o : tensor<?x2x?x16xf32>\n}\n",
                    {1, 40, 40});
}

TEST(OutOfMemory, InDecodeOfAFewRows) { expectOutOfMemory(GroupText{"f32", 4}.str(), {1, 1, 600}); }

TEST(OutOfMemory, InDecodeOfManyRows) { expectOutOfMemory(GroupText().str(), {1, 1, 600}); }
