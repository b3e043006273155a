//===- MachineTest.h - small kernels on the PTX machine -------------------*- C++ -*-===//
#ifndef ATTN_TEST_UNIT_PTXMACHINE_MACHINETEST_H
#define ATTN_TEST_UNIT_PTXMACHINE_MACHINETEST_H

#include "Device.h"
#include "TensorMap.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// A launch of one kernel, whose body a test writes. It finds there:
///   %d0, %d1   addresses of `out` and `in`, %d3 that of the tensor map
///   %r0        its thread, %d2 the place of the thread's word of `out`
///   %r1        shared memory, %r2 the place of the thread's word of it
/// and more registers %r, %d, %p, %h (16 bits); %r9 is stored to `out` by `stored`.
class MachineTest : public ::testing::Test {
protected:
  /// Empty, or what the machine found wrong.
  std::string run(const std::string &body);
  /// The same, with %r9 of each thread in `out`.
  std::string stored(const std::string &body) {
    return run(body + "\nst.global.b32 [%d2], %r9;\n");
  }

  unsigned threads = 32, blocks = 1;
  bool mayStartEarly = false;
  ptx::Settings settings;
  ptx::TensorMap map = {};
  std::vector<uint32_t> out = std::vector<uint32_t>(256, 0), in = std::vector<uint32_t>(256, 0);
};

#endif // ATTN_TEST_UNIT_PTXMACHINE_MACHINETEST_H
