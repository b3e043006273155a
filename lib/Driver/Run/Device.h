//===- Device.h - an NVIDIA GPU through its driver ------------------------===//
//
// The driver is opened when a bundle for a GPU is run, so that attn-run starts on machines without
// one. Nothing else of CUDA is needed. Functions return an empty string, or what went wrong.

#ifndef ATTN_LIB_DRIVER_RUN_DEVICE_H
#define ATTN_LIB_DRIVER_RUN_DEVICE_H

#include "Machine.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mlir::attn {

/// The first GPU that CUDA_VISIBLE_DEVICES leaves, with a stream of its own.
class Device {
public:
  /// Makes the device's primary context current. Null with a sentence in `error`: no driver, no
  /// GPU, or the driver's own error.
  static std::unique_ptr<Device> open(std::string &error);
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  const std::string &name() const { return deviceName; }
  void *stream() const { return launchStream; }
  /// Bytes of device memory that are free now.
  size_t freeMemory() const;

  std::string allocate(size_t bytes, uint64_t &address);
  void release(uint64_t address);
  std::string copyIn(uint64_t target, const void *source, size_t bytes);
  std::string copyOut(void *target, uint64_t source, size_t bytes);
  /// Waits for everything on the stream.
  std::string finish();

  /// Seconds per call of `launch`, which puts work on the stream, by the device's clock: `groups`
  /// groups of three, each group after `restSeconds` of idling. Calls are replayed from a graph of
  /// enough of them to make the clock's grain small.
  std::string time(const std::function<std::string()> &launch, unsigned groups, double restSeconds,
                   std::vector<double> &seconds);

  /// Copying within device memory (bytes read and written count), and wgmma on random bf16 data
  /// out of shared memory; 0 for what cannot be measured on this device.
  std::string measureCeiling(MachineCeiling &ceiling);

private:
  Device() = default;
  struct Driver;
  std::string errorOf(int code) const;
  std::string capture(const std::function<std::string()> &launch, unsigned count, void *&graph);
  std::string timeOnce(const std::function<std::string()> &launch, double &seconds);
  std::string timeCopies(uint64_t to, uint64_t from, uint64_t bytes, std::vector<double> &times);
  std::string measureCopies(double &bytesPerSecond);
  std::string measureProducts(double &flops);

  std::unique_ptr<Driver> driver;
  std::string deviceName;
  int device = 0, processors = 0;
  void *launchStream = nullptr, *events[2] = {nullptr, nullptr};
};

} // namespace mlir::attn

#endif // ATTN_LIB_DRIVER_RUN_DEVICE_H
