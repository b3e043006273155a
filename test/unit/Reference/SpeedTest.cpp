//===- SpeedTest.cpp - the reference must not make checks wait ---------------===//
#include "TestSupport.h"

#include <chrono>

using namespace mlir;
using namespace mlir::attn::reference;

// 32 heads, 256 by 256, size 128, with a softcap: about a second for both precisions on two
// ordinary cores. The bound is wide because machines and their loads differ.
TEST(Speed, PrefillOf256By256) {
  Program program(R"(
!q = tensor<?x32x?x128xf32>
!k = tensor<?x8x?x128xf32>
func.func @f(%q: !q, %k: !k, %v: !k) -> !q {
  %o = attn.attention %q, %k, %v scale(0.0884) mask(<causal and window<200> or sink<4>>) score {
  ^bb0(%s: f32, %b: index, %h: index, %i: index, %j: index):
    %c = arith.constant 50.0 : f32
    %d = arith.divf %s, %c : f32
    %t = math.tanh %d : f32
    %r = arith.mulf %t, %c : f32
    attn.yield %r : f32
  } : !q, !k, !k -> !q
  return %o : !q
})");
  auto inputs = makeInputs(program.function(), {1, 256, 256}, 1);
  ASSERT_TRUE(succeeded(inputs));
  auto start = std::chrono::steady_clock::now();
  auto exact = program.run(*inputs), plain = program.run(*inputs, Precision::Plain);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds", std::to_string(seconds.count()));
  EXPECT_LT(seconds.count(), 30.0);
  EXPECT_TRUE(compare(plain[0], exact[0], plain[0]).ok);
}
