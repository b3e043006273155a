//===- CpuFeaturesTest.cpp - the choice among several processors -----------===//

#include "CpuFeatures.h"
#include "CPU/attn_cpu.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace attn_rt;

namespace {

/// Three variants; the first asks for what no machine has.
const char *const names[] = {"best", "middle", "plain"};
const char *const features[] = {"no-such-feature", "", ""};

/// The environment's wish, taken back at the end.
struct Wish {
  explicit Wish(const char *name) { setenv("ATTN_CPU_VARIANT", name, 1); }
  ~Wish() { unsetenv("ATTN_CPU_VARIANT"); }
};

} // namespace

TEST(CpuFeatures, AnUnknownNameIsLacking) {
  EXPECT_FALSE(machineHasFeature("no-such-feature"));
  EXPECT_FALSE(machineHasFeature(""));
  EXPECT_FALSE(attn_cpu_has_all("no-such-feature"));
  EXPECT_TRUE(attn_cpu_has_all(""));
}

#if defined(__x86_64__)
TEST(CpuFeatures, AgreesWithTheCompilersBuiltin) {
  EXPECT_TRUE(machineHasFeature("sse2"));
  EXPECT_EQ(machineHasFeature("avx"), __builtin_cpu_supports("avx") != 0);
  EXPECT_EQ(machineHasFeature("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(machineHasFeature("fma"), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(machineHasFeature("f16c"), __builtin_cpu_supports("f16c") != 0);
  EXPECT_EQ(machineHasFeature("bmi2"), __builtin_cpu_supports("bmi2") != 0);
  EXPECT_EQ(machineHasFeature("lzcnt"), __builtin_cpu_supports("lzcnt") != 0);
  EXPECT_EQ(machineHasFeature("avx512f"), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(machineHasFeature("avx512bf16"), __builtin_cpu_supports("avx512bf16") != 0);
  EXPECT_EQ(machineHasFeature("amx-bf16"), __builtin_cpu_supports("amx-bf16") != 0);
  EXPECT_EQ(attn_cpu_has_all("sse2,avx"), attn_cpu_has("avx", 3));
}
#endif

TEST(CpuVariants, TheFirstThatFits) { EXPECT_EQ(attn_cpu_pick(names, features, 3), 1); }

TEST(CpuVariants, NoneThatFits) { EXPECT_EQ(attn_cpu_pick(names, features, 1), -1); }

TEST(CpuVariants, TheOneThatIsWished) {
  Wish wish("plain");
  EXPECT_EQ(attn_cpu_pick(names, features, 3), 2);
}

TEST(CpuVariants, AWishThatCannotBe) {
  for (const char *name : {"best", "absent"}) {
    Wish wish(name);
    EXPECT_EQ(attn_cpu_pick(names, features, 3), -1) << name;
  }
}

TEST(CpuVariants, IsAskedOnce) {
  int32_t choice = 0;
  EXPECT_EQ(attn_cpu_picked(names, features, 3, &choice), 1);
  Wish wish("plain");
  EXPECT_EQ(attn_cpu_picked(names, features, 3, &choice), 1);
}
