//===- Kernels.cpp - modules, tensor maps and launches of the fake driver --------------------===//
#include "Driver.h"
#include "Image.h"
#include "TensorMap.h"

#include <cstdio>
#include <cstdlib>
#include <deque>

using namespace fake;

namespace {

struct LoadedKernel {
  ptx::Module *module;
  ptx::Kernel *kernel;
  unsigned mostShared = 48 << 10; ///< dynamic bytes that a launch may ask for
};

/// Addresses are handles, so nothing moves.
std::deque<LoadedKernel> &loadedKernels() {
  static auto *kernels = new std::deque<LoadedKernel>;
  return *kernels;
}

LoadedKernel *find(const void *handle) {
  for (LoadedKernel &kernel : loadedKernels())
    if (&kernel == handle)
      return &kernel;
  return nullptr;
}

/// Applies FAKE_CUDA_REPLACE; says so when the text does not hold what is replaced.
void change(std::string &text) {
  const char *setting = std::getenv("FAKE_CUDA_REPLACE");
  std::string change(setting ? setting : "");
  size_t arrow = change.find("=>");
  if (arrow == std::string::npos)
    return;
  std::string what = change.substr(0, arrow), with = change.substr(arrow + 2);
  size_t at = text.find(what);
  if (at == std::string::npos)
    std::fprintf(stderr, "fake driver: the PTX has no '%s'\n", what.c_str());
  for (; at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

/// Text for `sm_80` is compiled for 8.0 and later, machine code runs on those of one major number.
/// An architecture's own features (`sm_90a`) need that very one.
bool runsHere(const std::string &target, bool isMachineCode) {
  if (target.compare(0, 3, "sm_"))
    return false;
  char *end;
  long wanted = std::strtol(target.c_str() + 3, &end, 10), here = capability();
  if (*end)
    return wanted == here;
  return wanted <= here && (!isMachineCode || wanted / 10 == here / 10);
}

int report(const std::string &problem, int code) {
  std::fprintf(stderr, "fake driver: %s\n", problem.c_str());
  return code;
}

struct Shape {
  unsigned grid[3], block[3], shared;
  void *stream;
};

bool isLaunchable(const Shape &s, const LoadedKernel *kernel) {
  return kernel && s.grid[0] && s.grid[0] < 1u << 31 && s.grid[1] && s.grid[1] < 1u << 16 &&
         s.grid[2] && s.grid[2] < 1u << 16 && s.block[0] && s.block[1] == 1 && s.block[2] == 1 &&
         s.stream && s.shared <= kernel->mostShared;
}

/// Parameters are read now, the kernel runs with its stream's work.
int launchKernel(const Shape &shape, void *handle, void **parameters, bool mayStartEarly) {
  LoadedKernel *kernel = find(handle);
  if (!isLaunchable(shape, kernel))
    return InvalidValue;
  std::vector<std::vector<uint8_t>> values;
  for (size_t i = 0; i < kernel->kernel->parameters.size(); ++i) {
    auto *bytes = static_cast<uint8_t *>(parameters[i]);
    values.emplace_back(bytes, bytes + kernel->kernel->parameters[i].bytes);
  }
  return put([=] {
    std::vector<void *> pointers;
    for (const std::vector<uint8_t> &value : values)
      pointers.push_back(const_cast<uint8_t *>(value.data()));
    ptx::Launch launch;
    std::copy_n(shape.grid, 3, launch.grid);
    launch.threads = shape.block[0];
    launch.dynamicShared = shape.shared;
    launch.parameters = pointers.data();
    launch.mayStartEarly = mayStartEarly;
    std::string problem = device().run(*kernel->module, *kernel->kernel, launch);
    return problem.empty() ? 0 : report(problem, LaunchFailed);
  });
}

} // namespace

extern "C" {

/// PTX that attn-run brings along to measure a real device; there is nothing to measure here.
int cuModuleLoadData(void **module, const void *image) {
  FAKE_CALL;
  *module = nullptr;
  return image ? NoBinaryForDevice : InvalidValue;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  FAKE_CALL;
  *function = nullptr;
  return module && name ? 0 : InvalidValue;
}
int cuModuleUnload(void *module) {
  FAKE_CALL;
  return module ? 0 : InvalidValue;
}
int cuFuncSetAttribute(void *function, int what, int value) {
  FAKE_CALL;
  return function && what && value ? 0 : InvalidValue;
}

int cuLibraryLoadData(void **library, const void *image, void *a, void *b, unsigned c, void *d,
                      void *e, unsigned f) {
  FAKE_CALL;
  if (!image || a || b || c || d || e || f)
    return InvalidValue;
  if (!std::memcmp(image, "\177ELF", 4))
    return report("machine code cannot be executed here; compile with PTXAS=ptx-as", InvalidImage);
  std::string text(static_cast<const char *>(image));
  bool isMachineCode = text.rfind(MachineCodeMark, 0) == 0;
  if (int code = isMachineCode ? 0 : called("compiled from text"))
    return code;
  change(text);
  ptx::Module *module = device().load(std::move(text));
  if (!module)
    return report(device().problem, InvalidImage);
  *library = module;
  return runsHere(module->target(), isMachineCode) ? 0 : NoBinaryForDevice;
}

int cuLibraryGetKernel(void **kernel, void *library, const char *name) {
  FAKE_CALL;
  auto *module = static_cast<ptx::Module *>(library);
  ptx::Kernel *found = module ? module->find(name) : nullptr;
  if (!found)
    return NotFound;
  loadedKernels().push_back({module, found});
  *kernel = &loadedKernels().back();
  return 0;
}

int cuKernelSetAttribute(int what, int value, void *kernel, int device) {
  enum { MostDynamicShared = 8, MostSharedOfAll = 232448 };
  FAKE_CALL;
  LoadedKernel *loaded = find(kernel);
  if (what != MostDynamicShared || value < 0 || value > MostSharedOfAll || !loaded || device)
    return InvalidValue;
  loaded->mostShared = static_cast<unsigned>(value);
  return 0;
}

/// The limits of cuTensorMapEncodeTiled's documentation, for elements of 16 bits.
int cuTensorMapEncodeTiled(void *out, int type, uint32_t rank, void *address, const uint64_t *size,
                           const uint64_t *stride, const uint32_t *box, const uint32_t *steps,
                           int interleave, int swizzle, int promotion, int fill) {
  enum { Float16 = 6, BFloat16 = 9 };
  static constexpr uint8_t widths[] = {0, 32, 64, 128};
  FAKE_CALL;
  if (reinterpret_cast<uintptr_t>(out) % 64 || !address ||
      reinterpret_cast<uintptr_t>(address) % 16 || !rank || rank > ptx::TensorMap::MostAxes ||
      interleave || fill || promotion < 0 || promotion > 3 || swizzle < 0 || swizzle > 3 ||
      (type != Float16 && type != BFloat16))
    return InvalidValue;
  ptx::TensorMap map = {};
  map.magic = ptx::TensorMap::Magic;
  map.address = reinterpret_cast<uint64_t>(address);
  map.rank = static_cast<uint8_t>(rank);
  map.elementBytes = 2;
  map.swizzle = widths[swizzle];
  for (uint32_t i = 0; i < rank; ++i) {
    if (size[i] < 1 || size[i] > UINT64_C(1) << 32 || box[i] < 1 || box[i] > 256 || steps[i] != 1)
      return InvalidValue;
    map.size[i] = size[i], map.box[i] = static_cast<uint16_t>(box[i]);
    if (i + 1 < rank && (stride[i] % 16 || stride[i] >= UINT64_C(1) << 40 || !stride[i]))
      return InvalidValue;
    if (i + 1 < rank)
      map.stride[i] = stride[i];
  }
  if (box[0] * map.elementBytes % 16 || (map.swizzle && box[0] * map.elementBytes > map.swizzle))
    return InvalidValue;
  std::memset(out, 0, 128);
  std::memcpy(out, &map, sizeof(map));
  return 0;
}

int cuLaunchKernel(void *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void *stream, void **parameters, void **extra) {
  FAKE_CALL;
  return extra ? InvalidValue
               : launchKernel({{gx, gy, gz}, {bx, by, bz}, shared, stream}, kernel, parameters,
                              /*mayStartEarly=*/false);
}

/// CUlaunchConfig and CUlaunchAttribute of cuda.h.
struct LaunchConfig {
  unsigned grid[3], block[3], shared;
  void *stream;
  struct Attribute {
    int id, padding, value[16];
  } *attributes;
  unsigned numAttributes;
};

int cuLaunchKernelEx(const LaunchConfig *config, void *kernel, void **parameters, void **extra) {
  enum { ProgrammaticStreamSerialization = 6 };
  FAKE_CALL;
  bool mayStartEarly = false;
  for (unsigned i = 0; i < config->numAttributes; ++i) {
    if (config->attributes[i].id != ProgrammaticStreamSerialization)
      return InvalidValue;
    mayStartEarly |= config->attributes[i].value[0] != 0;
  }
  Shape shape = {};
  std::copy_n(config->grid, 3, shape.grid), std::copy_n(config->block, 3, shape.block);
  shape.shared = config->shared, shape.stream = config->stream;
  return extra ? InvalidValue : launchKernel(shape, kernel, parameters, mayStartEarly);
}

} // extern "C"
