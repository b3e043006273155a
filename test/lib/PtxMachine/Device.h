//===- Device.h - the machine as a driver sees it --------------------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_DEVICE_H
#define ATTN_TEST_PTXMACHINE_DEVICE_H

#include "Grid.h"
#include "Module.h"

namespace ptx {

class Device {
public:
  GlobalMemory memory;
  Settings settings;

  /// Null with a problem.
  Module *load(std::string text);
  /// Runs to the end; empty, or what went wrong.
  std::string run(Module &module, Kernel &kernel, Launch launch);
  std::string problem;

private:
  std::vector<std::unique_ptr<Module>> modules;
  uint32_t launches = 0;
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_DEVICE_H
