//===- SpeedTest.cpp - a kernel beats plain loops by far ----------------------===//
#include "AttentionText.h"
#include "Kernel.h"

#include <chrono>

using namespace mlir;
using namespace mlir::attn::test;

/// The shortest of several: what disturbs a measurement only ever makes it longer.
static double shortest(int repeats, const std::function<void()> &run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repeats; ++i) {
    auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// The reference's float32 evaluation and the kernel, both on one core.
TEST(Speed, Float32KernelIsTenTimesAsFastAsPlainLoops) {
  auto kernel = Kernel::compile(AttentionText{"f", 8, 2, 2, 64, 64}.str());
  ASSERT_TRUE(kernel);
  Tensors inputs = makeInputs(*kernel, {1, 512, 512});
  attn::reference::setEvaluationThreads(1);
  double plain =
      shortest(3, [&] { (void)evaluate(*kernel, inputs, "f", attn::reference::Precision::Plain); });
  attn::reference::setEvaluationThreads(0);
  Launch launch(*kernel, inputs);
  double fast = shortest(15, [&] { EXPECT_EQ(launch.run(1), 0); });
  RecordProperty("times", std::to_string(plain / fast));
  EXPECT_GE(plain / fast, 10.0) << "plain " << plain * 1e3 << " ms, kernel " << fast * 1e3 << " ms";
}
