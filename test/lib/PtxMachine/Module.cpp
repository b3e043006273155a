//===- Module.cpp - a PTX text that has been loaded ---------------------------------------===//
#include "Module.h"

using namespace ptx;

static uint64_t roundUp(uint64_t n, uint64_t by) { return by ? (n + by - 1) / by * by : n; }
static std::string wordsOf(const Problem &problem) {
  return "line " + std::to_string(problem.line) + ": " + problem.text;
}

Module::Module(std::string given, GlobalMemory &memory) : text(std::move(given)), memory(memory) {
  blankComments(text);
  if (Problem problem = readModule(text, content)) {
    loadProblem = wordsOf(problem);
    return;
  }
  placeVariables();
  for (const Entry &entry : content.entries) {
    all.emplace_back();
    all.back().name = std::string(entry.name);
    all.back().maxThreads = entry.maxThreads;
    all.back().minBlocks = entry.minBlocks;
    placeParameters(entry, all.back());
  }
}

Module::~Module() {
  for (uint64_t address : addresses)
    memory.remove(address);
}

/// Shared variables without a size are what a launch adds; those with one belong to the kernels
/// that name them, which none of ours does.
void Module::placeVariables() {
  static constexpr uint64_t FirstShared = 1024, Alignment = 1024;
  for (const Variable &variable : content.variables) {
    if (variable.isShared) {
      shared[variable.name] = FirstShared;
      if (variable.bytes)
        loadProblem = "shared variables outside of kernels are not modelled";
      continue;
    }
    uint64_t align = std::min(std::max<uint64_t>(variable.align, 16), Alignment);
    storage.push_back(std::make_unique<uint8_t[]>(variable.bytes + align));
    uint64_t address = roundUp(reinterpret_cast<uint64_t>(storage.back().get()), align);
    std::copy(variable.values.begin(), variable.values.end(), reinterpret_cast<uint8_t *>(address));
    globals[variable.name] = address;
    addresses.push_back(address);
    memory.add(address, variable.bytes, /*isUndefined=*/false);
  }
}

void Module::placeParameters(const Entry &entry, Kernel &kernel) {
  for (const Parameter &parameter : entry.parameters) {
    kernel.parameterBytes = roundUp(kernel.parameterBytes, parameter.align);
    kernel.parameters.push_back({kernel.parameterBytes, parameter.bytes});
    kernel.parameterBytes += parameter.bytes;
  }
}

Kernel *Module::find(std::string_view name) {
  for (Kernel &kernel : all)
    if (kernel.name == name)
      return &kernel;
  return nullptr;
}

std::string Module::decode(Kernel &kernel) {
  static constexpr uint64_t FirstShared = 1024;
  if (kernel.isDecoded)
    return "";
  const Entry &entry = content.entries[static_cast<size_t>(&kernel - all.data())];
  std::vector<Statement> statements;
  if (Problem problem = readBody(entry, statements))
    return wordsOf(problem);
  SymbolTable places = shared;
  // What a launch adds lies behind the kernel's own variables.
  for (const Statement &statement : statements) {
    Variable variable;
    if (statement.kind == Statement::Shared &&
        !readVariable(statement.text, statement.line, variable))
      kernel.sharedBytes = roundUp(kernel.sharedBytes, variable.align) + variable.bytes;
  }
  for (auto &[name, place] : places)
    place = roundUp(FirstShared + kernel.sharedBytes, 1024);
  kernel.sharedBytes = 0;
  KernelBuilder builder(kernel, entry, globals, places);
  if (Problem problem = builder.build(statements))
    return wordsOf(problem);
  kernel.isDecoded = true;
  return "";
}
