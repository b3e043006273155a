//===- Driver.h - what the parts of the fake driver share -----------------*- C++ -*-===//
#ifndef ATTN_TEST_FAKECUDA_DRIVER_H
#define ATTN_TEST_FAKECUDA_DRIVER_H

#include "Device.h"

#include <functional>

namespace fake {

enum : int {
  InvalidValue = 1,
  OutOfMemory = 2,
  InvalidDevice = 101,
  InvalidImage = 200,
  NoBinaryForDevice = 209,
  NotFound = 500,
  LaunchFailed = 719
};

/// Notes a call in the log; an error where the environment asks for one.
int called(const char *name);
#define FAKE_CALL                                                                                  \
  if (int code = fake::called(__func__))                                                           \
  return code

ptx::Device &device();
/// Compute capability as in 90.
int capability();

/// Does work on a stream: now, or with the graph that is being captured.
int put(std::function<int()> work);

} // namespace fake

#endif // ATTN_TEST_FAKECUDA_DRIVER_H
