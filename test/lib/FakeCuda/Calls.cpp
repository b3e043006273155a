//===- Calls.cpp - device, memory, streams, graphs and events of the fake driver -----------===//
//
// A driver that runs on the host, for tests. Device memory is host memory; kernels are executed
// from their PTX (Kernels.cpp). Settings come from the environment:
//
//   FAKE_CUDA_LOG       file that gets a line per call
//   FAKE_CUDA_FAIL      name of a call that returns error 719
//   FAKE_CUDA_COMPUTE   compute capability, such as 80 (default 90)
//   FAKE_CUDA_MEMORY    so many allocations succeed
//   FAKE_CUDA_SEED      order of blocks, warps and copies; without one, or 0, the plain one
//   FAKE_CUDA_UNUSED_ROWS  left operands of products have rows that nobody needs (Settings)
//   FAKE_CUDA_TEAR      lanes that could go on together do not always
//   FAKE_CUDA_REPLACE   `what=>with`: a change of the PTX, for kernels that must be found wrong
//
//===------------------------------------------------------------------------------------------===//
#include "Driver.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>

using namespace fake;

int fake::called(const char *name) {
  const char *log = std::getenv("FAKE_CUDA_LOG"), *fail = std::getenv("FAKE_CUDA_FAIL");
  if (log) {
    FILE *file = std::fopen(log, "a");
    std::fprintf(file, "%s\n", name);
    std::fclose(file);
  }
  return fail && !std::strcmp(fail, name) ? LaunchFailed : 0;
}

static ptx::Settings readSettings() {
  ptx::Settings settings;
  if (const char *seed = std::getenv("FAKE_CUDA_SEED"))
    settings.seed = std::strtoull(seed, nullptr, 10);
  settings.hasUnusedRows = std::getenv("FAKE_CUDA_UNUSED_ROWS") != nullptr;
  settings.tearsWarps = std::getenv("FAKE_CUDA_TEAR") != nullptr;
  return settings;
}

/// Never destroyed: libraries may call until the very end.
ptx::Device &fake::device() {
  static ptx::Device *device = [] {
    auto *made = new ptx::Device;
    made->settings = readSettings();
    return made;
  }();
  return *device;
}

int fake::capability() {
  const char *compute = std::getenv("FAKE_CUDA_COMPUTE");
  return compute ? std::atoi(compute) : 90;
}

static void *currentContext;
static bool isCapturing;
static std::vector<std::function<int()>> recorded;

int fake::put(std::function<int()> work) {
  if (!isCapturing)
    return work();
  recorded.push_back(std::move(work));
  return 0;
}

static void *pointer(uint64_t address) { return reinterpret_cast<void *>(address); }

extern "C" {

//===----------------------------------------------------------------------===//
// Device and context
//===----------------------------------------------------------------------===//

int cuInit(unsigned flags) {
  FAKE_CALL;
  return flags ? InvalidValue : 0;
}
int cuDeviceGet(int *device, int n) {
  FAKE_CALL;
  *device = 0;
  return n ? InvalidDevice : 0;
}
int cuDeviceGetName(char *name, int n, int device) {
  FAKE_CALL;
  std::snprintf(name, static_cast<size_t>(n), "fake GPU %d", device);
  return 0;
}
int cuDeviceGetAttribute(int *value, int what, int device) {
  enum { Processors = 16, L2Bytes = 38, Major = 75, Minor = 76 };
  FAKE_CALL;
  *value = what == Processors ? static_cast<int>(fake::device().settings.processors)
           : what == L2Bytes  ? 4 << 20
           : what == Major    ? capability() / 10
           : what == Minor    ? capability() % 10
                              : device;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **out, int device) {
  FAKE_CALL;
  *out = &currentContext;
  return device;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  FAKE_CALL;
  return device;
}
int cuCtxGetCurrent(void **out) {
  FAKE_CALL;
  *out = currentContext;
  return 0;
}
int cuCtxSetCurrent(void *given) {
  FAKE_CALL;
  currentContext = given;
  return 0;
}
int cuCtxGetDevice(int *device) {
  FAKE_CALL;
  *device = 0;
  return 0;
}
int cuPointerGetAttribute(void *out, int what, uint64_t address) {
  enum { DeviceOrdinal = 9 };
  FAKE_CALL;
  *static_cast<int *>(out) = 0;
  return what == DeviceOrdinal && address ? 0 : InvalidValue;
}
int cuGetErrorString(int code, const char **text) {
  *text = code == LaunchFailed ? "unspecified launch failure" : "other";
  return 0;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

int cuMemGetInfo_v2(size_t *free, size_t *total) {
  FAKE_CALL;
  *free = *total = size_t(64) << 20;
  return 0;
}
/// Guards before and behind stay unallocated, so that who runs over an end is found.
int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  static constexpr size_t Alignment = 512;
  static int allocations;
  const char *most = std::getenv("FAKE_CUDA_MEMORY");
  FAKE_CALL;
  if (!bytes)
    return InvalidValue;
  if (most && ++allocations > std::atoi(most))
    return OutOfMemory;
  void *memory = std::aligned_alloc(Alignment, (bytes + Alignment - 1) / Alignment * Alignment);
  if (!memory)
    return OutOfMemory;
  *address = reinterpret_cast<uint64_t>(memory);
  device().memory.add(*address, bytes, /*isUndefined=*/true);
  return 0;
}
int cuMemFree_v2(uint64_t address) {
  FAKE_CALL;
  if (!device().memory.remove(address))
    return InvalidValue;
  std::free(pointer(address));
  return 0;
}
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t n) {
  FAKE_CALL;
  if (!device().memory.define(to, n))
    return InvalidValue;
  std::memcpy(pointer(to), from, n);
  return 0;
}
/// What comes back must have been written.
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t n) {
  FAKE_CALL;
  if (!device().memory.isDefined(from, n))
    return InvalidValue;
  std::memcpy(to, pointer(from), n);
  return 0;
}
int cuMemsetD32Async(uint64_t to, unsigned word, size_t n, void *) {
  FAKE_CALL;
  if (!device().memory.define(to, 4 * n))
    return InvalidValue;
  std::fill_n(static_cast<unsigned *>(pointer(to)), n, word);
  return 0;
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t n, void *stream) {
  FAKE_CALL;
  if (!to || !from || !n || !stream)
    return InvalidValue;
  return put([=] {
    if (!device().memory.define(to, n))
      return int(InvalidValue);
    std::memmove(pointer(to), pointer(from), n);
    return 0;
  });
}

//===----------------------------------------------------------------------===//
// Streams, graphs (which record launches with their arguments), events
//===----------------------------------------------------------------------===//

int cuStreamCreate(void **stream, unsigned flags) {
  enum { NonBlocking = 1 };
  FAKE_CALL;
  *stream = std::malloc(1);
  return flags & ~NonBlocking ? InvalidValue : 0;
}
int cuStreamDestroy_v2(void *stream) {
  FAKE_CALL;
  std::free(stream);
  return 0;
}
int cuThreadExchangeStreamCaptureMode(int *mode) {
  static int current;
  FAKE_CALL;
  std::swap(*mode, current);
  return 0;
}
int cuStreamGetCaptureInfo_v2(void *, int *status, uint64_t *id, void *, void *, void *) {
  FAKE_CALL;
  *status = isCapturing;
  *id = 1;
  return 0;
}
int cuStreamSynchronize(void *stream) {
  FAKE_CALL;
  return stream ? 0 : InvalidValue;
}
int cuStreamBeginCapture_v2(void *stream, int mode) {
  FAKE_CALL;
  isCapturing = true;
  recorded.clear();
  return stream && mode == 1 ? 0 : InvalidValue;
}
int cuStreamEndCapture(void *stream, void **graph) {
  FAKE_CALL;
  isCapturing = false;
  *graph = std::malloc(1);
  return stream ? 0 : InvalidValue;
}
int cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long flags) {
  FAKE_CALL;
  *exec = std::malloc(1);
  return graph && !flags ? 0 : InvalidValue;
}
int cuGraphDestroy(void *graph) {
  FAKE_CALL;
  std::free(graph);
  return 0;
}
int cuGraphExecDestroy(void *exec) {
  FAKE_CALL;
  std::free(exec);
  return 0;
}
int cuGraphLaunch(void *exec, void *stream) {
  int code = exec && stream ? 0 : InvalidValue;
  FAKE_CALL;
  for (size_t i = 0; i < recorded.size() && !code; ++i)
    code = recorded[i]();
  return code;
}

static double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}
int cuEventCreate(void **event, unsigned flags) {
  FAKE_CALL;
  *event = std::calloc(1, sizeof(double));
  return flags ? InvalidValue : 0;
}
int cuEventDestroy_v2(void *event) {
  FAKE_CALL;
  std::free(event);
  return 0;
}
int cuEventRecord(void *event, void *stream) {
  FAKE_CALL;
  *static_cast<double *>(event) = now();
  return stream ? 0 : InvalidValue;
}
int cuEventElapsedTime(float *ms, void *from, void *to) {
  FAKE_CALL;
  *ms = static_cast<float>(*static_cast<double *>(to) - *static_cast<double *>(from)) + 0.001f;
  return 0;
}

} // extern "C"
