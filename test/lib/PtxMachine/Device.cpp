//===- Device.cpp - the machine as a driver sees it ----------------------------------------===//
#include "Device.h"

using namespace ptx;

Module *Device::load(std::string text) {
  auto module = std::make_unique<Module>(std::move(text), memory);
  problem = module->problem();
  if (!problem.empty())
    return nullptr;
  modules.push_back(std::move(module));
  return modules.back().get();
}

std::string Device::run(Module &module, Kernel &kernel, Launch launch) {
  std::string wrong = module.decode(kernel);
  if (!wrong.empty())
    return wrong;
  launch.kernel = &kernel;
  // Launches have different orders, also with one seed: their bits must agree.
  return Grid(memory, launch, settings, ++launches).run();
}
