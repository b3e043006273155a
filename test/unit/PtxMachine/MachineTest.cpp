//===- MachineTest.cpp - small kernels on the PTX machine ---------------------------------===//
#include "MachineTest.h"

static constexpr char Head[] = R"(
.version 8.7
.target sm_90a
.address_size 64
.extern .shared .align 1024 .b8 memory[];
.visible .entry kernel(
  .param .u64 .ptr .global kernel_param_0,
  .param .u64 .ptr .global kernel_param_1,
  .param .align 64 .b8 kernel_param_2[128])
{
  .reg .pred %p<8>;
  .reg .b16 %h<8>;
  .reg .b32 %r<64>;
  .reg .b64 %d<16>;
  ld.param.u64 %d0, [kernel_param_0];
  ld.param.u64 %d1, [kernel_param_1];
  mov.b64 %d3, kernel_param_2;
  cvta.param.u64 %d3, %d3;
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %d2, %r0, 4;
  add.s64 %d2, %d0, %d2;
  mov.b64 %d4, memory;
  cvt.u32.u64 %r1, %d4;
  shl.b32 %r2, %r0, 2;
  add.s32 %r2, %r1, %r2;
)";

static void add(ptx::Device &device, std::vector<uint32_t> &words) {
  device.memory.add(reinterpret_cast<uint64_t>(words.data()), 4 * words.size(),
                    /*isUndefined=*/false);
}

std::string MachineTest::run(const std::string &body) {
  ptx::Device device;
  device.settings = settings;
  add(device, out);
  add(device, in);
  ptx::Module *module = device.load(Head + body + "ret;\n}\n");
  if (!module)
    return device.problem;
  uint64_t addresses[] = {reinterpret_cast<uint64_t>(out.data()),
                          reinterpret_cast<uint64_t>(in.data())};
  uint8_t bytes[128] = {};
  std::memcpy(bytes, &map, sizeof(map));
  void *parameters[] = {&addresses[0], &addresses[1], bytes};
  ptx::Launch launch;
  launch.grid[0] = blocks;
  launch.threads = threads;
  launch.dynamicShared = 4096;
  launch.parameters = parameters;
  launch.mayStartEarly = mayStartEarly;
  return device.run(*module, *module->find("kernel"), launch);
}
