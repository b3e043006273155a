//===- InstructionsTest.cpp - what instructions compute -----------------------------------===//
//
// Expected values come from the documentation of PTX, worked out by hand.
//
//===--------------------------------------------------------------------------------------===//
#include "MachineTest.h"
#include "Numbers.h"

namespace {

struct Line {
  const char *body; ///< leaves its result in %r9
  uint32_t expected;
};

constexpr Line integers[] = {
    {"bfe.u32 %r9, 0xF0, 4, 4;", 0xf},
    {"bfe.s32 %r9, 0xF0, 4, 4;", 0xffffffff},
    {"shl.b32 %r9, 1, 40;", 0},
    {"shr.s32 %r9, -8, 40;", 0xffffffff},
    {"shr.u32 %r9, 0x80000000, 31;", 1},
    {"div.s32 %r9, -7, 2;", 0xfffffffd},
    {"rem.s32 %r9, -7, 2;", 0xffffffff},
    {"mul.hi.u32 %r9, 0xFFFFFFFF, 2;", 1},
    {"mul.hi.s32 %r9, 0xFFFFFFFF, 2;", 0xffffffff},
    {"mad.lo.s32 %r9, 3, 5, 7;", 22},
    {"mul.wide.s32 %d9, -1, 4; shr.u64 %d9, %d9, 32; cvt.u32.u64 %r9, %d9;", 0xffffffff},
    {"prmt.b32 %r9, 0x33221100, 0x77665544, 0x7140;", 0x77114400},
    {"lop3.b32 %r9, 0xF0, 0xCC, 0xAA, 0x80;", 0x80},
    {"popc.b32 %r9, 0xFF0;", 8},
    {"clz.b32 %r9, 1;", 31},
    {"mov.b64 %d9, {1, 2}; mov.b64 {%r8, %r9}, %d9;", 2},
    {"mov.b16 %h1, 0xFFFF; mov.b16 %h2, 3; add.s16 %h1, %h1, %h2; cvt.u32.u16 %r9, %h1;", 2},
    {"mov.b16 %h1, 0xFFF3; and.b16 %h2, %h1, 0xF3; mul.wide.u16 %r9, %h2, 16;", 0xf30},
    {"mov.b16 %h1, 0xFFFF; setp.gt.u16 %p1, %h1, 3; selp.b32 %r9, 1, 0, %p1;", 1},
    {"mov.b16 %h1, 0x80; cvt.s32.s8 %r9, %h1;", 0xffffff80},
    {"setp.lt.s32 %p2, 1, 2; setp.gt.and.s32 %p1, 5, 3, !%p2; selp.b32 %r9, 1, 0, %p1;", 0},
};

constexpr Line reals[] = {
    {"fma.rn.f32 %r9, 0f3F800001, 0f3F800001, 0fBF800002;", 0x28800000},
    {"add.rn.f32 %r9, 0f00000001, 0f00000001;", 2},
    {"add.rn.ftz.f32 %r9, 0f00000001, 0f00000001;", 0},
    {"ex2.approx.ftz.f32 %r9, 0f40400000;", 0x41000000},
    {"max.f32 %r9, 0f7FC00000, 0f3F800000;", 0x3f800000},
    {"max.NaN.f32 %r8, 0f7FC00000, 0f3F800000; setp.nan.f32 %p1, %r8, %r8;"
     "selp.b32 %r9, 1, 0, %p1;",
     1},
    {"setp.neu.f32 %p1, 0f7FC00000, 0f00000000; selp.b32 %r9, 1, 0, %p1;", 1},
    {"setp.ne.f32 %p1, 0f7FC00000, 0f00000000; selp.b32 %r9, 1, 0, %p1;", 0},
    {"cvt.rni.s32.f32 %r9, 0f40200000;", 2},
    {"cvt.rzi.s32.f32 %r9, 0fC0200000;", 0xfffffffe},
    {"cvt.rzi.u32.f32 %r9, 0fBF800000;", 0},
    {"cvt.rzi.s32.f32 %r9, 0f7F800000;", 0x7fffffff},
    {"cvt.rzi.s32.f32 %r9, 0f7FC00000;", 0},
    {"cvt.rn.bf16x2.f32 %r9, 0f3F800000, 0f40000000;", 0x3f804000},
    {"cvt.rn.f16x2.f32 %r9, 0f3F800000, 0f40000000;", 0x3c004000},
};

class InstructionsTest : public MachineTest {
protected:
  void check(const Line &line) {
    EXPECT_EQ(stored(line.body), "") << line.body;
    EXPECT_EQ(out[0], line.expected) << line.body;
    EXPECT_EQ(out[31], line.expected) << line.body;
  }
};

TEST_F(InstructionsTest, Integers) {
  for (const Line &line : integers)
    check(line);
}

TEST_F(InstructionsTest, Reals) {
  for (const Line &line : reals)
    check(line);
}

TEST_F(InstructionsTest, LanesExchange) {
  EXPECT_EQ(stored("shfl.sync.bfly.b32 %r9, %r0, 5, 31, -1;"), "");
  EXPECT_EQ(out[7], 7u ^ 5u);
  // Segments of eight lanes.
  EXPECT_EQ(stored("shfl.sync.idx.b32 %r9, %r0, 3, 0x181f, -1;"), "");
  EXPECT_EQ(out[21], 19u);
  EXPECT_EQ(stored("redux.sync.add.u32 %r9, %r0, -1;"), "");
  EXPECT_EQ(out[4], 496u);
  EXPECT_EQ(stored("setp.lt.u32 %p1, %r0, 3; vote.sync.ballot.b32 %r9, %p1, -1;"), "");
  EXPECT_EQ(out[30], 7u);
}

/// All lanes at one word, in any order.
TEST_F(InstructionsTest, AtomicsOnSharedMemory) {
  auto after = [&](const std::string &operation, const std::string &start) {
    return stored("setp.eq.s32 %p1, %r0, 0; mov.b32 %r3, " + start +
                  "; @%p1 st.shared.b32 [%r1], %r3; bar.warp.sync -1;\n"
                  "sub.s32 %r4, %r0, 5; red.shared." +
                  operation + " [%r1], %r4; bar.warp.sync -1; ld.shared.b32 %r9, [%r1];");
  };
  EXPECT_EQ(after("min.s32", "7"), "");
  EXPECT_EQ(out[3], static_cast<uint32_t>(-5));
  EXPECT_EQ(after("min.u32", "7"), "");
  EXPECT_EQ(out[3], 0u);
  EXPECT_EQ(after("max.s32", "7"), "");
  EXPECT_EQ(out[3], 26u);
  EXPECT_EQ(after("add.u32", "7"), "");
  EXPECT_EQ(out[3], 496u - 160u + 7u);
}

/// Lanes part and meet again; each has its own way.
TEST_F(InstructionsTest, Branches) {
  for (bool tears : {false, true}) {
    settings.seed = 1;
    settings.tearsWarps = tears;
    EXPECT_EQ(stored("mov.b32 %r9, 0;\n"
                     "AGAIN:\n"
                     "add.s32 %r9, %r9, 2;\n"
                     "setp.lt.u32 %p1, %r9, %r0;\n"
                     "@%p1 bra AGAIN;\n"
                     "redux.sync.max.u32 %r8, %r9, -1;\n"
                     "add.s32 %r9, %r9, %r8;\n"),
              "");
    EXPECT_EQ(out[0], 2u + 32u);
    EXPECT_EQ(out[9], 10u + 32u);
  }
}

/// A unit matrix times rows of different numbers: each element is where the documentation says.
TEST_F(InstructionsTest, ProductOfAWarp) {
  auto pair = [](uint32_t low, uint32_t high) {
    return ptx::toBFloat(static_cast<float>(low)) | ptx::toBFloat(static_cast<float>(high)) << 16;
  };
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t group = lane / 4, twice = 2 * (lane % 4);
    for (uint32_t r = 0; r < 4; ++r) {
      uint32_t row = group + r % 2 * 8, column = twice + r / 2 * 8;
      in[32 * r + lane] = pair(row == column, row == column + 1);
    }
    for (uint32_t r = 0; r < 2; ++r) {
      uint32_t row = twice + 8 * r;
      in[128 + 32 * r + lane] = pair(8 * row + group, 8 * row + 8 + group);
    }
  }
  std::string body = "sub.s64 %d5, %d2, %d0; add.s64 %d5, %d1, %d5;\n";
  for (int r = 0; r < 6; ++r)
    body +=
        "ld.global.b32 %r" + std::to_string(20 + r) + ", [%d5+" + std::to_string(128 * r) + "];\n";
  body += "mov.b32 %r30, 0;\n"
          "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%r40, %r41, %r42, %r43}, "
          "{%r20, %r21, %r22, %r23}, {%r24, %r25}, {%r30, %r30, %r30, %r30};\n";
  for (int r = 0; r < 4; ++r)
    body += "cvt.rni.u32.f32 %r9, %r" + std::to_string(40 + r) + "; st.global.b32 [%d2+" +
            std::to_string(128 * r) + "], %r9;\n";
  EXPECT_EQ(run(body), "");
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t r = 0; r < 4; ++r)
      EXPECT_EQ(out[32 * r + lane], 8 * (lane / 4 + r / 2 * 8) + 2 * (lane % 4) + r % 2);
}

/// Row l of 32 has numbers 8 l to 8 l + 7.
TEST_F(InstructionsTest, MatricesFromSharedMemory) {
  std::string body = "shl.b32 %r3, %r0, 4; add.s32 %r3, %r1, %r3; shl.b32 %r4, %r0, 3;\n";
  for (int i = 0; i < 4; ++i)
    body += "add.s32 %r5, %r4, " + std::to_string(2 * i) +
            "; add.s32 %r6, %r5, 1; "
            "shl.b32 %r6, %r6, 16; or.b32 %r5, %r5, %r6; st.shared.b32 [%r3+" +
            std::to_string(4 * i) + "], %r5;\n";
  body += "bar.warp.sync -1;\n"
          "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r6, %r7, %r8, %r9}, [%r3];\n"
          "st.global.b32 [%d2+128], %r6;";
  EXPECT_EQ(stored(body), "");
  auto expected = [](uint32_t matrix, uint32_t lane) {
    uint32_t low = 8 * (8 * matrix + 2 * (lane % 4)) + lane / 4;
    return low | (low + 8) << 16;
  };
  for (uint32_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], expected(3, lane));
    EXPECT_EQ(out[32 + lane], expected(0, lane));
  }
}

TEST_F(InstructionsTest, WhatIsNotModelledIsRefused) {
  EXPECT_NE(run("frob.b32 %r9, %r0;"), "");
  EXPECT_NE(run("min.s16 %h1, %h2, %h3;"), "");
  EXPECT_NE(run("add.sat.s32 %r9, %r0, %r0;"), "");
}

} // namespace
