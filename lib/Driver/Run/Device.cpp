//===- Device.cpp - an NVIDIA GPU through its driver ----------------------===//

#include "Device.h"

#include "CeilingKernels.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <dlfcn.h>
#include <thread>

using namespace mlir::attn;

/// The driver's functions. Handles are pointers, addresses 64-bit numbers, results 0 or a code.
struct Device::Driver {
  int (*cuInit)(unsigned);
  int (*cuDeviceGet)(int *, int);
  int (*cuDeviceGetName)(char *, int, int);
  int (*cuDeviceGetAttribute)(int *, int, int);
  int (*cuDevicePrimaryCtxRetain)(void **, int);
  int (*cuDevicePrimaryCtxRelease_v2)(int);
  int (*cuCtxSetCurrent)(void *);
  int (*cuMemGetInfo_v2)(size_t *, size_t *);
  int (*cuMemAlloc_v2)(uint64_t *, size_t);
  int (*cuMemFree_v2)(uint64_t);
  int (*cuMemcpyHtoD_v2)(uint64_t, const void *, size_t);
  int (*cuMemcpyDtoH_v2)(void *, uint64_t, size_t);
  int (*cuMemcpyDtoDAsync_v2)(uint64_t, uint64_t, size_t, void *);
  int (*cuStreamCreate)(void **, unsigned);
  int (*cuStreamDestroy_v2)(void *);
  int (*cuStreamSynchronize)(void *);
  int (*cuStreamBeginCapture_v2)(void *, int);
  int (*cuStreamEndCapture)(void *, void **);
  int (*cuGraphInstantiateWithFlags)(void **, void *, unsigned long long);
  int (*cuGraphLaunch)(void *, void *);
  int (*cuGraphExecDestroy)(void *);
  int (*cuGraphDestroy)(void *);
  int (*cuEventCreate)(void **, unsigned);
  int (*cuEventDestroy_v2)(void *);
  int (*cuEventRecord)(void *, void *);
  int (*cuEventElapsedTime)(float *, void *, void *);
  int (*cuModuleLoadData)(void **, const void *);
  int (*cuModuleGetFunction)(void **, void *, const char *);
  int (*cuModuleUnload)(void *);
  int (*cuFuncSetAttribute)(void *, int, int);
  int (*cuLaunchKernel)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                        unsigned, void *, void **, void **);
  int (*cuGetErrorString)(int, const char **);

  /// The name of a function that `library` lacks, or null.
  const char *find(void *library);
};

const char *Device::Driver::find(void *library) {
#define FIND(name)                                                                                 \
  if (!(name = reinterpret_cast<decltype(name)>(dlsym(library, #name))))                           \
    return #name;
  FIND(cuInit)
  FIND(cuDeviceGet)
  FIND(cuDeviceGetName)
  FIND(cuDeviceGetAttribute)
  FIND(cuDevicePrimaryCtxRetain)
  FIND(cuDevicePrimaryCtxRelease_v2)
  FIND(cuCtxSetCurrent)
  FIND(cuMemGetInfo_v2)
  FIND(cuMemAlloc_v2)
  FIND(cuMemFree_v2)
  FIND(cuMemcpyHtoD_v2)
  FIND(cuMemcpyDtoH_v2)
  FIND(cuMemcpyDtoDAsync_v2)
  FIND(cuStreamCreate)
  FIND(cuStreamDestroy_v2)
  FIND(cuStreamSynchronize)
  FIND(cuStreamBeginCapture_v2)
  FIND(cuStreamEndCapture)
  FIND(cuGraphInstantiateWithFlags)
  FIND(cuGraphLaunch)
  FIND(cuGraphExecDestroy)
  FIND(cuGraphDestroy)
  FIND(cuEventCreate)
  FIND(cuEventDestroy_v2)
  FIND(cuEventRecord)
  FIND(cuEventElapsedTime)
  FIND(cuModuleLoadData)
  FIND(cuModuleGetFunction)
  FIND(cuModuleUnload)
  FIND(cuFuncSetAttribute)
  FIND(cuLaunchKernel)
  FIND(cuGetErrorString)
#undef FIND
  return nullptr;
}

/// Calls the driver; leaves the function with its error.
#define CALL(...)                                                                                  \
  if (int code = driver->__VA_ARGS__)                                                              \
    return errorOf(code);
#define TRY(...)                                                                                   \
  if (std::string problem = __VA_ARGS__; !problem.empty())                                         \
    return problem;

std::string Device::errorOf(int code) const {
  const char *text = nullptr;
  driver->cuGetErrorString(code, &text);
  return "the NVIDIA driver reports error " + std::to_string(code) +
         (text ? std::string(" (") + text + ")" : "");
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

std::unique_ptr<Device> Device::open(std::string &error) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    error = "no NVIDIA driver (libcuda.so.1) on this machine";
    return nullptr;
  }
  std::unique_ptr<Device> device(new Device());
  device->driver = std::make_unique<Driver>();
  if (const char *missing = device->driver->find(library)) {
    error = std::string("expected a driver of CUDA 12 or later, found one without ") + missing;
    return nullptr;
  }
  auto start = [&]() -> std::string {
    constexpr int multiprocessors = 16;
    Driver *driver = device->driver.get();
    auto errorOf = [&](int code) { return device->errorOf(code); };
    char text[200] = "";
    void *context = nullptr;
    CALL(cuInit(0))
    CALL(cuDeviceGet(&device->device, 0))
    CALL(cuDeviceGetName(text, sizeof(text), device->device))
    CALL(cuDeviceGetAttribute(&device->processors, multiprocessors, device->device))
    CALL(cuDevicePrimaryCtxRetain(&context, device->device))
    CALL(cuCtxSetCurrent(context))
    CALL(cuStreamCreate(&device->launchStream, 0))
    CALL(cuEventCreate(&device->events[0], 0))
    CALL(cuEventCreate(&device->events[1], 0))
    device->deviceName = text;
    return "";
  };
  error = start();
  return error.empty() ? std::move(device) : nullptr;
}

Device::~Device() {
  for (void *event : events)
    if (event)
      driver->cuEventDestroy_v2(event);
  if (!launchStream)
    return;
  driver->cuStreamDestroy_v2(launchStream);
  driver->cuDevicePrimaryCtxRelease_v2(device);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

size_t Device::freeMemory() const {
  size_t free = 0, total = 0;
  return driver->cuMemGetInfo_v2(&free, &total) == 0 ? free : 0;
}

std::string Device::allocate(size_t bytes, uint64_t &address) {
  CALL(cuMemAlloc_v2(&address, bytes ? bytes : 1))
  return "";
}

void Device::release(uint64_t address) { driver->cuMemFree_v2(address); }

std::string Device::copyIn(uint64_t target, const void *source, size_t bytes) {
  if (bytes)
    CALL(cuMemcpyHtoD_v2(target, source, bytes))
  return "";
}

std::string Device::copyOut(void *target, uint64_t source, size_t bytes) {
  if (bytes)
    CALL(cuMemcpyDtoH_v2(target, source, bytes))
  return "";
}

std::string Device::finish() {
  CALL(cuStreamSynchronize(launchStream))
  return "";
}

//===----------------------------------------------------------------------===//
// Time
//===----------------------------------------------------------------------===//

std::string Device::timeOnce(const std::function<std::string()> &launch, double &seconds) {
  float milliseconds = 0;
  CALL(cuEventRecord(events[0], launchStream))
  TRY(launch())
  CALL(cuEventRecord(events[1], launchStream))
  TRY(finish())
  CALL(cuEventElapsedTime(&milliseconds, events[0], events[1]))
  seconds = milliseconds * 1e-3;
  return "";
}

/// `count` launches as one graph: the host's time per launch stays out of the measurement.
std::string Device::capture(const std::function<std::string()> &launch, unsigned count,
                            void *&graph) {
  constexpr int threadLocal = 1;
  void *recorded = nullptr;
  std::string wrong;
  CALL(cuStreamBeginCapture_v2(launchStream, threadLocal))
  for (unsigned i = 0; i < count && wrong.empty(); ++i)
    wrong = launch();
  // Also after an error: the stream must not stay in capture.
  int code = driver->cuStreamEndCapture(launchStream, &recorded);
  TRY(wrong)
  if (code)
    return errorOf(code);
  code = driver->cuGraphInstantiateWithFlags(&graph, recorded, 0);
  driver->cuGraphDestroy(recorded);
  return code ? errorOf(code) : "";
}

std::string Device::time(const std::function<std::string()> &launch, unsigned groups,
                         double restSeconds, std::vector<double> &seconds) {
  constexpr double wanted = 1.5e-3, most = 200;
  double once = 0;
  for (int warmUp = 0; warmUp < 3; ++warmUp)
    TRY(timeOnce(launch, once))
  auto count =
      static_cast<unsigned>(std::clamp(std::round(wanted / std::max(once, 1e-7)), 1., most));
  void *graph = nullptr;
  TRY(capture(launch, count, graph))
  auto replay = [&]() -> std::string {
    CALL(cuGraphLaunch(graph, launchStream))
    return "";
  };
  std::string wrong;
  for (unsigned group = 0; group < groups && wrong.empty(); ++group) {
    std::this_thread::sleep_for(std::chrono::duration<double>(restSeconds));
    wrong = timeOnce(replay, once);
    for (int i = 0; i < 3 && wrong.empty(); ++i) {
      wrong = timeOnce(replay, once);
      seconds.push_back(once / count);
    }
  }
  driver->cuGraphExecDestroy(graph);
  return wrong;
}

//===----------------------------------------------------------------------===//
// Ceilings
//===----------------------------------------------------------------------===//

static double leastOf(const std::vector<double> &times) {
  return *std::min_element(times.begin(), times.end());
}

/// By a kernel, which is faster than the driver's own copy; by that one where PTX cannot be
/// compiled.
std::string Device::timeCopies(uint64_t to, uint64_t from, uint64_t bytes,
                               std::vector<double> &times) {
  void *module = nullptr, *kernel = nullptr;
  if (driver->cuModuleLoadData(&module, copyText().c_str()) != 0)
    return time(
        [&]() -> std::string {
          CALL(cuMemcpyDtoDAsync_v2(to, from, bytes, launchStream))
          return "";
        },
        3, 0.02, times);
  CALL(cuModuleGetFunction(&kernel, module, "copy"))
  void *parameters[] = {&to, &from, &bytes};
  std::string wrong = time(
      [&]() -> std::string {
        CALL(cuLaunchKernel(kernel, 8 * processors, 1, 1, copyThreads, 1, 1, 0, launchStream,
                            parameters, nullptr))
        return "";
      },
      3, 0.02, times);
  driver->cuModuleUnload(module);
  return wrong;
}

std::string Device::measureCopies(double &bytesPerSecond) {
  size_t bytes = std::min(size_t(1) << 29, freeMemory() / 4) / copyGrain * copyGrain;
  uint64_t from = 0, to = 0;
  TRY(allocate(bytes, from))
  std::string wrong = allocate(bytes, to);
  std::vector<double> times;
  if (wrong.empty()) {
    wrong = timeCopies(to, from, bytes, times);
    release(to);
  }
  release(from);
  TRY(wrong)
  bytesPerSecond = 2 * static_cast<double>(bytes) / leastOf(times);
  return "";
}

std::string Device::measureProducts(double &flops) {
  constexpr int maxDynamicShared = 8;
  void *module = nullptr, *kernel = nullptr;
  // Another kind of GPU: it has no such instruction, and its ceiling stays unknown.
  if (driver->cuModuleLoadData(&module, peakProductText().c_str()) != 0)
    return "";
  CALL(cuModuleGetFunction(&kernel, module, "peak_product"))
  CALL(cuFuncSetAttribute(kernel, maxDynamicShared, peakProduct.sharedBytes))
  uint32_t rounds = 4000;
  void *parameters[] = {&rounds};
  std::vector<double> times;
  std::string wrong = time(
      [&]() -> std::string {
        CALL(cuLaunchKernel(kernel, processors, 1, 1, peakProduct.threads, 1, 1,
                            peakProduct.sharedBytes, launchStream, parameters, nullptr))
        return "";
      },
      3, 0.08, times);
  driver->cuModuleUnload(module);
  TRY(wrong)
  flops = peakProduct.flopsPerRound * rounds * processors / leastOf(times);
  return "";
}

std::string Device::measureCeiling(MachineCeiling &ceiling) {
  TRY(measureCopies(ceiling.bytes))
  return measureProducts(ceiling.flops);
}
