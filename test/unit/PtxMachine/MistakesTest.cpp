//===- MistakesTest.cpp - kernels that the machine must find wrong --------------------------===//
//
// Each beside the kernel that it should have been.
//
//===------------------------------------------------------------------------------------------===//
#include "MachineTest.h"

namespace {

class MistakesTest : public MachineTest {
protected:
  void expectMistake(const std::string &body, const char *words) {
    std::string found = run(body);
    EXPECT_NE(found.find(words), std::string::npos) << "found: '" << found << "'";
  }
};

//===----------------------------------------------------------------------===//
// Undefined values, places
//===----------------------------------------------------------------------===//

TEST_F(MistakesTest, UndefinedValues) {
  expectMistake("st.global.b32 [%d2], %r20;", "what is stored depends on something undefined");
  expectMistake("setp.eq.b32 %p1, %r20, 0; @%p1 bra END; END:", "a branch depends on");
  expectMistake("add.s32 %r20, %r20, %r2; ld.shared.b32 %r9, [%r20];", "an address depends on");
  expectMistake("ld.shared.b32 %r9, [%r2]; st.global.b32 [%d2], %r9;", "which nobody wrote");
  // What is not chosen may be undefined.
  EXPECT_EQ(stored("setp.ge.u32 %p1, %r0, 0; selp.b32 %r9, 1, %r20, %p1;"), "");
}

TEST_F(MistakesTest, Places) {
  expectMistake("st.global.b32 [%d2+4096], %r0;", "no memory at");
  expectMistake("st.global.b32 [%d2+2], %r0;", "is no multiple of 4");
  expectMistake("st.shared.b32 [%r2+8192], %r0;", "is outside of");
  expectMistake("AGAIN: bra AGAIN;", "instructions: line");
}

//===----------------------------------------------------------------------===//
// Shared memory, barriers
//===----------------------------------------------------------------------===//

/// Each thread reads the word of the thread whose number differs in `bit`.
static std::string exchange(int bit, const std::string &between) {
  return "st.shared.b32 [%r2], %r0; xor.b32 %r4, %r0, " + std::to_string(bit) +
         "; shl.b32 %r4, %r4, 2; add.s32 %r4, %r1, %r4;\n" + between +
         "ld.shared.b32 %r9, [%r4]; st.global.b32 [%d2], %r9;\n";
}

TEST_F(MistakesTest, Barriers) {
  threads = 64;
  EXPECT_EQ(run(exchange(32, "bar.sync 0;\n")), "");
  EXPECT_EQ(out[5], 37u);
  expectMistake(exchange(32, ""), "shared memory at");
  expectMistake(exchange(32, "bar.warp.sync -1;\n"), "shared memory at");
  // The next write may come before the neighbour has read.
  std::string once = exchange(32, "bar.sync 0;\n");
  expectMistake(once + "st.shared.b32 [%r2], %r0;\n", "race in shared memory");
  EXPECT_EQ(run(once + "bar.sync 0; st.shared.b32 [%r2], %r0;\n"), "");
  expectMistake("bar.sync 1, 96;\n", "nothing goes on");
  expectMistake("setp.lt.u32 %p1, %r0, 32; @%p1 bra FEW; bar.sync 1, 96; bra END; FEW: "
                "bar.sync 1, 64; END:\n",
                "different numbers of threads");
}

TEST_F(MistakesTest, LanesOfAWarp) {
  EXPECT_EQ(run(exchange(4, "bar.warp.sync -1;\n")), "");
  expectMistake(exchange(4, ""), "no bar.warp.sync");
  expectMistake("setp.lt.u32 %p1, %r0, 7; @%p1 bra FEW; bar.warp.sync -1; bra END; FEW: "
                "bar.warp.sync -1; END:\n",
                "wait for each other at different places");
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// Block 0 writes and counts itself, block 1 waits for the count and reads.
static std::string handOver(const std::string &release, const std::string &acquire) {
  return "mov.u32 %r10, %ctaid.x; setp.ne.b32 %p1, %r10, 0; @%p1 bra READ;\n"
         "st.global.b32 [%d2+256], %r0; bar.warp.sync -1;\n" +
         release +
         "setp.ne.b32 %p2, %r0, 0; @%p2 bra END;\n"
         "atom.relaxed.gpu.global.add.u32 %r11, [%d1], 1; bra END;\n"
         "READ: ld.relaxed.gpu.global.b32 %r11, [%d1]; setp.eq.b32 %p2, %r11, 0; @%p2 bra READ;\n" +
         acquire + "ld.global.b32 %r9, [%d2+256]; st.global.b32 [%d2], %r9;\nEND:\n";
}

TEST_F(MistakesTest, Blocks) {
  const std::string fence = "fence.acq_rel.gpu;\n";
  blocks = 2;
  EXPECT_EQ(run(handOver(fence, fence)), "");
  EXPECT_EQ(out[6], 6u);
  for (auto [release, acquire] : {std::pair(fence, std::string()), {std::string(), fence}}) {
    in[0] = 0;
    expectMistake(handOver(release, acquire), "race in global memory");
  }
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

static std::string copy(const std::string &wait, const std::string &size = "") {
  return "shl.b32 %r4, %r0, 4; cvt.u64.u32 %d5, %r4; add.s64 %d5, %d1, %d5; "
         "add.s32 %r4, %r1, %r4;\n"
         "cp.async.cg.shared.global [%r4], [%d5], 16" +
         size + ";\ncp.async.commit_group;\n" + wait +
         "ld.shared.b32 %r9, [%r4+4]; st.global.b32 [%d2], %r9;\n";
}

TEST_F(MistakesTest, Copies) {
  for (uint32_t i = 0; i < in.size(); ++i)
    in[i] = i;
  EXPECT_EQ(run(copy("cp.async.wait_group 0;\n")), "");
  EXPECT_EQ(out[3], 13u);
  EXPECT_EQ(run(copy("cp.async.wait_all;\n", ", 4")), "");
  EXPECT_EQ(out[3], 0u);
  expectMistake(copy(""), "before the copy of");
  expectMistake(copy("cp.async.wait_group 1;\n"), "before the copy of");
  expectMistake(copy("", ", 32"), "reads more than it writes");
}

/// Eight rows of 16 bytes, of which the first two are outside of the tensor.
class BoxTest : public MistakesTest {
protected:
  BoxTest() {
    map.magic = ptx::TensorMap::Magic;
    map.address = reinterpret_cast<uint64_t>(in.data());
    map.size[0] = map.box[0] = 8, map.size[1] = 16, map.box[1] = 8;
    map.stride[0] = 16;
    map.rank = 2, map.elementBytes = 2;
    for (uint32_t i = 0; i < in.size(); ++i)
      in[i] = i + 1;
  }
  static std::string box(const std::string &bytes, const std::string &wait) {
    return "setp.ne.b32 %p1, %r0, 0; add.s32 %r3, %r1, 1024; "
           "cvt.u64.u32 %d5, %r3; cvt.u64.u32 %d6, %r1;\n"
           "@%p1 bra MADE;\n"
           "mbarrier.init.shared.b64 [%r1], 1;\n"
           "mov.b32 %r4, 0; mov.b32 %r5, -2;\n"
           "mbarrier.arrive.expect_tx.shared.b64 _, [%r1], " +
           bytes +
           ";\ncp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes "
           "[%d5], [%d3, {%r4, %r5}], [%d6];\n"
           "MADE: bar.warp.sync -1;\n" +
           wait + "ld.shared.b32 %r9, [%r2+1024]; st.global.b32 [%d2], %r9;\n";
  }
  const std::string wait = "POLL: mbarrier.try_wait.parity.shared.b64 %p2, [%r1], 0;\n"
                           "@!%p2 bra POLL;\n";
};

TEST_F(BoxTest, Arrives) {
  for (uint64_t seed : {0, 1, 2}) {
    settings.seed = seed;
    EXPECT_EQ(run(box("128", wait)), "");
    EXPECT_EQ(out[7], 0u);
    EXPECT_EQ(out[8], 1u);
    EXPECT_EQ(out[31], 24u);
  }
}

TEST_F(BoxTest, Mistakes) {
  expectMistake(box("128", ""), "before the copy of");
  expectMistake(box("144", wait), "nothing goes on");
  map.rank = 3;
  expectMistake(box("128", wait), "there is no tensor map of 2 axes");
}

TEST_F(BoxTest, BehindTheLaunchBefore) {
  const std::string go = "griddepcontrol.wait;\n";
  const char *words = "touched before griddepcontrol.wait";
  mayStartEarly = true;
  EXPECT_EQ(run(go + box("128", wait)), "");
  EXPECT_EQ(out[31], 24u);
  expectMistake(box("128", wait), words);
  expectMistake("st.global.b32 [%d2], %r0;\n" + go, words);
}

//===----------------------------------------------------------------------===//
// Products of warpgroups
//===----------------------------------------------------------------------===//

/// 64 x 16 ones times 16 x 8 ones.
static std::string product(const std::string &fence, const std::string &wait) {
  return "mov.b32 %r5, 0x3f803f80; shl.b32 %r4, %r0, 4; add.s32 %r4, %r1, %r4;\n"
         "st.shared.v4.b32 [%r4], {%r5, %r5, %r5, %r5};\n"
         "st.shared.v4.b32 [%r4+2048], {%r5, %r5, %r5, %r5};\n" +
         fence +
         "bar.sync 0;\n"
         "shr.u32 %r6, %r1, 4; cvt.u64.u32 %d6, %r6; add.s64 %d7, %d6, 128;\n"
         "or.b64 %d6, %d6, 0x800400000; or.b64 %d7, %d7, 0x800080000;\n"
         "setp.gt.u32 %p1, %r0, 4096;\n"
         "wgmma.fence.sync.aligned;\n"
         "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%r20, %r21, %r22, %r23}, %d6, %d7, "
         "%p1, 1, 1, 0, 0;\n"
         "wgmma.commit_group.sync.aligned;\n" +
         wait + "cvt.rni.u32.f32 %r9, %r22; st.global.b32 [%d2], %r9;\n";
}

TEST_F(MistakesTest, ProductsOfWarpgroups) {
  const std::string fence = "fence.proxy.async.shared::cta;\n",
                    wait = "wgmma.wait_group.sync.aligned 0;\n";
  threads = 128;
  EXPECT_EQ(run(product(fence, wait)), "");
  EXPECT_EQ(out[77], 16u);
  expectMistake(product("", wait), "no fence.proxy.async");
  expectMistake(product(fence, ""), "has not been waited for");
  expectMistake(product(fence, "mov.b32 %r21, 0;\n" + wait), "is written before the product");
}

} // namespace
