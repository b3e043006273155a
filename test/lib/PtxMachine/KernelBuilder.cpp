//===- KernelBuilder.cpp - registers, constants and labels of a kernel ----------------===//
#include "Cursor.h"
#include "Decoder.h"

#include <cstdlib>

using namespace ptx;

static uint64_t roundUp(uint64_t n, uint64_t by) { return by ? (n + by - 1) / by * by : n; }

/// The first kilobyte of shared memory belongs to the system, as on the devices.
static constexpr uint64_t FirstShared = 1024;

KernelBuilder::KernelBuilder(Kernel &kernel, const Entry &entry, const SymbolTable &globals,
                             const SymbolTable &moduleShared)
    : kernel(kernel), entry(entry), globals(globals), shared(moduleShared) {
  scopes.emplace_back();
  open.push_back(0);
}

Register KernelBuilder::place(uint8_t bits, std::string_view name) {
  Register r{kernel.numWords, kernel.numRegisters++};
  // Of predicates the second word is unused, so that 64-bit registers lie at even words.
  kernel.numWords += bits == 1 ? 2 : bits == 64 ? 2 * WarpSize : WarpSize;
  kernel.registerNames.emplace_back(name);
  return r;
}

Register KernelBuilder::constant(Constant::Kind kind, uint8_t bits, uint64_t value) {
  if (bits == 16)
    bits = 32, value &= 0xffff;
  if (bits == 32)
    value &= 0xffffffff;
  auto [found, isNew] = constants.try_emplace({kind, bits, value});
  if (isNew) {
    found->second = place(bits, "a constant");
    kernel.constants.push_back({kind, bits, found->second, value});
  }
  return found->second;
}

Register KernelBuilder::scratch(uint8_t bits) {
  auto [found, isNew] = scratches.try_emplace(bits);
  if (isNew)
    found->second = place(bits, "_");
  return found->second;
}

/// The number at the end of `%r12` and where it begins.
static size_t splitNumber(std::string_view name, uint64_t &number) {
  size_t digits = name.find_last_not_of("0123456789") + 1;
  if (digits == name.size())
    return name.size();
  number = std::strtoull(std::string(name.substr(digits)).c_str(), nullptr, 10);
  return digits;
}

const KernelBuilder::Named *KernelBuilder::findRegister(std::string_view name) const {
  uint64_t number = 0;
  size_t digits = splitNumber(name, number);
  for (size_t i = open.size(); i--;) {
    const Scope &scope = scopes[open[i]];
    auto found = scope.single.find(name);
    if (found != scope.single.end())
      return &found->second;
    for (const auto &[prefix, registers] : scope.ranges)
      if (digits < name.size() && prefix == name.substr(0, digits) && number < registers.size())
        return &registers[number];
  }
  return nullptr;
}

bool KernelBuilder::findSymbol(std::string_view name, Space &space, uint64_t &address) const {
  for (size_t i = 0; i < entry.parameters.size(); ++i)
    if (entry.parameters[i].name == name) {
      space = Space::Parameter, address = kernel.parameters[i].offset;
      return true;
    }
  for (const auto *table : {&shared, &globals}) {
    auto found = table->find(name);
    if (found == table->end())
      continue;
    space = table == &shared ? Space::Shared : Space::Global;
    address = found->second;
    return true;
  }
  return false;
}

/// `.b32 %r<100>` or `.pred p, q`.
Problem KernelBuilder::declareRegisters(const Statement &statement) {
  Cursor cursor(statement.text, statement.line);
  std::string_view type = cursor.word();
  size_t digits = type.find_first_of("0123456789");
  uint8_t bits = digits == std::string_view::npos
                     ? 1
                     : static_cast<uint8_t>(std::atoi(std::string(type.substr(digits)).c_str()));
  if ((bits == 1 && type != ".pred") || bits > 64)
    return {statement.line, "unknown kind of register '" + std::string(type) + "'"};
  Scope &scope = scopes[open.back()];
  do {
    std::string_view name = cursor.word();
    if (!cursor.take('<')) {
      scope.single[name] = {place(bits, name), bits};
      continue;
    }
    int count = std::atoi(std::string(cursor.until('>')).c_str());
    scope.ranges.push_back({name, {}});
    for (int i = 0; i < count; ++i)
      scope.ranges.back().second.push_back(
          {place(bits, std::string(name) + std::to_string(i)), bits});
  } while (cursor.take(','));
  return {};
}

Problem KernelBuilder::declareShared(const Statement &statement) {
  Variable variable;
  if (Problem problem = readVariable(statement.text, statement.line, variable))
    return problem;
  kernel.sharedBytes = roundUp(kernel.sharedBytes, variable.align);
  shared[variable.name] = FirstShared + kernel.sharedBytes;
  kernel.sharedBytes += variable.bytes;
  return {};
}

namespace {
/// `add` of reals and `add` of integers have nothing in common.
struct Opcodes {
  OpcodeTable all, ofReals;
  Opcodes() {
    addReals(ofReals);
    for (auto add : {addIntegers, addComparisons, addConversions, addMoves, addAccesses, addAtomics,
                     addControl, addExchanges, addWarpMatrices, addCopies, addBulkCopies,
                     addBarriers, addTransactionBarriers, addWarpgroupMatrices})
      add(all);
  }
};
} // namespace

static bool isOfReals(std::string_view text) {
  std::string_view last = text.substr(text.rfind('.') + 1);
  for (std::string_view type : {"f32", "f64", "f16", "f16x2", "bf16", "bf16x2"})
    if (last == type)
      return true;
  return false;
}

/// The longest name that a table has: `cp.async.bulk.…` before `cp.async.…`. `text` becomes it.
static DecodeFunction findIn(const OpcodeTable &table, std::string_view &text) {
  for (size_t end = text.size(); end != std::string_view::npos && end;
       end = text.rfind('.', end - 1)) {
    auto found = table.find(text.substr(0, end));
    if (found == table.end())
      continue;
    text = found->first;
    return found->second;
  }
  return nullptr;
}

static DecodeFunction findOpcode(std::string_view &text) {
  static const Opcodes opcodes;
  DecodeFunction found = isOfReals(text) ? findIn(opcodes.ofReals, text) : nullptr;
  return found ? found : findIn(opcodes.all, text);
}

Problem KernelBuilder::addInstruction(const Statement &statement) {
  std::string_view name = statement.text;
  DecodeFunction decode = findOpcode(name);
  if (!decode)
    return {statement.line, "unknown instruction '" + std::string(statement.text) + "'"};
  Decoder decoder(statement, name, *this);
  decode(decoder);
  if (Problem problem = decoder.finish())
    return problem;
  Instruction &in = decoder.in;
  in.firstListed = static_cast<uint32_t>(kernel.listed.size());
  in.numListed = static_cast<uint32_t>(decoder.listed.size());
  kernel.listed.insert(kernel.listed.end(), decoder.listed.begin(), decoder.listed.end());
  if (decoder.isJump)
    jumps.push_back({static_cast<uint32_t>(kernel.instructions.size()), statement.operands[0].name,
                     open, statement.line});
  kernel.instructions.push_back(in);
  return {};
}

Problem KernelBuilder::add(const Statement &statement) {
  switch (statement.kind) {
  case Statement::Open:
    open.push_back(scopes.size());
    scopes.emplace_back();
    return {};
  case Statement::Close:
    if (open.size() > 1)
      open.pop_back();
    return {};
  case Statement::Label:
    scopes[open.back()].labels[statement.text] = static_cast<uint32_t>(kernel.instructions.size());
    return {};
  case Statement::Registers:
    return declareRegisters(statement);
  case Statement::Shared:
    return declareShared(statement);
  case Statement::Instruction:
    return addInstruction(statement);
  }
  return {};
}

Problem KernelBuilder::resolveJumps() {
  for (const Jump &jump : jumps) {
    bool found = false;
    for (size_t i = jump.scopes.size(); i-- && !found;) {
      const auto &labels = scopes[jump.scopes[i]].labels;
      auto label = labels.find(jump.label);
      if ((found = label != labels.end()))
        kernel.instructions[jump.instruction].target = label->second;
    }
    if (!found)
      return {jump.line, "unknown label '" + std::string(jump.label) + "'"};
  }
  return {};
}

Problem KernelBuilder::build(const std::vector<Statement> &statements) {
  for (const Statement &statement : statements)
    if (Problem problem = add(statement))
      return problem;
  return resolveJumps();
}
