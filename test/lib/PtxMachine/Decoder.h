//===- Decoder.h - from statements to instructions ------------------------*- C++ -*-===//
#ifndef ATTN_TEST_PTXMACHINE_DECODER_H
#define ATTN_TEST_PTXMACHINE_DECODER_H

#include "Instruction.h"
#include "Syntax.h"

#include <map>
#include <unordered_map>

namespace ptx {

struct Type {
  enum Kind : uint8_t { None, Bits, Unsigned, Signed, Real, BFloat, Predicate };
  Kind kind = None;
  uint8_t bits = 0; ///< of an element; a pair has twice as many
  bool isPair = false;
  bool isSigned() const { return kind == Signed; }
  bool isReal() const { return kind == Real || kind == BFloat; }
  bool operator==(const Type &o) const {
    return kind == o.kind && bits == o.bits && isPair == o.isPair;
  }
};

/// Addresses of symbols: variables of the module by name.
using SymbolTable = std::unordered_map<std::string_view, uint64_t>;

/// Registers, constants and labels of a kernel that is being decoded.
class KernelBuilder {
public:
  KernelBuilder(Kernel &kernel, const Entry &entry, const SymbolTable &globals,
                const SymbolTable &shared);
  Problem build(const std::vector<Statement> &statements);

  struct Named {
    Register place;
    uint8_t bits; ///< 1 for predicates
  };
  const Named *findRegister(std::string_view name) const;
  /// A register that holds `value` for all lanes; of 32 bits, 64, or 1.
  Register constant(Constant::Kind kind, uint8_t bits, uint64_t value);
  /// Where a symbol is; the space tells how.
  bool findSymbol(std::string_view name, Space &space, uint64_t &address) const;
  /// A place for what nobody reads.
  Register scratch(uint8_t bits);
  Kernel &kernel;

private:
  struct Scope {
    std::unordered_map<std::string_view, Named> single;
    /// `%r<100>` declares %r0 to %r99.
    std::vector<std::pair<std::string_view, std::vector<Named>>> ranges;
    std::unordered_map<std::string_view, uint32_t> labels;
  };
  struct Jump {
    uint32_t instruction;
    std::string_view label;
    std::vector<size_t> scopes;
    int line;
  };

  Problem add(const Statement &statement);
  Problem declareRegisters(const Statement &statement);
  Problem declareShared(const Statement &statement);
  Problem addInstruction(const Statement &statement);
  Problem resolveJumps();
  Register place(uint8_t bits, std::string_view name);

  const Entry &entry;
  const SymbolTable &globals;
  SymbolTable shared;
  std::vector<Scope> scopes;
  std::vector<size_t> open;
  std::vector<Jump> jumps;
  std::map<std::tuple<int, int, uint64_t>, Register> constants;
  std::map<uint8_t, Register> scratches;
};

/// One statement. What it asks for and does not get is kept as a problem, the first alone.
class Decoder {
public:
  /// `name`: the part of the opcode by which it was found.
  Decoder(const Statement &statement, std::string_view name, KernelBuilder &kernel);

  Instruction in;
  const Statement &statement;

  size_t numOperands() const { return statement.operands.size(); }
  const Operand &operand(size_t i);
  /// Whether the opcode has this modifier, which then counts as understood.
  bool has(std::string_view modifier);
  /// The first modifier among several that the opcode has: its position, or -1.
  int which(std::initializer_list<std::string_view> modifiers);
  /// The n-th modifier that is a type.
  Type type(size_t n = 0);
  Space space();
  /// Number of registers that `.v2` and its like ask for.
  unsigned vector();

  /// Operands of `bits` bits; a 16-bit register reads as 32 with zeros above.
  Register source(const Operand &operand, unsigned bits);
  Register source(size_t i, unsigned bits) { return source(operand(i), bits); }
  Register destination(const Operand &operand, unsigned bits);
  Register destination(size_t i, unsigned bits) { return destination(operand(i), bits); }
  /// Bits of a register operand; 0 of anything else.
  unsigned bitsOf(const Operand &operand) const;
  /// Base in from[`slot`], and offset; bit `slot` of option[3] says that the base has 32 bits.
  void address(size_t i, unsigned slot, Space space);
  /// Appends the elements of a vector, or one register.
  void listSources(const Operand &operand, unsigned bits);
  void listDestinations(const Operand &operand, unsigned bits);
  /// A number that must stand in the text.
  uint64_t number(size_t i);

  void refuse(std::string text);
  /// Registers of vectors as the kernel keeps them.
  std::vector<Register> listed;
  KernelBuilder &kernel;
  /// Refuses modifiers that nobody asked about.
  Problem finish();
  bool isJump = false;

private:
  bool isType(std::string_view part, Type &type) const;
  std::vector<std::string_view> parts;
  std::vector<bool> understood;
  Problem problem;
};

using DecodeFunction = void (*)(Decoder &);
using OpcodeTable = std::unordered_map<std::string_view, DecodeFunction>;

/// Each group of instructions adds its own.
void addIntegers(OpcodeTable &table);
void addReals(OpcodeTable &table);
void addComparisons(OpcodeTable &table);
void addConversions(OpcodeTable &table);
void addMoves(OpcodeTable &table);
void addAccesses(OpcodeTable &table);
void addAtomics(OpcodeTable &table);
void addControl(OpcodeTable &table);
void addExchanges(OpcodeTable &table);
void addWarpMatrices(OpcodeTable &table);
void addCopies(OpcodeTable &table);
void addBulkCopies(OpcodeTable &table);
void addBarriers(OpcodeTable &table);
void addTransactionBarriers(OpcodeTable &table);
void addWarpgroupMatrices(OpcodeTable &table);

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_DECODER_H
