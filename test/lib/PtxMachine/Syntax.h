//===- Syntax.h - what a PTX text says, before it means anything ----------*- C++ -*-===//
//
// A module is cut into variables and entries; an entry's body into statements, when it is first
// launched. Names stay views of the text, which must live as long.
//
//===--------------------------------------------------------------------------------===//
#ifndef ATTN_TEST_PTXMACHINE_SYNTAX_H
#define ATTN_TEST_PTXMACHINE_SYNTAX_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ptx {

/// A mistake with its line, or nothing.
struct Problem {
  int line = 0;
  std::string text;
  explicit operator bool() const { return !text.empty(); }
};

struct Operand {
  enum Kind { Name, Number, Vector, Address, Discarded };
  Kind kind = Name;
  std::string_view name; ///< of a Name: register, symbol or label
  uint64_t bits = 0;     ///< of a Number; of an Address what is added to its base
  bool negated = false;
  /// Elements of a Vector; of an Address its base and, for tensors, a Vector of coordinates.
  std::vector<Operand> parts;
};

struct Statement {
  enum Kind { Instruction, Label, Open, Close, Registers, Shared };
  Kind kind = Instruction;
  int line = 0;
  std::string_view text;  ///< the opcode with its modifiers, the label, or the declaration
  std::string_view guard; ///< a predicate's name, or empty
  bool guardNegated = false;
  std::vector<Operand> operands;
};

/// A variable of a module, or of a function's shared memory.
struct Variable {
  std::string_view name;
  bool isShared = false;
  uint64_t align = 1, bytes = 0;
  std::vector<uint8_t> values; ///< the first bytes; what follows is zero
};

struct Parameter {
  std::string_view name;
  uint64_t align = 1, bytes = 0;
};

struct Entry {
  std::string_view name, body;
  int line = 0; ///< of the body
  unsigned maxThreads = 0, minBlocks = 1;
  std::vector<Parameter> parameters;
};

struct ModuleText {
  std::string target;
  std::vector<Variable> variables;
  std::vector<Entry> entries;
};

/// Takes comments out of a text and keeps its lines.
void blankComments(std::string &text);

Problem readModule(std::string_view text, ModuleText &module);
Problem readBody(const Entry &entry, std::vector<Statement> &statements);
/// What stands behind `.shared`, `.global` or `.const`: `.align 16 .b8 name[512] = {…}`.
Problem readVariable(std::string_view text, int line, Variable &variable);

} // namespace ptx

#endif // ATTN_TEST_PTXMACHINE_SYNTAX_H
