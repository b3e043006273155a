//===- Instruction.h - decoded instructions and kernels -------------------*- C++ -*-===//
//
// Registers are places in the file of a warp: 32 lanes of 32 or 64 bits one after the other, or one
// word of 32 predicates. Immediates, addresses of symbols and special registers are registers that
// are filled when a warp starts, so that every operand is read alike.
//
//===--------------------------------------------------------------------------------===//
#ifndef ATTN_TEST_PTXMACHINE_INSTRUCTION_H
#define ATTN_TEST_PTXMACHINE_INSTRUCTION_H

#include <cstdint>
#include <string>
#include <vector>

namespace ptx {

class Warp;
struct Instruction;

enum { WarpSize = 32 };
inline constexpr uint32_t AllLanes = ~UINT32_C(0);

/// What becomes of the lanes that ran an instruction.
enum class Status : uint8_t {
  Next,
  GiveWay, ///< next, but others come first: it waits for something
  Meet,    ///< again, when more lanes of the warp have come here
  Block,   ///< next, when the block lets the warp go on
  Exit,
  Fail, ///< with a message in the grid
};

using Handler = Status (*)(Warp &warp, const Instruction &in, uint32_t lanes);

struct Register {
  uint32_t at = 0;     ///< word in the file
  uint32_t number = 0; ///< in the tables of what is undefined
};

/// Which memory an address is of.
enum class Space : uint8_t { Generic, Global, Shared, Constant, Parameter };

struct Instruction {
  Handler run = nullptr; ///< null: a branch to `target`
  uint32_t target = 0;
  int line = 0;
  bool hasGuard = false, guardNegated = false;
  Register guard;
  Register to, from[4];
  /// What of the registers of vectors belongs to it, one vector after the other.
  uint32_t firstListed = 0, numListed = 0;
  int64_t offset = 0; ///< added to an address
  /// What modifiers say, as the handler reads it.
  uint32_t option[4] = {};
};

/// A register that is full before the first instruction.
struct Constant {
  enum Kind : uint8_t {
    Plain,
    ParameterAddress,
    ThreadX,
    LaneId,
    WarpId,
    BlockX,
    BlockY,
    BlockZ,
    ThreadsX,
    BlocksX,
    BlocksY,
    BlocksZ,
    One,
    Zero
  };
  Kind kind = Plain;
  uint8_t bits = 32;
  Register place;
  uint64_t value = 0;
};

struct ParameterPlace {
  uint64_t offset = 0, bytes = 0;
};

struct Kernel {
  std::string name;
  unsigned maxThreads = 0, minBlocks = 1;
  std::vector<ParameterPlace> parameters;
  uint64_t parameterBytes = 0;
  /// Shared memory of its own; what a launch adds comes behind it at a multiple of 1024.
  uint64_t sharedBytes = 0;
  bool isDecoded = false;
  std::vector<Instruction> instructions;
  std::vector<Register> listed;
  std::vector<Constant> constants;
  uint32_t numRegisters = 0, numWords = 0;
  /// Of each register, for messages.
  std::vector<std::string> registerNames;
};

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_INSTRUCTION_H
