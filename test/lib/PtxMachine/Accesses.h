//===- Accesses.h - one lane's reading and writing ------------------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_ACCESSES_H
#define ATTN_TEST_PTXMACHINE_ACCESSES_H

#include "Grid.h"

namespace ptx {

/// How an access orders others.
enum Ordering : uint32_t { Weak, Relaxed, Acquire, Release, AcquireRelease };

/// False after a mistake, which the grid then has. `isDefined` becomes false where memory is not.
bool readMemory(Warp &warp, const Instruction &in, Space space, uint32_t lane, uint64_t address,
                uint64_t bytes, void *to, bool &isDefined, bool isAtomic);
bool writeMemory(Warp &warp, const Instruction &in, Space space, uint32_t lane, uint64_t address,
                 uint64_t bytes, const void *from, bool isDefined, bool isAtomic);

/// A kernel that may start early must not touch memory before it has waited. False after such a
/// mistake.
bool mayTouchMemory(Warp &warp, const Instruction &in);

/// fence.acq_rel of the device's scope.
void fenceDevice(Warp &warp);
/// An atomic read of an address that others may have published at, and an atomic write.
void observe(Warp &warp, uint64_t address, Ordering ordering);
void publish(Warp &warp, uint64_t address, Ordering ordering, bool replaces);

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_ACCESSES_H
